"""Scrape over a bare socket, so that the client costs as little as it can."""

import re
import socket
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

_BUFFER = 4 * 1024 * 1024
_LAST_CHUNK = b"\r\n0\r\n\r\n"


class Scraper(AbstractContextManager["Scraper"]):
    """Request a page of one exporter, over one connection for as long as the server keeps it."""

    def __init__(self, port: int, *, gzip: bool, path: str = "/metrics") -> None:
        """Prepare, without connecting."""
        encoding = "gzip" if gzip else "identity"
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Accept: text/plain;version=0.0.4\r\nAccept-Encoding: {encoding}\r\n\r\n"
        ).encode()
        self.port = port
        self._buffer = bytearray(_BUFFER)
        self._socket: socket.socket | None = None
        self._head = b""

    def __exit__(self, *_error: object) -> None:
        """Close the connection."""
        self._close()

    def reconnect(self) -> None:
        """Open a new connection: servers drop those that nobody used for long."""
        self._close()
        self._connect()

    def scrape(self) -> float:
        """Return the seconds from the request to the last byte, a new connection included."""
        started = time.perf_counter()
        deque(self._body(), maxlen=0)
        return time.perf_counter() - started

    def page(self) -> bytes:
        """Return the text of the page."""
        body = b"".join(map(bytes, self._body()))
        if b"transfer-encoding: chunked" in self._head:
            body = _join_chunks(body)
        return zlib.decompress(body, wbits=31) if b"content-encoding: gzip" in self._head else body

    def _body(self) -> Iterator[memoryview]:
        """Send a request, and yield the body part by part; each part is overwritten by the next."""
        connection = self._connect()
        connection.sendall(self._request)
        view, size = memoryview(self._buffer), 0
        while (end := self._buffer.find(b"\r\n\r\n", 0, size)) < 0:
            size += _receive(connection, view[size:])
        self._head = bytes(view[:end]).lower()
        if not self._head.startswith((b"http/1.1 200", b"http/1.0 200")):
            raise ConnectionError(f"not a page: {bytes(view[:size])!r}")
        is_last = _end_of_body(self._head)
        part = view[end + 4 : size]
        yield part
        while not is_last(part):
            part = view[: _receive(connection, view)]
            yield part
        if b"connection: close" in self._head or self._head.startswith(b"http/1.0"):
            self._close()

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket


def _receive(connection: socket.socket, into: memoryview) -> int:
    if size := connection.recv_into(into):
        return size
    raise ConnectionError("the response was cut off")


def _end_of_body(head: bytes) -> Callable[[memoryview], bool]:
    """Return what tells of each part of a body whether it is the last."""
    if length := re.search(rb"\r\ncontent-length: ([0-9]+)", head):
        left = int(length[1])

        def is_last(part: memoryview) -> bool:
            nonlocal left
            left -= len(part)
            return left <= 0

    else:
        tail = b""

        def is_last(part: memoryview) -> bool:
            nonlocal tail
            tail = (tail + part[-len(_LAST_CHUNK) :])[-len(_LAST_CHUNK) :]
            return tail == _LAST_CHUNK

    return is_last


def _join_chunks(body: bytes) -> bytes:
    chunks: list[bytes] = []
    start = 0
    while True:
        end = body.index(b"\r\n", start)
        size = int(body[start:end], 16)
        if size == 0:
            return b"".join(chunks)
        chunks.append(body[end + 2 : end + 2 + size])
        start = end + 2 + size + 2
