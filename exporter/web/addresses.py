"""Read listen addresses the way Prometheus writes them, and open their sockets."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

UNIX = "unix:"
"""What an address begins with that is the path of a Unix socket."""

# What the kernel queues while the event loop is busy: a burst of scrapers must not wait for
# TCP to try again.
_BACKLOG = 1024


class Bound(NamedTuple):
    """Name an address that is listened on; a Unix socket has `unix:/path` as host, and port 0."""

    host: str
    port: int

    def url(self, scheme: str) -> str:
        """Return the address as people write it."""
        if self.host.startswith(UNIX):
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/"

    @property
    def is_private(self) -> bool:
        """Return whether only this machine can reach the address."""
        return self.host.startswith(UNIX) or ip_address(self.host.partition("%")[0]).is_loopback


def bound(listener: socket.socket) -> Bound:
    """Return the address of a listening socket."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        path = os.fsdecode(name).replace("\0", "@", 1)
        return Bound(UNIX + path, 0)
    return Bound(*name[:2])


def check_address(address: str) -> str:
    """Return an address to listen on as it is; raises `ValueError` if it is not one."""
    if address.startswith(UNIX):
        if not address.removeprefix(UNIX).startswith("/"):
            raise ValueError(f"{address!r} is not a Unix socket such as unix:/run/exporter.sock")
    else:
        parse_address(address)
    return address


def parse_address(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[::1]:port` or `:port`, which means all interfaces.

    Raises `ValueError` with a line for the person who wrote it.
    """
    host, colon, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        example = "127.0.0.1:10517, [::1]:10517 or :10517"
        raise ValueError(f"{address!r} is not a listen address such as {example}")
    return host, int(port)


async def open_listeners(addresses: Sequence[str]) -> list[socket.socket]:
    """Bind and listen on every address, or on none; raises `ValueError` and `OSError`."""
    with ExitStack() as opened:
        listeners = [opened.enter_context(await _open(each)) for each in addresses]
        opened.pop_all()
    return listeners


def close(listener: socket.socket) -> None:
    """Stop listening, and remove the file of a Unix socket that was bound here."""
    host = bound(listener).host
    listener.close()
    if host.startswith(f"{UNIX}/"):
        with suppress(OSError):
            Path(host.removeprefix(UNIX)).unlink()


async def _open(address: str) -> socket.socket:
    check_address(address)
    if address.startswith(UNIX):
        return _open_unix(Path(address.removeprefix(UNIX)))
    return await _open_tcp(*parse_address(address))


def _open_unix(path: Path) -> socket.socket:
    """Listen on a path, in the place of a socket that a process which is gone left there."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if _is_abandoned(path):
            path.unlink()
        listener.bind(os.fspath(path))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _is_abandoned(path: Path) -> bool:
    """Return whether a path is a socket on which nobody listens."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
            return client.connect_ex(os.fspath(path)) == errno.ECONNREFUSED
    except FileNotFoundError:
        return False


async def _open_tcp(host: str, port: int) -> socket.socket:
    dual = not host and socket.has_dualstack_ipv6()
    family, name = (socket.AF_INET6, "::") if dual else (socket.AF_UNSPEC, host or "0.0.0.0")  # noqa: S104
    loop = asyncio.get_running_loop()
    resolved = await loop.getaddrinfo(name, port, family=family, type=socket.SOCK_STREAM)
    # As in Go, a name that has both kinds of address means its IPv4 one.
    family, _, _, _, local = min(resolved, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.create_server(local[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    listener.settimeout(0)
    return listener
