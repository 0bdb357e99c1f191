"""One connection, over real sockets: one request at a time, and nothing that nobody requested."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from exporter.exchange_api.connection import Connection, ConnectionLostError, connect
from exporter.exchange_api.http1 import HttpError

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(
    serve: Serve,
    *,
    host: str = "127.0.0.1",
    server: ssl.SSLContext | None = None,
    client: ssl.SSLContext | None = None,
) -> AsyncIterator[Connection]:
    """Yield a connection to a server that does what `serve` does."""
    left = asyncio.Event()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()
            left.set()

    async with await asyncio.start_server(attend, "127.0.0.1", 0, ssl=server) as listener:
        connection = await connect(host, listener.sockets[0].getsockname()[1])
        try:
            if client:
                await connection.start_tls(client, "127.0.0.1")
            yield connection
            connection.close()
            await left.wait()
        finally:
            connection.close()


def saying(*responses: bytes) -> Serve:
    """Return what answers one request after the other, and then keeps the connection open."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for response in responses:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response)
        await reader.read()

    return serve


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context


def serving(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_one_request_follows_another():
    async with served(saying(RESPONSE, RESPONSE)) as connection:
        for _ in range(2):
            assert (await connection.request(REQUEST)).body == b"ok"
        assert connection.is_usable


async def test_a_large_response_over_tls_is_whole(authority: trustme.CA):
    body = bytes(1024 * 1024)
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    async with served(
        saying(response, response), server=serving(authority), client=trusting(authority)
    ) as connection:
        for _ in range(2):
            assert (await connection.request(REQUEST)).body == body


async def test_a_certificate_of_another_host_is_an_error_of_tls(authority: trustme.CA):
    with pytest.raises(ssl.SSLError, match="IP address mismatch"):
        async with served(
            saying(), server=serving(authority, "example.org"), client=trusting(authority)
        ):
            pass


async def test_bytes_after_a_response_end_the_connection():
    async with served(saying(RESPONSE + b"HTTP/1.1")) as connection:
        assert (await connection.request(REQUEST)).body == b"ok"
        assert not connection.is_usable


async def test_bytes_that_nobody_requested_are_not_taken_for_a_response():
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(RESPONSE)
        await reader.read()

    async with served(early) as connection:
        while connection.is_usable:  # noqa: ASYNC110 - it has no event of its own
            await asyncio.sleep(0)
        with pytest.raises(ConnectionLostError):
            await connection.request(REQUEST)


async def test_a_connection_that_ends_before_a_response_says_that_none_had_begun():
    async def leave(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with served(leave) as connection:
        with pytest.raises(ConnectionLostError) as caught:
            await connection.request(REQUEST)
    assert not caught.value.has_begun


async def test_a_response_that_is_not_http_ends_the_connection():
    async with served(saying(b"SSH-2.0-OpenSSH_9.2\r\n")) as connection:
        with pytest.raises(HttpError):
            await connection.request(REQUEST)
        assert not connection.is_usable


async def test_a_request_that_is_given_up_ends_the_connection():
    async with served(saying(b"HTTP/1.1 200")) as connection:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connection.request(REQUEST)
        assert not connection.is_usable


async def test_an_error_whose_body_never_ends_still_has_its_status():
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n"
    async with served(saying(head)) as connection:
        assert (await connection.request(REQUEST)).status == 401


async def test_the_next_address_is_tried_when_one_refuses():
    """`localhost` is ::1 as well, where nobody listens."""
    async with served(saying(RESPONSE), host="localhost") as connection:
        assert (await connection.request(REQUEST)).body == b"ok"


async def test_a_refused_connection_is_an_os_error():
    with pytest.raises(OSError, match="no address accepts"):
        await connect("127.0.0.1", 1)
