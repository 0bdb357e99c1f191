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


_ADVICE = {
    errno.EADDRINUSE: "another process listens there; `ss -lnp` shows which",
    errno.EADDRNOTAVAIL: "no interface of this machine has this address",
    errno.EACCES: "this user may not bind it; a port below 1024 needs CAP_NET_BIND_SERVICE",
}


class Address(NamedTuple):
    """An address to listen on; a Unix socket has `unix:/path` as host, and port 0.

    An empty host means every interface.
    """

    host: str
    port: int

    def __str__(self) -> str:
        if self.host.startswith(UNIX):
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def url(self, scheme: str) -> str:
        """Return the address as people write it."""
        return self.host if self.host.startswith(UNIX) else f"{scheme}://{self}/"

    @property
    def is_private(self) -> bool:
        """Return whether only this machine can reach the address, which is bound."""
        return self.host.startswith(UNIX) or ip_address(self.host.partition("%")[0]).is_loopback


class ListenError(Exception):
    """An address can't be listened on; the message names it and says why."""

    @classmethod
    def at(cls, address: Address, error: OSError) -> "ListenError":
        """Return the error for an address, with what to do about it."""
        number = error.errno or 0  # those of a resolver are below 0
        reason = os.strerror(number) if number > 0 else str(error.strerror or error)
        advice = _ADVICE.get(number, "")
        return cls(f"{address}: {reason}{f' ({advice})' if advice else ''}")


def bound(listener: socket.socket) -> Address:
    """Return the address of a listening socket."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        path = os.fsdecode(name).replace("\0", "@", 1)
        return Address(UNIX + path, 0)
    return Address(*name[:2])


def parse_address(text: str) -> Address:
    """Return the address in `host:port`, `[::1]:port`, `:port` or `unix:/path`.

    Raises `ValueError` with a line for the person who wrote it.
    """
    if text.startswith(UNIX):
        if not text.removeprefix(UNIX).startswith("/"):
            raise ValueError(f"{text!r} is not a Unix socket such as unix:/run/exporter.sock")
        return Address(text, 0)
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        colon = ""
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        example = "127.0.0.1:10517, [::1]:10517 or :10517"
        raise ValueError(f"{text!r} is not a listen address such as {example}")
    return Address(host, int(port))


async def open_listeners(addresses: Sequence[Address]) -> list[socket.socket]:
    """Bind and listen on every address, or on none; raises `ListenError`."""
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


async def _open(address: Address) -> socket.socket:
    try:
        if address.host.startswith(UNIX):
            return _open_unix(Path(address.host.removeprefix(UNIX)))
        return await _open_tcp(*address)
    except OSError as error:
        raise ListenError.at(address, error) from error


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
    # As in Go, every interface is one socket for both families, however it is written.
    dual = _is_every_interface(host) and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual else socket.AF_UNSPEC
    name = "::" if dual else host or "0.0.0.0"  # noqa: S104 - as configured
    loop = asyncio.get_running_loop()
    resolved = await loop.getaddrinfo(name, port, family=family, type=socket.SOCK_STREAM)
    # As in Go, a name that has both kinds of address means its IPv4 one.
    family, _, _, _, local = min(resolved, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.create_server(local[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    listener.settimeout(0)
    return listener


def _is_every_interface(host: str) -> bool:
    try:
        return not host or ip_address(host) == ip_address("::")
    except ValueError:
        return False
