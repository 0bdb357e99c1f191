"""The commands: what they print, and how they end."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from itertools import chain, repeat
from pathlib import Path

import pytest

from exporter.commands import poll, poll_tables
from exporter.config.loader import Config, parse
from exporter.errors import PollTimeoutError
from exporter.model import AccountKey, Amount, Balance, BalancesResponse, RejectedRow
from exporter.polling.snapshots import PollResult
from exporter.runtime import logs
from exporter.runtime.clock import Clock
from exporter.simulator import Simulator, add_demo_accounts, config_text
from tests.accounts import balance, make_account
from tests.programs import exporter, run, wait_for


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        running.add_account(exchange="btcturk", name="first")
        running.add_account(exchange="btcturk", name="second")
        yield running


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(config_text(simulator))
    path.chmod(0o600)
    return path


@pytest.fixture
def slow_import(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the imports of the command line never end."""
    (tmp_path / "structlog.py").write_text(
        "import time\nprint('importing', flush=True)\ntime.sleep(60)\n"
    )
    return {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_imports_ends_the_daemon_with_zero_and_without_a_word(
    slow_import: dict[str, str], tmp_path: Path, number: signal.Signals
):
    with exporter(tmp_path, environment=slow_import) as daemon:
        wait_for(lambda: "importing" in daemon.output.read_text())
        daemon.process.send_signal(number)
        assert daemon.process.wait(5) == 0
        assert daemon.log == ""


def test_a_wish_to_reload_during_the_imports_ends_nothing(
    slow_import: dict[str, str], tmp_path: Path
):
    with exporter(tmp_path, environment=slow_import) as daemon:
        wait_for(lambda: "importing" in daemon.output.read_text())
        daemon.process.send_signal(signal.SIGHUP)
        assert daemon.stop() == 0


@pytest.mark.parametrize(
    "command", ["poll", "healthcheck", "--config.check", "--config.check=syntax"]
)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_what_was_cut_short_before_its_result_is_known_is_no_success(
    slow_import: dict[str, str],
    tmp_path: Path,
    command: str,
    number: signal.Signals,
    status: int,
):
    with exporter(tmp_path, command, environment=slow_import) as cut_short:
        wait_for(lambda: "importing" in cut_short.output.read_text())
        cut_short.process.send_signal(number)
        assert cut_short.process.wait(5) == status
        assert cut_short.log == ""


async def test_a_daemon_imports_only_what_it_needs(config: Path, tmp_path: Path):
    commands = ("config", "demo", "healthcheck", "poll", "poll_tables")
    unneeded = {"exporter.simulator", *(f"exporter.commands.{name}" for name in commands)}
    flags = (f"--config.file={config}", "--web.listen-address=127.0.0.1:0")

    def check() -> None:
        with exporter(tmp_path, *flags, environment={"PYTHONPROFILEIMPORTTIME": "1"}) as daemon:
            wait_for(lambda: "account is up" in daemon.log)
            assert "exchange_account_up{" in daemon.get("/metrics")
        imported = set(re.findall(r"^import time: .*\| +(\S+)$", daemon.log, re.MULTILINE))
        assert "exporter.daemon" in imported
        assert imported & unneeded == set()

    await to_thread(check)


async def test_a_poll_leaves_no_core_dump(simulator: Simulator, config: Path, tmp_path: Path):
    simulator.show("silence")

    def check() -> None:
        with exporter(tmp_path, "poll", f"--config.file={config}") as polling:
            wait_for(lambda: simulator.ledger)
            limits = Path(f"/proc/{polling.process.pid}/limits").read_text()
            [core] = [line.split() for line in limits.splitlines() if "core" in line]
            assert core[4:6] == ["0", "0"]

    await to_thread(check)


def test_no_other_program_of_the_same_user_may_read_its_memory(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, ctypes\n"
        "PR_GET_DUMPABLE = 3\n"
        "atexit.register(lambda: print('dumpable', ctypes.CDLL(None).prctl(PR_GET_DUMPABLE)))\n"
    )
    ended = run("--version", PYTHONPATH=f"{tmp_path}:{Path(__file__).parents[2]}")
    assert ended.stdout.endswith("dumpable 0\n")


async def test_a_poll_that_is_interrupted_ends_with_130_and_without_a_word(
    simulator: Simulator, config: Path, tmp_path: Path
):
    simulator.show("silence")

    def check() -> None:
        with exporter(tmp_path, "poll", f"--config.file={config}") as polling:
            wait_for(lambda: simulator.ledger)
            polling.process.send_signal(signal.SIGINT)
            assert polling.process.wait(5) == 130
            assert polling.log == ""

    await to_thread(check)


def test_a_port_in_use_is_one_clear_line_of_simulate():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run("simulate", f"--listen={address}")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert 'level=error msg="cannot listen"' in line
    assert f"{address}: Address already in use" in line


def test_a_name_that_nobody_knows_is_one_clear_line_of_simulate():
    ended = run("simulate", "--listen=nowhere.invalid:0")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "cannot listen" in line
    assert "nowhere.invalid:0: " in line


@pytest.mark.parametrize(
    "call", [("simulate", "--listen"), ("demo", "--web.listen-address"), ("--web.listen-address",)]
)
def test_an_address_that_is_none_is_wrong_usage(call: tuple[str, ...]):
    *command, flag = call
    ended = run(*command, f"{flag}=nonsense")
    assert ended.returncode == 2
    first, hint = ended.stderr.splitlines()
    assert first.endswith(
        f"error: argument {flag}: 'nonsense' is not a listen address"
        " such as 127.0.0.1:10517, [::1]:10517 or :10517"
    )
    assert hint == f"See `{' '.join(['exchange-balance-exporter', *command, '--help'])}`."


def test_a_configuration_that_cannot_be_written_is_one_clear_line_of_simulate():
    ended = run("simulate", "--write-config=/nonexistent/config.yaml")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert 'level=error msg="cannot write the configuration"' in line
    assert "/nonexistent/config.yaml: No such file or directory" in line


def test_a_fault_of_an_account_that_is_not_there_is_warned_about(tmp_path: Path):
    with exporter(tmp_path, "simulate", "--fault=http_401:account=payments") as simulating:
        wait_for(lambda: "Simulated exchanges at" in simulating.output.read_text())
        [line] = simulating.log.splitlines()
    assert "level=warning" in line
    assert "fault=http_401 account=payments accounts=" in line
    assert "payments-mx" in line


@pytest.mark.parametrize(
    ("fault", "possible"),
    [
        ("own_clock_skew:account=treasury-tr", "trubit"),
        ("key_unbound:account=cash-tr", "binance"),
        ("http_401:exchange=trubit,account=treasury-tr", "trubit"),
    ],
)
def test_a_fault_that_cannot_occur_at_an_account_is_warned_about(
    tmp_path: Path, fault: str, possible: str
):
    with exporter(tmp_path, "simulate", f"--fault={fault}") as simulating:
        wait_for(lambda: "Simulated exchanges at" in simulating.output.read_text())
        [line] = simulating.log.splitlines()
    assert 'level=warning msg="the fault never occurs: ' in line
    assert possible in line.partition("possible_at=")[2]


@pytest.mark.parametrize(("flags", "limited"), [((), True), (("--no-limits",), False)])
def test_simulate_keeps_the_documented_limits_unless_they_are_switched_off(
    tmp_path: Path, flags: tuple[str, ...], *, limited: bool
):
    with exporter(tmp_path, "simulate", *flags) as simulating:
        found = wait_for(lambda: re.search(r"http://(\S+)", simulating.output.read_text()))
        connection = http.client.HTTPConnection(found[1], timeout=5)
        statuses = set()
        for _ in range(125):
            connection.request("GET", "/api/v1/users/balances")
            with connection.getresponse() as response:
                response.read()
                statuses.add(response.status)
        connection.close()
    assert (429 in statuses) is limited


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_simulate_ends_with_zero_on_a_signal(tmp_path: Path, number: signal.Signals):
    with exporter(tmp_path, "simulate") as simulating:
        wait_for(lambda: "Simulated exchanges at" in simulating.output.read_text())
        simulating.process.send_signal(number)
        assert simulating.process.wait(5) == 0
        assert simulating.log == ""


@pytest.mark.parametrize("number", ["abc", "0", "-1", "1.5", "1_000", "9" * 5_000])
def test_a_number_that_is_none_is_told_what_it_must_be(number: str):
    ended = run(f"--web.max-requests={number}")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[0].endswith(
        "error: argument --web.max-requests: must be a whole number from 1 to 999999999"
    )


async def test_a_check_before_a_command_is_a_check_and_sends_no_request(
    simulator: Simulator, config: Path
):
    ended = await to_thread(run, f"--config.file={config}", "--config.check", "poll")
    assert (ended.returncode, ended.stdout) == (0, f"{config}: valid\n")
    assert not simulator.ledger


def test_a_flag_before_a_command_counts_as_behind_it(tmp_path: Path):
    with exporter(tmp_path, "--web.listen-address=127.0.0.1:0", "demo", "--log.level=warn") as demo:
        wait_for(lambda: "Stop with Ctrl-C" in demo.output.read_text())
        assert "http://127.0.0.1:10517/" not in demo.output.read_text()
        assert demo.stop() == 0


def test_an_unknown_command_is_told_which_there_are():
    ended = run("watch")
    assert ended.returncode == 2
    assert "error: unknown command; choose from poll, config, " in ended.stderr


def test_a_reader_who_has_seen_enough_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [sys.executable, "-m", "exporter", "simulate", "--list-faults"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=30,
        check=False,
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_an_output_without_room_is_one_clear_line():
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "exporter", "simulate", "--list-faults"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (1, b"cannot continue: No space left on device\n")


async def test_a_poll_prints_what_it_knows_and_says_for_what_it_waits(
    simulator: Simulator, config: Path, tmp_path: Path
):
    simulator.show("http_429", times=1)

    def check() -> None:
        with exporter(tmp_path, "poll", f"--config.file={config}") as polling:
            wait_for(lambda: polling.log.count("\n") == 1)
            assert 'msg="waiting for the rate limit" wait=5' in polling.log
            assert polling.output.read_text().startswith("btcturk / first: rate_limited: ")

    await to_thread(check)


async def test_a_poll_that_left_rows_out_is_a_success_that_says_so(
    simulator: Simulator, config: Path
):
    simulator.show("total_hex", account="first")
    ended = await to_thread(run, "poll", f"--config.file={config}")
    assert ended.returncode == 0
    assert "  dropped: row 0 (" in ended.stdout


def test_a_name_that_the_terminal_cannot_show_is_escaped(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "accounts:\n"
        "  - {name: €, exchange: btcturk, base_url: 'http://127.0.0.1:1',"
        " credentials: {api_key: k, api_secret: c2VjcmV0}}\n"
    )
    ended = run("poll", f"--config.file={config}", PYTHONIOENCODING="latin-1")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout.startswith("btcturk / \\u20ac: connection: ")


def test_a_flood_of_rows_that_were_left_out_is_cut_short():
    rows = tuple(RejectedRow(number, None, "not an object") for number in range(100))
    result = PollResult(0.0, 0.0, 0.0, BalancesResponse((), rows), None)
    assert poll_tables.as_table(AccountKey("btcturk", "a"), result).splitlines() == [
        "btcturk / a: 0 assets at 1970-01-01 00:00:00 UTC",
        "  dropped: row 0 (no asset): not an object",
        "  dropped: row 1 (no asset): not an object",
        "  dropped: row 2 (no asset): not an object",
        "  dropped: row 3 (no asset): not an object",
        "  dropped: row 4 (no asset): not an object",
        "  and 95 more",
    ]


def test_poll_sums_up_only_what_is_complete_and_says_what_is_missing():
    accounts = [make_account(each) for each in "abc"]
    sandbox = make_account("sandbox", in_totals=False)
    results = {
        account.key: PollResult(0.0, 0.0, 0.0, BalancesResponse((balance("BTC", "1.50"),)), None)
        for account in (*accounts[:2], sandbox)
    }
    totals = poll.sum_up([*accounts[:2], sandbox], results)
    assert poll_tables.totals_table(totals).splitlines() == [
        "totals",
        "  ASSET   TOTAL   FREE   LOCKED   ACCOUNTS",
        "  BTC      3.00   3.00        0   2 of 2",
        "  excluded: btcturk / sandbox",
    ]
    results[accounts[2].key] = PollResult(0.0, 0.0, 0.0, PollTimeoutError("no response"), None)
    totals = poll.sum_up(accounts, results)
    assert poll_tables.totals_table(totals).splitlines() == [
        "known part, no totals where accounts are missing",
        "  ASSET   TOTAL   FREE   LOCKED   ACCOUNTS",
        "  BTC      3.00   3.00        0   known part, 2 of 3",
        "  not counted: btcturk / c",
    ]


def test_an_account_that_was_not_polled_is_missing_from_the_sums():
    accounts = (make_account("a"), make_account("b"))
    results = {
        accounts[0].key: PollResult(0.0, 0.0, 0.0, BalancesResponse((balance("BTC", "1.50"),)))
    }
    document = json.loads(poll.as_json(Config(accounts, {}), results, None))
    assert [each["account"] for each in document["accounts"]] == ["a"]
    assert document["totals"][0] | {"free": "", "locked": ""} == {
        "asset": "BTC", "total": "1.50", "free": "", "locked": "", "whole": False,
        "counted_accounts": 1, "accounts": 2,
    }  # fmt: skip
    assert document["not_counted"] == [{"exchange": "btcturk", "account": "b"}]


def test_an_account_that_holds_nothing_has_no_table():
    nothing = Amount("0")
    result = PollResult(
        0.0, 0.0, 0.0, BalancesResponse((Balance("BTC", nothing, nothing, nothing),)), None
    )
    assert poll_tables.as_table(AccountKey("btcturk", "a"), result).splitlines() == [
        "btcturk / a: 1 asset at 1970-01-01 00:00:00 UTC",
        "  and 1 asset at zero",
    ]


def test_a_resolver_that_hangs_keeps_no_command_from_ending(tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, time\n"
        "resolve = socket.getaddrinfo\n"
        "def look_up(*wanted, **more):\n"
        "    if not wanted[5] & socket.AI_NUMERICHOST: time.sleep(300)\n"
        "    return resolve(*wanted, **more)\n"
        "socket.getaddrinfo = look_up\n"
    )
    config = tmp_path / "config.yaml"
    config.write_text(
        "defaults: {timeout: 1s}\n"
        "accounts:\n"
        "  - {name: a, exchange: btcturk, base_url: 'https://exchange.invalid',"
        " credentials: {api_key: k, api_secret: c2VjcmV0}}\n"
    )
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    ended = run("poll", f"--config.file={config}", PYTHONPATH=path)
    assert ended.returncode == 1
    assert ended.stdout.startswith("btcturk / a: timeout: ")


async def test_a_defect_that_a_poll_meets_is_logged_with_its_place(simulator: Simulator):
    walls: Iterator[str] = chain(["no time"], repeat("0"))
    clock = Clock(wall=lambda: float(next(walls)))
    lines = StringIO()
    logs.configure("info", "logfmt", stream=lines)
    config = parse(config_text(simulator), {})
    await poll.poll(config, clock, lambda *_: None)
    assert "ValueError at <lambda>" in lines.getvalue()


def test_config_init_prints_a_configuration_that_is_valid(tmp_path: Path):
    ended = run("config", "init")
    assert (ended.returncode, ended.stderr) == (0, "")
    (tmp_path / "config.yaml").write_text(ended.stdout)
    check = run(f"--config.file={tmp_path}/config.yaml", "--config.check=syntax")
    assert check.returncode == 0


def test_config_schema_prints_a_json_schema():
    ended = run("config", "schema")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["properties"]["accounts"]["type"] == ["array", "null"]


async def test_a_poll_can_be_of_one_account_alone(simulator: Simulator, config: Path):
    ended = await to_thread(run, "poll", f"--config.file={config}", "--account=second")
    assert ended.returncode == 0
    assert ended.stdout.startswith("btcturk / second: ")
    assert {entry.account for entry in simulator.ledger} == {"second"}


async def test_a_poll_of_an_account_at_another_exchange_names_both(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "accounts:\n"
        "  - {name: cash, exchange: trubit, credentials: {token: t}}\n"
        '  - {name: desk, exchange: btcturk, credentials: {api_key: k, api_secret: "c2VjcmV0"}}\n'
    )
    command = ("poll", f"--config.file={config}", "--account=desk", "--exchange=trubit")
    ended = await to_thread(run, *command)
    assert ended.returncode == 2
    assert ended.stderr == "no account desk at trubit; configured: btcturk / desk\n"


async def test_a_poll_as_json_names_the_addresses_that_responded(
    simulator: Simulator, config: Path
):
    ended = await to_thread(run, "poll", f"--config.file={config}", "--format=json")
    accounts = json.loads(ended.stdout)["accounts"]
    host, port = simulator.url.removeprefix("http://").split(":")
    assert [each["remote_addresses"] for each in accounts] == [[f"{host}:{port}"]] * 2


async def test_a_poll_of_an_unknown_account_says_which_is_meant(simulator: Simulator, config: Path):
    ended = await to_thread(run, "poll", f"--config.file={config}", "--account=secnd")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "--account=secnd: no configured account has this; did you mean second?\n"
    )
    assert not simulator.ledger


async def test_a_poll_can_be_of_one_exchange_alone(simulator: Simulator, config: Path):
    simulator.add_account(exchange="trubit", name="third")
    await to_thread(config.write_text, config_text(simulator))
    ended = await to_thread(run, "poll", f"--config.file={config}", "--exchange=trubit")
    assert ended.stdout.count(" / ") == 1
    assert ended.stdout.startswith("trubit / third: ")


async def test_a_poll_whose_reader_leaves_ends_as_by_sigpipe(simulator: Simulator, config: Path):
    simulator.show("http_500")
    command = f"{sys.executable} -m exporter poll --config.file={config} | head -c 1"
    shell = ["bash", "-c", f"set -o pipefail; {command}"]
    ended = await to_thread(subprocess.run, shell, capture_output=True, timeout=30, check=False)
    assert ended.returncode == 141
    assert ended.stderr == b""


def test_a_check_prints_errors_and_warnings_and_fails_only_for_errors(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "accounts:\n"
        "  - {name: a, exchange: btcturk, credentials: {api_key: k, api_secret_file: s},"
        " interval: 5m, stale_after: 30s}\n"
    )
    missing = run(f"--config.file={config}", "--config.check")
    assert missing.returncode == 2
    lines = missing.stdout.splitlines()
    assert lines[0] == (
        f"{config}:2:77: accounts[0].credentials.api_secret_file: No such file or directory"
    )
    assert [line.partition(": warning: ")[2].partition(" (")[0] for line in lines[1:]] == [
        "stale_after is shorter than the time between two polls",
        "configuration file with secrets is world-readable",
    ]
    (tmp_path / "s").write_text("c2VjcmV0")
    found = run(f"--config.file={config}", "--config.check")
    assert found.returncode == 0
    assert found.stdout.endswith(f"{config}: valid\n")
    assert found.stdout.count(": warning: ") == 3


def test_the_syntax_can_be_checked_without_secrets_and_variables(tmp_path: Path):
    config, web = tmp_path / "config.yaml", tmp_path / "web.yaml"
    config.write_text(
        "accounts: [{name: a, exchange: btcturk,"
        ' credentials: {api_key: "${NO_KEY}", api_secret_file: s}}]\n'
    )
    web.write_text("tls_server_config: {cert_file: none.crt, key_file: '${NO_DIR}/none.key'}\n")
    flags = (f"--config.file={config}", f"--web.config.file={web}")
    assert run(*flags, "--config.check").returncode == 2
    ended = run(*flags, "--config.check=syntax")
    assert (ended.returncode, ended.stdout) == (0, f"{config}: valid\n")
    assert run(*flags, EXCHANGE_BALANCE_EXPORTER_CONFIG_CHECK="syntax").returncode == 0


async def test_poll_says_what_the_simulated_accounts_are_worth(tmp_path: Path):
    async with Simulator() as simulator:
        add_demo_accounts(simulator)
        path = tmp_path / "config.yaml"
        path.write_text(config_text(simulator, currencies=["TRY", "USDT"]))
        ended = await to_thread(run, "poll", f"--config.file={path}")
        as_json = await to_thread(run, "poll", f"--config.file={path}", "--format=json")
    assert ended.returncode == 0, ended.stderr
    assert "VALUE IN TRY" in ended.stdout
    assert re.search(r"^worth [0-9]+\.[0-9]{8} USDT \(", ended.stdout, re.MULTILINE)
    accounts = json.loads(as_json.stdout)["accounts"]
    assert all(account["values"].keys() == {"TRY", "USDT"} for account in accounts)
    assert all("value" in row for account in accounts for row in account["balances"])


def test_a_check_warns_of_addresses_that_are_open_to_all(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(run("config", "init").stdout.partition("accounts:")[0])
    flags = (f"--config.file={config}", "--config.check")
    open_to_all = "everyone who reaches this address can read the balances"
    assert open_to_all in run(*flags, "--web.listen-address=:10517").stdout
    assert open_to_all in run(*flags, "--web.listen-address=192.0.2.1:10517").stdout
    assert open_to_all not in run(*flags, "--web.listen-address=[::1]:10517").stdout
    assert open_to_all not in run(*flags, "--web.listen-address=unix:/x").stdout
