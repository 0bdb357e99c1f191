"""The daemon as a process: start, reload, stop, and what its exit status says."""

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from asyncio import to_thread
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path

import bcrypt
import pytest

from exporter import __version__
from exporter.simulator import Simulator, config_text
from tests.programs import Exporter, exporter, run, wait_for

LISTEN = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator() as running:
        running.add_account(exchange="btcturk", name="treasury")
        running.add_account(exchange="trubit", name="payments")
        yield running


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(config_text(simulator, interval="2s"))
    path.chmod(0o600)
    return path


def status_of(url: str, method: str = "GET") -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method)) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


async def test_it_serves_both_exchanges_and_stops_with_zero_and_without_a_warning(
    config: Path, tmp_path: Path
):
    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
            page = daemon.get("/metrics")
            assert 'exchange_total_balance{exchange="btcturk",account="treasury"' in page
            assert 'exchange_total_balance{exchange="trubit",account="payments"' in page
            assert "treasury" in daemon.get("/")
            assert daemon.get("/-/healthy") == "Healthy\n"
            assert daemon.get("/-/ready") == "Ready\n"
            assert daemon.stop() == 0
            assert "level=warning" not in daemon.log
            assert "Warning" not in daemon.log

    await to_thread(check)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_at_once_in_the_middle_of_polls(
    simulator: Simulator, config: Path, tmp_path: Path, number: signal.Signals
):
    simulator.show("silence")

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            assert daemon.url
            wait_for(lambda: len(simulator.ledger) >= 2)
            daemon.process.send_signal(number)
            assert daemon.process.wait(5) == 0
            assert "Warning" not in daemon.log
            assert "msg=stopped" in daemon.log

    await to_thread(check)


async def test_more_signals_at_its_end_do_not_end_it_in_another_way(config: Path, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, signal\n"
        "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n"
        "    atexit.register(os.kill, os.getpid(), number)\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN, environment=path) as daemon:
            assert daemon.url
            assert daemon.stop() == 0
            assert "Traceback" not in daemon.log

    await to_thread(check)


async def test_a_defect_that_ends_it_is_one_line_without_its_words(config: Path, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "from exporter.daemon import Daemon\n"
        "async def fail(*_): raise ValueError('canary-7c1d9e')\n"
        "Daemon._poll = fail\n"
    )
    path = f"{tmp_path}:{Path(__file__).parents[1]}"
    ended = await to_thread(run, f"--config.file={config}", LISTEN, PYTHONPATH=path)
    assert ended.returncode == 1
    assert 'level=error msg="unexpected error, exiting' in ended.stderr
    assert "ValueError at fail" in ended.stderr
    assert "canary-7c1d9e" not in ended.stderr


async def test_what_nobody_waited_for_is_logged_without_its_words(config: Path, tmp_path: Path):
    (tmp_path / "sitecustomize.py").write_text(
        "import asyncio\n"
        "from exporter.daemon import Daemon\n"
        "poll = Daemon._poll\n"
        "class Careless:\n"
        "    def __del__(self): fail('canary-7c1d9e')\n"
        "def fail(text): raise ValueError(text)\n"
        "async def fail_later(): fail('canary-7c1d9e')\n"
        "async def poll_with_defects(daemon, config):\n"
        "    asyncio.get_running_loop().call_soon(fail, 'canary-7c1d9e')\n"
        "    asyncio.create_task(fail_later())\n"
        "    Careless()\n"
        "    await poll(daemon, config)\n"
        "Daemon._poll = poll_with_defects\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN, environment=path) as daemon:
            wait_for(lambda: daemon.log.count("ValueError at fail") == 3)
            for words in (
                'msg="Exception in callback fail" exception=',
                'msg="Task exception was never retrieved" exception=',
                'msg="an exception was ignored" exception=',
            ):
                assert words in daemon.log
            assert "canary-7c1d9e" not in daemon.log
            assert daemon.stop() == 0

    await to_thread(check)


async def test_metrics_are_there_while_every_exchange_is_down(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "accounts:\n"
        "  - {name: a, exchange: btcturk, base_url: 'http://127.0.0.1:1',"
        " credentials: {api_key: k, api_secret: c2VjcmV0}}\n"
    )

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: "reason=connection" in daemon.log)
            page = daemon.get("/metrics")
            assert 'exchange_account_up{exchange="btcturk",account="a"} 0\n' in page
            assert "exchange_total_balance" not in page

    await to_thread(check)


async def test_a_reload_takes_over_what_changed(simulator: Simulator, config: Path, tmp_path: Path):
    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
            simulator.add_account(exchange="trubit", name="new")
            config.write_text(config_text(simulator, interval="1s"))
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: daemon.log.count('msg="account is up"') == 3)
            assert (
                'msg="configuration reloaded" accounts=3 added=1 removed=0 changed=2' in daemon.log
            )
            assert 'msg="account added" exchange=trubit account=new' in daemon.log
            assert (
                'msg="account changed" exchange=btcturk account=treasury keys=interval'
                in daemon.log
            )
            assert reload_succeeded(daemon)

    await to_thread(check)


