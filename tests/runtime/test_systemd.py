"""What systemd hears, and the sockets that it hands over."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from exporter.runtime.systemd import Notifier, inherited_sockets, keep_informed


@pytest.fixture
def systemd(tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(5)
        yield receiver


def notifier(systemd: socket.socket, **more: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": systemd.getsockname(), **more})


def test_each_change_of_state_is_said(systemd: socket.socket):
    said = notifier(systemd)
    said.ready()
    said.stopping()
    said.status("4 of 4 accounts up")
    assert [systemd.recv(99) for _ in range(3)] == [
        b"READY=1",
        b"STOPPING=1",
        b"STATUS=4 of 4 accounts up",
    ]


def test_a_reload_says_when_it_began(systemd: socket.socket):
    notifier(systemd).reloading()
    first, second = systemd.recv(99).decode().splitlines()
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_socket_is_reached():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0exporter-test-{os.getpid()}")
        Notifier({"NOTIFY_SOCKET": f"@exporter-test-{os.getpid()}"}).ready()
        assert receiver.recv(99) == b"READY=1"


def test_a_systemd_that_is_gone_harms_nothing(tmp_path: Path):
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_without_systemd_nothing_runs():
    asyncio.run(asyncio.wait_for(keep_informed(Notifier({}), lambda: "fine"), 5))


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(environ: dict[str, str], seconds: float | None):
    assert Notifier(environ, pid=7).watchdog == seconds


async def test_the_loop_feeds_the_watchdog_and_says_a_status_once(systemd: socket.socket):
    said = notifier(systemd, WATCHDOG_USEC="2000")
    task = asyncio.create_task(keep_informed(said, lambda: "1 of 1 accounts up"))
    messages = [await asyncio.to_thread(systemd.recv, 99) for _ in range(4)]
    task.cancel()
    assert messages.count(b"STATUS=1 of 1 accounts up") == 1
    assert messages.count(b"WATCHDOG=1") == 3


def listening() -> tuple[socket.socket, dict[str, str]]:
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, {"LISTEN_FDS": "1", "LISTEN_PID": "7", "LISTEN_FDNAMES": "http"}


def test_sockets_are_taken_over_once():
    listener, environ = listening()
    number = os.dup(listener.fileno())
    [taken] = inherited_sockets(environ, pid=7, first=number)
    with listener, taken:
        assert taken.getsockname() == listener.getsockname()
        assert not taken.get_inheritable()
    assert environ == {}


def test_sockets_of_another_process_are_left_alone():
    listener, environ = listening()
    with listener:
        assert inherited_sockets(environ, pid=8, first=listener.fileno()) == []


def test_a_socket_that_does_not_listen_is_rejected():
    with socket.socket() as idle:
        number = os.dup(idle.fileno())
        environ = {"LISTEN_FDS": "1", "LISTEN_PID": "7"}
        with pytest.raises(ValueError, match="use ListenStream="):
            inherited_sockets(environ, pid=7, first=number)
