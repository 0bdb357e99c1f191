"""Play faults that only a whole process can have: signals, limits of the machine, its files."""

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from tests.faults.case import no_reason
from tests.faults.daemon import Daemon, process_case
from tests.programs import wait_for


def stops_when_idle(daemon: Daemon) -> None:
    """SIGTERM while nothing is polled."""
    daemon.start()
    wait_for(daemon.is_up)
    daemon.stop()


def stops_in_mid_poll(daemon: Daemon) -> None:
    """SIGTERM while every exchange is silent."""
    daemon.simulator.show("silence")
    daemon.start()
    wait_for(lambda: len(daemon.simulator.ledger) >= 2)
    daemon.stop()


def stops_in_a_storm(daemon: Daemon) -> None:
    """SIGTERM in the middle of 300 SIGHUPs."""
    daemon.start()
    wait_for(daemon.is_up)
    for _ in range(300):
        daemon.process.send_signal(signal.SIGHUP)
    daemon.stop()


def survives_a_storm(daemon: Daemon) -> None:
    """300 SIGHUPs and 20 requests to reload."""
    daemon.start()
    wait_for(daemon.is_up)
    for _ in range(300):
        daemon.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        subprocess.run(
            ["curl", "-s", "-X", "POST", f"{daemon.url}/-/reload"], check=True, capture_output=True
        )
    daemon.goes_on()
    daemon.stop()


def forgets_when_killed(daemon: Daemon) -> None:
    """SIGKILL and a new start, while the exchanges are silent: no old balance is served."""
    daemon.start()
    wait_for(daemon.is_up)
    daemon.process.kill()
    daemon.process.wait()
    silence = daemon.simulator.show("silence")
    daemon.start()
    wait_for(lambda: daemon.polls() >= 2)
    page = daemon.page()
    assert "exchange_total_balance" not in page
    assert "exchange_account_last_success_timestamp_seconds" in page
    silence.stop()
    wait_for(daemon.is_up)
    daemon.stop()


def serves_while_all_is_down(daemon: Daemon) -> None:
    """Every exchange is silent at the start."""
    daemon.simulator.show("silence")
    daemon.start()
    wait_for(lambda: "msg=listening" in daemon.log)
    began = time.monotonic()
    page = daemon.page()
    assert time.monotonic() - began < 1
    assert page.count("exchange_account_up{") == len(daemon.simulator.accounts)
    assert "_balance{" not in page
    daemon.stop()


def lives_on_64_descriptors(daemon: Daemon) -> None:
    """64 file descriptors, and 100 clients that connect and say nothing."""
    daemon.start(before="ulimit -n 64;")
    wait_for(daemon.is_up)
    with ExitStack() as clients:
        for _ in range(100):
            client = socket.create_connection(("127.0.0.1", daemon.port), 5)
            clients.enter_context(client)
        daemon.goes_on()
        daemon.check_secrets()
    daemon.goes_on()
    daemon.stop()


def lives_in_little_memory(daemon: Daemon) -> None:
    """512 MB of address space, while the exchanges send bombs and bodies without an end."""
    daemon.start(before="ulimit -v 524288;")
    wait_for(daemon.is_up)
    for fault in ("bomb", "endless_body", "deep_data", "endless_head"):
        with daemon.simulator.show(fault):
            wait_for(partial(_has_polled, daemon, daemon.polls() + 2))
    daemon.goes_on()
    daemon.stop()


def _has_polled(daemon: Daemon, polls: int) -> bool:
    return daemon.polls() >= polls


def _without(errors: str) -> Callable[[Daemon], None]:
    def play(daemon: Daemon) -> None:
        daemon.start(errors=errors)
        wait_for(daemon.is_up)
        with daemon.simulator.show("http_500"):
            wait_for(lambda: not daemon.is_up())
        daemon.goes_on()
        daemon.stop()

    return play


def without_a_reader(daemon: Daemon) -> None:
    """Standard error is a pipe that is full and that nobody reads."""
    pipe = daemon.folder / "pipe"
    os.mkfifo(pipe)
    unread = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        _fill(unread)
        _without(f"2>{pipe}")(daemon)
    finally:
        os.close(unread)


def _with_startup(daemon: Daemon, code: str) -> str:
    """Let the exporter's interpreter run some code first; returns what comes before its start."""
    (daemon.folder / "sitecustomize.py").write_text(code)
    return f"export PYTHONPATH={daemon.folder}:$PYTHONPATH;"


def without_threads(daemon: Daemon) -> None:
    """No thread can be started: addresses need none, and a name is not looked up."""
    code = (
        "import threading\n"
        'def refuse(thread): raise RuntimeError("can\'t start new thread")\n'
        "threading.Thread.start = refuse\n"
    )
    line = (
        "  - {name: named, exchange: btcturk, base_url: 'http://localhost:1',"
        " credentials: {api_key: k, api_secret: c2VjcmV0}}\n"
    )
    daemon.config.write_text(daemon.config.read_text() + line)
    daemon.start(before=_with_startup(daemon, code))
    wait_for(daemon.is_up)
    wait_for(lambda: re.search(r'"named",reason="connection"} [1-9]', daemon.page()))
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: 'msg="configuration reloaded"' in daemon.log)
    daemon.goes_on()
    daemon.stop()
    assert "Traceback" not in daemon.log