async def test_a_changed_file_is_reloaded_without_a_signal(
    simulator: Simulator, config: Path, tmp_path: Path
):
    flags = (f"--config.file={config}", LISTEN, "--config.auto-reload-interval=1s")

    def check() -> None:
        with exporter(tmp_path, *flags) as daemon:
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
            good = config.read_text()
            config.write_text(good.replace("exchange:", "exchnge:"))
            wait_for(lambda: "configuration rejected, keeping the previous one" in daemon.log)
            simulator.add_account(exchange="trubit", name="new")
            config.write_text(config_text(simulator, interval="2s"))
            wait_for(lambda: 'msg="account added" exchange=trubit account=new' in daemon.log)
            assert daemon.log.count("configuration reloaded") == 1

    await to_thread(check)


async def test_a_file_that_changes_while_an_address_is_looked_up_is_reloaded(
    simulator: Simulator, config: Path, tmp_path: Path
):
    simulator.add_account(exchange="trubit", name="new")
    changed = tmp_path / "changed.yaml"
    changed.write_text(config_text(simulator, interval="2s"))
    (tmp_path / "sitecustomize.py").write_text(
        "import shutil, socket\n"
        "look_up = socket.getaddrinfo\n"
        "def change_and_look_up(*wanted, **more):\n"
        f"    shutil.copyfile({str(changed)!r}, {str(config)!r})\n"
        "    return look_up(*wanted, **more)\n"
        "socket.getaddrinfo = change_and_look_up\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}
    listen = "--web.listen-address=localhost:0"
    flags = (f"--config.file={config}", listen, "--config.auto-reload-interval=1s")

    def check() -> None:
        with exporter(tmp_path, *flags, environment=path) as daemon:
            wait_for(lambda: 'msg="account added" exchange=trubit account=new' in daemon.log)

    await to_thread(check)


async def test_a_broken_reload_changes_nothing_and_says_so(config: Path, tmp_path: Path):
    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
            config.write_text(config.read_text().replace("exchange:", "exchnge:"))
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "configuration rejected, keeping the previous one" in daemon.log)
            assert not reload_succeeded(daemon)
            assert 'account="treasury"' in daemon.get("/metrics")

    await to_thread(check)


async def test_a_reload_with_countless_problems_logs_some_and_counts_the_rest(
    config: Path, tmp_path: Path
):
    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
            config.write_text("accounts:\n" + "  - {nam: x}\n" * 1_000)
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "more, which --config.check prints" in daemon.log)
            assert daemon.log.count("configuration rejected, keeping the previous one") == 21
            assert not reload_succeeded(daemon)

    await to_thread(check)


def reload_succeeded(daemon: Exporter) -> bool:
    return "exchange_exporter_config_last_reload_successful 1.0" in daemon.get("/metrics")


async def test_reloading_by_http_has_to_be_enabled(config: Path, tmp_path: Path):
    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            assert status_of(f"{daemon.url}/-/reload", "POST") == 404
        (tmp_path / "2").mkdir()
        with exporter(
            tmp_path / "2", f"--config.file={config}", LISTEN, "--web.enable-lifecycle"
        ) as daemon:
            assert status_of(f"{daemon.url}/-/reload", "POST") == 200
            assert status_of(f"{daemon.url}/-/reload", "GET") == 405
            config.write_text("accounts: 5")
            assert status_of(f"{daemon.url}/-/reload", "POST") == 500

    await to_thread(check)


