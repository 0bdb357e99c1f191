"""Read listen addresses the way Prometheus writes them, and open their sockets."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import ExitStack

# What the kernel queues while the event loop is busy: a burst of scrapers must not wait for
# TCP to try again.
_BACKLOG = 1024


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
        listeners = [opened.enter_context(await _open(*parse_address(each))) for each in addresses]
        opened.pop_all()
    return listeners


async def _open(host: str, port: int) -> socket.socket:
    dual = not host and socket.has_dualstack_ipv6()
    family, name = (socket.AF_INET6, "::") if dual else (socket.AF_UNSPEC, host or "0.0.0.0")  # noqa: S104
    loop = asyncio.get_running_loop()
    resolved = await loop.getaddrinfo(name, port, family=family, type=socket.SOCK_STREAM)
    # As in Go, a name that has both kinds of address means its IPv4 one.
    family, _, _, _, bound = min(resolved, key=lambda entry: entry[0] != socket.AF_INET)
    listener = socket.create_server(bound[:2], family=family, backlog=_BACKLOG, dualstack_ipv6=dual)
    listener.settimeout(0)
    return listener
