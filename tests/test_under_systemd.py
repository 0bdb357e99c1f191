"""The daemon as a service of systemd: what it says, and the socket that it is handed."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.programs import exporter, fetch, run, wait_for

PYTHON = (sys.executable, "-W", "error", "-m", "exporter")


def test_it_says_when_it_is_ready_reloads_and_stops_and_how_many_accounts_are_up(tmp_path: Path):
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(0.05)

        def hears(*wanted: str) -> bool:
            heard.append(systemd.recv(999).decode())
            return set(wanted) <= set(heard)

        def all_are_up() -> bool:
            return any(re.fullmatch(r"STATUS=([1-9]\d*) of \1 accounts up", each) for each in heard)

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with exporter(
            tmp_path, "demo", "--web.listen-address=127.0.0.1:0", environment=environment
        ) as daemon:
            wait_for(lambda: hears("READY=1", "WATCHDOG=1") and all_are_up())
            heard.clear()
            daemon.process.send_signal(signal.SIGHUP)
            wait_for(lambda: hears("READY=1"))
            [begun] = [each for each in heard if each.startswith("RELOADING=1\n")]
            assert heard.index(begun) < heard.index("READY=1")
            daemon.process.terminate()
            wait_for(lambda: hears("STOPPING=1"))


def test_it_serves_on_the_socket_of_systemd_and_leaves_it_open():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        command = shlex.join([*PYTHON, "demo", "--web.systemd-socket"])
        number = listener.fileno()
        script = f"exec 3<&{number}; LISTEN_FDS=1 LISTEN_PID=$$ exec {command}"
        process = subprocess.Popen(
            ["bash", "-c", script],
            pass_fds=[number],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert wait_for(lambda: fetch(f"{url}/-/healthy")) == "Healthy\n"
        finally:
            process.terminate()
            assert process.wait(5) == 0
        with socket.create_connection(listener.getsockname()):
            pass  # the next process will respond


def test_without_a_socket_of_systemd_it_says_what_is_missing():
    ended = run("demo", "--web.systemd-socket", LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    assert ended.returncode == 1
    assert "systemd passed no socket" in ended.stderr