async def test_an_address_that_is_still_looked_up_does_not_keep_it_from_ending(
    config: Path, tmp_path: Path
):
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, time\n"
        "def hang(*_, **__):\n"
        "    print('looking up', flush=True)\n"
        "    time.sleep(300)\n"
        "socket.getaddrinfo = hang\n"
    )
    path = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}
    listen = "--web.listen-address=hangs.test:0"

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", listen, environment=path) as daemon:
            wait_for(lambda: "looking up" in daemon.output.read_text())
            assert daemon.stop() == 0
            assert daemon.log == ""

    await to_thread(check)


def test_a_broken_configuration_ends_it_with_two_before_anything_is_bound(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text("defaults: {intervall: 5s}\naccounts: []\n")
    ended = run(f"--config.file={config}", LISTEN)
    assert ended.returncode == 2
    assert "listening" not in ended.stderr
    first, second = ended.stderr.splitlines()
    assert first.startswith(f"{config}:1:12: defaults.intervall: unknown key")
    assert second.startswith(f"{config}:2:11: accounts:")


def test_a_missing_configuration_says_how_to_make_one(tmp_path: Path):
    ended = run(f"--config.file={tmp_path / 'none.yaml'}")
    assert ended.returncode == 2
    assert "config init" in ended.stderr


def test_checking_a_configuration_prints_every_problem_and_binds_nothing(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text("defaults: {intervall: 5s}\naccounts: []\n")
    ended = run(f"--config.file={config}", "--config.check")
    assert ended.returncode == 2
    assert [line.split(": ")[1] for line in ended.stdout.splitlines()] == [
        "defaults.intervall",
        "accounts",
    ]


async def test_checking_a_good_configuration_says_so(config: Path):
    ended = await to_thread(run, f"--config.file={config}", "--config.check")
    assert (ended.returncode, ended.stdout) == (0, f"{config}: valid\n")


async def test_a_web_configuration_closes_the_door(config: Path, tmp_path: Path):
    web = tmp_path / "web.yaml"
    password_hash = bcrypt.hashpw(b"open sesame", bcrypt.gensalt(4)).decode()
    web.write_text(f"basic_auth_users: {{prometheus: '{password_hash}'}}\n")

    def check() -> None:
        arguments = (f"--config.file={config}", LISTEN, f"--web.config.file={web}")
        with exporter(tmp_path, *arguments) as daemon:
            for path in ("/", "/metrics", "/api/v1/balances", "/-/healthy"):
                assert status_of(daemon.url + path) == 401
            login = b64encode(b"prometheus:open sesame").decode()
            request = urllib.request.Request(  # noqa: S310 - only our own
                f"{daemon.url}/metrics", headers={"Authorization": f"Basic {login}"}
            )
            with urllib.request.urlopen(request) as response:  # noqa: S310 - only our own
                assert b"exchange_account_up" in response.read()

    await to_thread(check)


async def test_a_broken_web_configuration_ends_it_with_two(config: Path, tmp_path: Path):
    web = tmp_path / "web.yaml"
    web.write_text("basic_auth_usrs: {}\n")
    ended = await to_thread(run, f"--config.file={config}", LISTEN, f"--web.config.file={web}")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{web}:1:1: basic_auth_usrs: unknown key")
    ended = await to_thread(
        run, f"--config.file={config}", "--config.check", f"--web.config.file={web}"
    )
    assert (ended.returncode, "basic_auth_usrs" in ended.stdout) == (2, True)


async def test_an_address_that_everyone_reaches_is_warned_about(config: Path, tmp_path: Path):
    def check() -> None:
        arguments = (f"--config.file={config}", "--web.listen-address=0.0.0.0:0")
        with exporter(tmp_path, *arguments) as daemon:
            wait_for(lambda: "everyone who reaches this address" in daemon.log)

    await to_thread(check)


async def test_the_log_says_which_port_the_health_pages_got(config: Path, tmp_path: Path):
    health = "--web.health-listen-address=127.0.0.1:0"

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN, health) as daemon:
            found = wait_for(lambda: re.search(r" health_addresses=(http://\S+?)/", daemon.log))
            assert found[1] != daemon.url
            assert status_of(f"{found[1]}/-/healthy") == 200
            assert status_of(f"{found[1]}/metrics") == 404

    await to_thread(check)


async def test_a_secret_that_everyone_can_read_is_warned_about(
    simulator: Simulator, tmp_path: Path
):
    secret = tmp_path / "secret"
    secret.write_text(simulator.accounts[0].api_secret)
    secret.chmod(0o644)
    config = tmp_path / "config.yaml"
    text = config_text(simulator)
    inline = f'api_secret: "{simulator.accounts[0].api_secret}"'
    assert inline in text
    config.write_text(text.replace(inline, f"api_secret_file: {secret}"))

    def check() -> None:
        with exporter(tmp_path, f"--config.file={config}", LISTEN) as daemon:
            wait_for(lambda: "secret file is world-readable" in daemon.log)
            wait_for(lambda: daemon.log.count('msg="account is up"') == 2)

    await to_thread(check)


async def test_a_port_in_use_is_one_clear_line_and_one(config: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = await to_thread(run, f"--config.file={config}", f"--web.listen-address={address}")
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "level=error" in line
    assert address in line
    assert "in use" in line


def test_its_version_is_told():
    assert run("--version").stdout == f"exchange-balance-exporter {__version__}\n"


def test_its_help_names_every_flag_and_command():
    text = run("--help").stdout
    for word in (
        "--config.file", "--config.check", "--web.listen-address", "--web.config.file",
        "--web.telemetry-path", "--web.enable-lifecycle", "--web.max-requests", "--log.level",
        "--log.format", "--version", "poll", "simulate", "demo",
    ):  # fmt: skip
        assert word in text


@pytest.mark.parametrize(
    "argument",
    [
        *(
            f"--web.telemetry-path={path}"
            for path in ("metrics", "/", "/m?x", "/m#x", "/é", "/a b")
        ),
        *("--web.max-requests=0", "--nope"),
    ],
)
def test_a_flag_that_is_wrong_ends_it_with_two(argument: str):
    ended = run(argument)
    assert ended.returncode == 2
    assert argument.partition("=")[0] in ended.stderr


async def test_polling_by_hand_prints_exact_digits_as_json(simulator: Simulator, config: Path):
    responses = Path(__file__).parent / "data" / "responses"
    for account in simulator.accounts:
        account.verbatim = (responses / account.exchange / "documented.json").read_bytes()
    ended = await to_thread(run, "poll", f"--config.file={config}", "--format=json")
    assert ended.returncode == 0
    btcturk, trubit = json.loads(ended.stdout)["accounts"]
    assert btcturk["balances"][0]["total"] == "27223.7283250757643288"
    assert btcturk["balances"][1]["locked"] == "3.3109771999999998"
    assert trubit["balances"][1] == {
        "asset": "ETH",
        "total": "10.0",
        "free": "5.0",
        "locked": "5.0",
        "asset_name": "Ethereum",
        "asset_id": "2",
    }


async def test_polling_by_hand_prints_a_table_and_fails_if_an_account_failed(
    simulator: Simulator, config: Path
):
    simulator.show("http_401", account="payments")
    ended = await to_thread(run, "poll", f"--config.file={config}")
    assert ended.returncode == 1
    assert "btcturk / treasury: 30 assets" in ended.stdout
    assert "trubit / payments: authentication: " in ended.stdout


async def test_logs_can_be_json(config: Path, tmp_path: Path):
    def check() -> None:
        arguments = (f"--config.file={config}", LISTEN, "--log.format=json", "--log.level=debug")
        with exporter(tmp_path, *arguments) as daemon:
            wait_for(lambda: daemon.log.count("account is up") == 2)
            assert daemon.stop() == 0
            lines = [json.loads(line) for line in daemon.log.splitlines()]
            assert {"ts", "level", "msg"} <= set.intersection(*map(set, lines))

    await to_thread(check)