def a_file_system_that_hangs(daemon: Daemon) -> None:
    """The secret of one more account is on a file system that hangs; then SIGTERM."""
    code = (
        "import os, time\n"
        "def hang(call):\n"
        "    def hanging(path, *rest, **more):\n"
        "        if str(path).endswith('/hangs'): time.sleep(300)\n"
        "        return call(path, *rest, **more)\n"
        "    return hanging\n"
        "os.open, os.stat = hang(os.open), hang(os.stat)\n"
    )
    line = (
        "  - {name: hanging, exchange: btcturk, base_url: 'http://127.0.0.1:1', timeout: 100ms,"
        " credentials: {api_key: k, api_secret_file: hangs}}\n"
    )
    daemon.config.write_text(daemon.config.read_text() + line)
    daemon.start(before=_with_startup(daemon, code))
    wait_for(lambda: re.search(r'"hanging",reason="config"} [3-9]', daemon.page()))
    for number in range(1, 20):
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: daemon.log.count('msg="configuration reloaded"') >= number)  # noqa: B023
    daemon.goes_on()
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert int(re.findall(r"^Threads:\s+(\d+)", status, re.MULTILINE)[0]) < 10
    daemon.stop()


def _on_tmpfs(fill: Callable[[Path], None]) -> Callable[[Daemon], None]:
    def play(daemon: Daemon) -> None:
        mounted = daemon.folder / "disk"
        mounted.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", mounted], check=True)
        try:
            shutil.move(daemon.config, mounted / "config.yaml")
            daemon.config.symlink_to(mounted / "config.yaml")
            daemon.start(errors="2>disk/stderr")
            wait_for(daemon.is_up)
            fill(mounted)
            with daemon.simulator.show("http_500"):
                wait_for(lambda: not daemon.is_up())
            daemon.process.send_signal(signal.SIGHUP)
            daemon.goes_on()
            daemon.stop()
        finally:
            daemon.process.kill()
            daemon.process.wait()
            subprocess.run(["umount", mounted], check=True)

    return play


def _fill_up(folder: Path) -> None:
    with (folder / "large").open("wb", buffering=0) as file:
        _fill(file.fileno())


def _fill(descriptor: int) -> None:
    with suppress(OSError):
        while True:
            os.write(descriptor, b"x" * 512)


def _make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=False, capture_output=True)


def cannot_mount() -> str:
    """Say why file systems can't be mounted here, if they can't."""
    with tempfile.TemporaryDirectory() as folder:
        ended = subprocess.run(
            ["mount", "-t", "tmpfs", "none", folder], check=False, capture_output=True
        )
        if ended.returncode == 0:
            subprocess.run(["umount", folder], check=True)
            return ""
    return "mounting is not permitted here"


def stands_still(daemon: Daemon) -> None:
    """The whole process is stopped for two seconds, and goes on."""
    daemon.start()
    wait_for(daemon.is_up)
    daemon.process.send_signal(signal.SIGSTOP)
    goes_on_at = time.monotonic() + 2
    wait_for(lambda: time.monotonic() >= goes_on_at)
    daemon.process.send_signal(signal.SIGCONT)
    wait_for(lambda: _lag(daemon) >= 1)
    daemon.goes_on()
    failed = re.findall(r'reason="(\w+)"\} [1-9]', daemon.page())
    assert set(failed) <= {"internal"}, failed
    daemon.stop()


def _lag(daemon: Daemon) -> float:
    name = "exchange_exporter_event_loop_lag_seconds"
    found = re.search(rf"^{name} (\S+)$", daemon.page(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def a_port_in_use(daemon: Daemon) -> None:
    """Another process listens on the port."""
    with socket.create_server(("127.0.0.1", daemon.port)):
        daemon.start()
        assert daemon.process.wait(10) == 1
    [line] = [line for line in daemon.log.splitlines() if "level=error" in line]
    assert f"127.0.0.1:{daemon.port}" in line
    assert "Traceback" not in daemon.log


def a_broken_start(daemon: Daemon) -> None:
    """The configuration is broken in two places, and one of them is a secret in the wrong one."""
    broken = daemon.config.read_text().replace("api_key", "api_kee").replace("interval", "intrval")
    daemon.config.write_text(broken)
    daemon.start()
    assert daemon.process.wait(10) == 2
    assert "intrval" in daemon.log
    assert "api_kee" in daemon.log
    assert "Traceback" not in daemon.log


def broken_reloads(daemon: Daemon) -> None:
    """The file is replaced by everything that is not a configuration; then it is fixed."""
    daemon.start()
    wait_for(daemon.is_up)
    good = daemon.config.read_text()
    for number, spoil in enumerate(_SPOILED, start=1):
        _remove(daemon.config)
        spoil(daemon.config)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "last_reload_successful 0.0" in daemon.page())
        assert daemon.is_up(), number
        _remove(daemon.config)
        daemon.config.write_text(good)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "last_reload_successful 1.0" in daemon.page())
    daemon.goes_on()
    daemon.stop()


