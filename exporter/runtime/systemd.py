"""Talk to systemd: take over its sockets, and say how the service is (sd_listen_fds, sd_notify).

The protocols are those of sd_listen_fds(3) and sd_notify(3); without systemd nothing happens.
"""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress

_FIRST_SOCKET = 3
_MOST_BETWEEN = 5.0  # seconds between two checks of the status


class Notifier:
    """Notify systemd of the state of a `Type=notify` service."""

    def __init__(self, environ: Mapping[str, str], *, pid: int | None = None) -> None:
        """Read systemd's address and the timeout of its watchdog."""
        self._path = environ.get("NOTIFY_SOCKET", "")
        is_ours = environ.get("WATCHDOG_PID", str(pid or os.getpid())) == str(pid or os.getpid())
        timeout = environ.get("WATCHDOG_USEC", "") if is_ours else ""
        self.watchdog = int(timeout) / 1e6 if timeout.isdecimal() else None
        """Seconds after which systemd takes the service for dead, None without a watchdog."""

    @property
    def is_heard(self) -> bool:
        """Return whether systemd listens."""
        return bool(self._path)

    def ready(self) -> None:
        """Say that the service has started, or has reloaded."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Say that a reload has begun; `ready` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that the service is about to end."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Say in one line how the service is."""
        self._send(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._path:
            return
        address = f"\0{self._path[1:]}" if self._path.startswith("@") else self._path
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(0)  # a systemd that is busy must not hold up the polls
            sender.sendto(message.encode(), address)


async def keep_informed(notifier: Notifier, status: Callable[[], str]) -> None:
    """Feed the watchdog from the event loop, and say the status whenever it has changed."""
    if not notifier.is_heard:
        return
    interval = min(_MOST_BETWEEN, (notifier.watchdog or _MOST_BETWEEN * 2) / 2)
    said = ""
    while True:
        if notifier.watchdog is not None:
            notifier.alive()
        if (text := status()) != said:
            notifier.status(text)
            said = text
        await asyncio.sleep(interval)


def inherited_sockets(
    environ: MutableMapping[str, str], *, pid: int | None = None, first: int = _FIRST_SOCKET
) -> list[socket.socket]:
    """Return the sockets that systemd opened for this process, and forget that there are any.

    Raises `ValueError` for one that is not a listening stream socket.
    """
    count, owner = environ.pop("LISTEN_FDS", "0"), environ.pop("LISTEN_PID", "")
    environ.pop("LISTEN_FDNAMES", None)
    if owner != str(pid or os.getpid()) or not count.isdecimal():
        return []
    return [_listener(number) for number in range(first, first + int(count))]


def _listener(number: int) -> socket.socket:
    listener = socket.socket(fileno=number)
    if listener.type != socket.SOCK_STREAM or not listener.getsockopt(
        socket.SOL_SOCKET, socket.SO_ACCEPTCONN
    ):
        listener.close()
        raise ValueError("a socket of systemd does not listen: use ListenStream= and Accept=no")
    listener.set_inheritable(False)
    listener.settimeout(0)
    return listener
