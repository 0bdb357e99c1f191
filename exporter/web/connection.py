"""Serve HTTP/1.1 to one client: receive requests, send responses, each within its deadline."""

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import h11

from exporter.web.hosts import host_name
from exporter.web.limits import Limits
from exporter.web.messages import RefusedError, Request, Response

_READ = 16 * 1024
_CONTINUE = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
_ABSOLUTE = re.compile(r"https?://(?P<authority>[^/?#@]+)(?P<rest>[/?][^#]*)?", re.IGNORECASE)
_UNFINISHED = {h11.IDLE, h11.SEND_BODY, h11.ERROR}


class Connection:
    """Turn the bytes of one client into requests, and responses into bytes; h11 keeps the rules."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits
    ) -> None:
        """Take over both directions of an open connection."""
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=limits.head)
        self._method = b""
        self._now = asyncio.get_running_loop().time
        self._deadline = 0.0
        self._patience = limits.receive
        self._unread_since: float | None = None
        self.is_restricted = False  # to a few host names
        self.lacks_tls = False  # though this port serves HTTPS alone
        self.peer: str = (writer.get_extra_info("peername") or ("",))[0]
        self.certificate: dict[str, Any] = writer.get_extra_info("peercert") or {}
        # Pausing at the first byte that the kernel did not take lets `drain` wait for the last.
        writer.transport.set_write_buffer_limits(high=1)

    @property
    def unread_for(self) -> float:
        """Return for how long the client has not taken the last piece that was sent, in seconds."""
        return 0.0 if self._unread_since is None else self._now() - self._unread_since

    async def receive(self) -> Request | None:
        """Return the next request, or None when the client is gone or sends nothing.

        Raises `RefusedError` for a request that is not to be served.
        """
        self._deadline = self._now() + self._patience
        self._patience = self._limits.idle
        self._method = b""
        try:
            head = await self._next_event()
            if not isinstance(head, h11.Request):
                return None
            self._method = head.method
            request = self._request(head)
            await self._skip_body()
        except h11.RemoteProtocolError as error:
            raise RefusedError(error.error_status_hint, "not a valid HTTP request") from error
        except TimeoutError:
            if self._is_waiting():
                return None
            raise RefusedError(408, "the request took too long to arrive") from None
        return request

    async def send(self, response: Response, headers: Mapping[str, str], *, last: bool) -> bool:
        """Send a whole response; return whether another request may follow on this connection.

        Raises `TimeoutError` for a client that is too slow, and what the body's iterator raises;
        the response is cut off then, and the connection is of no further use.
        """
        self._deadline = self._now() + self._limits.send
        frames = self._frames(_head(response, headers, last=last))
        body = () if self._method == b"HEAD" else response.body
        for number, piece in enumerate(join_or_split(body, self._limits.piece)):
            if number:
                await asyncio.sleep(0)  # a fast reader must not keep the loop from the polls
            await self._write(frames + self._frames(h11.Data(data=piece)))
            frames = []
        await self._write(frames + self._frames(h11.EndOfMessage()))
        if self._parser.our_state is not h11.DONE or self._parser.their_state is not h11.DONE:
            return False
        self._parser.start_next_cycle()
        return True

    async def close(self) -> None:
        """Close without losing what was sent, even to a client that is still sending."""
        with suppress(OSError):
            async with asyncio.timeout(self._limits.linger):
                if self._parser.their_state in _UNFINISHED and not self._is_waiting():
                    await self._linger()
                self._writer.close()
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once; what was not sent is lost."""
        self._writer.transport.abort()

    async def _next_event(self) -> object:
        """Return what the client sends next; a request's deadline runs from its first byte."""
        while (event := self._parse()) is h11.NEED_DATA:
            if self._parser.they_are_waiting_for_100_continue:
                await self._write(self._frames(_CONTINUE))
            is_first = self._is_waiting()
            async with asyncio.timeout_at(self._deadline):
                data = await self._reader.read(_READ)
            if is_first:
                self._deadline = self._now() + self._limits.receive
            self._parser.receive_data(data)
        return event

    def _parse(self) -> object:
        """Return the parser's next event, unless a head has so many lines that parsing takes long.

        h11 takes about 8 µs for each line, and runs in the event loop.
        """
        if self._parser.their_state is h11.IDLE:
            waiting = self._parser.trailing_data[0]
            head = waiting[: waiting.find(b"\r\n\r\n")] if b"\r\n\r\n" in waiting else waiting
            if head.count(b"\n") > self._limits.fields:
                raise RefusedError(431, "the request has too many header fields")
        return self._parser.next_event()

    def _is_waiting(self) -> bool:
        """Return whether not one byte of the next request has come."""
        return self._parser.their_state is h11.IDLE and not self._parser.trailing_data[0]

    def _request(self, head: h11.Request) -> Request:
        """Check what h11 leaves to its user, and name the parts of a request."""
        if len(head.target) + sum(len(n) + len(v) for n, v in head.headers) > self._limits.head:
            raise RefusedError(431, "the request's headers are too large")
        if head.http_version not in {b"1.0", b"1.1"}:
            raise RefusedError(505, "only HTTP/1.0 and HTTP/1.1 are supported")
        headers = _fields(head, self._limits.items)
        chunked = "transfer-encoding" in headers
        if chunked and ("content-length" in headers or head.http_version == b"1.0"):
            # A proxy could disagree with us on where such a request ends.
            raise RefusedError(400, "the request's length is ambiguous")
        if int(headers.get("content-length", "0")) > self._limits.body:
            raise RefusedError(413, "the request's body is too large")
        target = _origin_form(head.target.decode("latin-1"), headers)
        host = host_name(headers.get("host", ""))
        if host is None:
            raise RefusedError(400, "the request's Host is not valid")
        path, _, query = target.partition("?")
        return Request(head.method.decode("ascii"), path, query, headers, self.peer, host)

    async def _skip_body(self) -> None:
        size = 0
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            if size > self._limits.body:
                raise RefusedError(413, "the request's body is too large")

    def _frames(self, event: h11.Event) -> list[bytes]:
        return self._parser.send_with_data_passthrough(event) or []

    async def _write(self, frames: list[bytes]) -> None:
        """Write, and wait until the kernel has taken the last byte."""
        self._writer.write(b"".join(frames))
        transport = self._writer.transport
        if transport.get_write_buffer_size() or transport.is_closing():
            self._unread_since = self._now()
            async with asyncio.timeout_at(self._deadline):
                await self._writer.drain()
            self._unread_since = None

    async def _linger(self) -> None:
        """Discard what a rejected client still sends: closing at once would reset the response."""
        if self._writer.can_write_eof():
            self._writer.write_eof()
        while await self._reader.read(_READ):
            pass