_SPOILED: Sequence[Callable[[Path], object]] = (
    lambda path: None,
    lambda path: path.mkdir(),
    os.mkfifo,
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to(path),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\xff\xfe\x00"),
    lambda path: path.write_bytes(b"a" * 3_000_000),
    lambda path: path.write_bytes(b"[" * 100_000),
    lambda path: path.write_bytes(b"accounts: &a [*a, *a]"),
    lambda path: path.write_bytes(b"accounts: !!python/object/apply:os.system [true]"),
    lambda path: path.write_bytes(b"accounts: []"),
)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def a_resolver_that_hangs(daemon: Daemon) -> None:
    """Ten more accounts are at a name whose server never responds; then SIGTERM."""
    lines = "\n".join(
        f"  - {{name: hang{number}, exchange: btcturk, base_url: 'https://{number}.test',"
        " timeout: 500ms, credentials: {api_key: k, api_secret: c2VjcmV0}}"
        for number in range(10)
    )
    daemon.config.write_text(daemon.config.read_text() + lines + "\n")
    resolver = daemon.folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.253\noptions timeout:30 attempts:5\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.253", 53))
        hidden = f"mount --bind {resolver} /etc/resolv.conf && "
        daemon.start(before=f"exec unshare -m /bin/sh -c '{hidden}", errors="' 2>stderr")
        wait_for(lambda: re.search(r'"hang9",reason="timeout"} [1-9]', daemon.page()))
        wait_for(daemon.is_up)
        daemon.process.send_signal(signal.SIGHUP)
        wait_for(lambda: 'msg="configuration reloaded"' in daemon.log)
        daemon.goes_on()
        daemon.stop()


_CASES: tuple[tuple[str, str, str, Callable[[Daemon], None], Callable[[], str]], ...] = (
    (
        "B",
        "process_stands_still",
        "the lag shows it, no exchange is blamed",
        stands_still,
        no_reason,
    ),
    ("G", "sigterm_idle", "exit 0 within 5 s", stops_when_idle, no_reason),
    ("G", "sigterm_in_mid_poll", "exit 0 within 5 s", stops_in_mid_poll, no_reason),
    ("G", "sigterm_in_a_storm", "exit 0 within 5 s", stops_in_a_storm, no_reason),
    ("G", "sighup_storm", "serves and polls on", survives_a_storm, no_reason),
    ("G", "sigkill", "no old balance", forgets_when_killed, no_reason),
    ("G", "all_down_at_start", "metrics within a second", serves_while_all_is_down, no_reason),
    ("G", "64_descriptors", "serves and polls on", lives_on_64_descriptors, no_reason),
    ("G", "little_memory", "serves and polls on", lives_in_little_memory, no_reason),
    ("G", "stderr_unread", "serves and polls on, exit 0", without_a_reader, no_reason),
    ("G", "no_threads", "serves, polls and reloads", without_threads, no_reason),
    ("G", "secret_hangs", "config; others poll on, exit 0", a_file_system_that_hangs, no_reason),
    ("G", "port_in_use", "one clear line, exit 1", a_port_in_use, no_reason),
    ("G", "broken_start", "every problem, no secret, exit 2", a_broken_start, no_reason),
    ("G", "broken_reloads", "the old one stays, the metric says so", broken_reloads, no_reason),
    ("A", "resolver_hangs_for_real", "others poll on, exit 0", a_resolver_that_hangs, cannot_mount),
)

_FILES: tuple[tuple[str, str, Callable[[Daemon], None], Callable[[], str]], ...] = (
    ("stderr_closed", "Standard error is closed.", _without("2>&-"), no_reason),
    ("stderr_full", "Standard error is a full device.", _without("2>/dev/full"), no_reason),
    ("stdout_full", "Standard output is, too.", _without(">/dev/full 2>/dev/full"), no_reason),
    ("disk_full", "The disk of log and configuration is full.", _on_tmpfs(_fill_up), cannot_mount),
    ("disk_read_only", "That disk is read-only.", _on_tmpfs(_make_read_only), cannot_mount),
)


PROCESSES = [
    *(
        process_case(group, name, seen, play, unplayable)
        for group, name, seen, play, unplayable in _CASES
    ),
    *(
        process_case("G", name, "serves and polls on, exit 0", play, unplayable, does=does)
        for name, does, play, unplayable in _FILES
    ),
]
