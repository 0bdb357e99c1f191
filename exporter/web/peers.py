"""Say who a client is and what it speaks, before it is served."""

import asyncio
import socket
import ssl


async def speaks_http(client: socket.socket, patience: float) -> bool:
    """Return whether a client that should begin with TLS sends plain HTTP, and take nothing."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()
    loop.add_reader(client, _resolve, readable)
    try:
        async with asyncio.timeout(patience):
            await readable
    finally:
        loop.remove_reader(client)
    first = client.recv(1, socket.MSG_PEEK)
    return first.isalpha()  # TLS begins with the byte 22


def _resolve(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def peer_of(client: socket.socket) -> str:
    """Return the IP address of a client; empty if it is gone, or came over a Unix socket."""
    try:
        return str(client.getpeername()[0])
    except (OSError, IndexError):
        return ""


def tls_reason(error: ssl.SSLError) -> str:
    """Return why a handshake failed, in OpenSSL's words, which repeat nothing of the client's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or "handshake failed").lower().replace("_", " ")