def _fields(head: h11.Request, items: int) -> dict[str, str]:
    """Return the header fields; of a list only the first items are looked at."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in head.headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        fields[name] = f"{fields[name]}, {value}" if name in fields else value
    return {name: ",".join(value.split(",", items)[:items]) for name, value in fields.items()}


def _origin_form(target: str, headers: dict[str, str]) -> str:
    """Return a target as path and query; the host of an absolute one replaces `Host`.

    RFC 9112, 3.2.2: servers accept the absolute form, and ignore `Host` then.
    """
    if target.startswith("/"):
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if not absolute:
        raise RefusedError(400, "the request's target is not a path")
    headers["host"] = absolute["authority"]
    rest = absolute["rest"] or ""
    return rest if rest.startswith("/") else f"/{rest}"


def _head(response: Response, headers: Mapping[str, str], *, last: bool) -> h11.Response:
    fields = list(headers.items())
    if response.length is not None:
        fields.append(("Content-Length", str(response.length)))
    if last:
        fields.append(("Connection", "close"))
    reason = HTTPStatus(response.status).phrase
    return h11.Response(status_code=response.status, reason=reason, headers=fields)


def join_or_split(chunks: Iterable[bytes | memoryview], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of at most `size`: small chunks joined, large ones cut."""
    pending: list[bytes | memoryview] = []
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length <= size:
            pending.append(chunk)
            continue
        if pending:
            yield b"".join(pending)
        whole = (len(chunk) - 1) // size * size
        yield from (bytes(chunk[start : start + size]) for start in range(0, whole, size))
        pending, length = [chunk[whole:]], len(chunk) - whole
    if pending:
        yield b"".join(pending)
