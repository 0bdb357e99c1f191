"""Read HTTP/1.1 responses from bytes: no I/O, and a bound on everything (RFC 9112)."""

import re
from collections.abc import Callable  # noqa: TC003
from typing import NamedTuple

MAX_BODY_BYTES = 1024 * 1024
"""Longest body that is read; the largest known response has 70 KB."""

MAX_ERROR_BODY_BYTES = 16 * 1024
"""Longest body of a status other than 200 that is read; a longer one is dropped."""

MAX_HEAD_BYTES = 16 * 1024
MAX_FIELDS = 100
MAX_INTERIM_RESPONSES = 10
MAX_CHUNKS = 16 * 1024

_MAX_CHUNK_LINE = 256
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_END_OF_LINE = re.compile(r"\r?\n")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00-\x08\x0a-\x1f\x7f]*)?")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile("[0-9]{1,12}")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_END_OF_CHUNK = re.compile(rb"\r?\n")
_WITHOUT_BODY = {204, 304}


class HttpError(Exception):
    """The bytes are not a valid HTTP/1.1 response, or break off; `str()` says what is wrong."""


class NotHttpError(HttpError):
    """Not even the first line is that of a response."""


class Response(NamedTuple):
    """A whole response; `fields` are the header fields in order, with names in lower case."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    keeps_connection: bool

    def values(self, name: str) -> list[str]:
        """Return all values of a header field; `name` is in lower case."""
        return [value for field, value in self.fields if field == name]


class ResponseReader:
    """Read one response from bytes as they arrive."""

    def __init__(self) -> None:
        """Wait for the first byte."""
        self.response: Response | None = None
        self._buffer = bytearray()
        self._body = bytearray()
        self._chunks = 0
        self._interim = 0
        self._left = 0  # bytes of the body, or of the chunk, that have not come yet
        self._head: Response | None = None
        self._step: Callable[[], bool] = self._read_head

    @property
    def has_begun(self) -> bool:
        """Return whether any byte of the response has come."""
        return self._head is not None or bool(self._buffer) or self._interim > 0

    @property
    def is_error(self) -> bool:
        """Return whether the status is known and is not 200, so that the body matters less."""
        return self._head is not None and self._head.status != 200

    @property
    def surplus(self) -> bool:
        """Return whether bytes came after the end of the response."""
        return self.response is not None and bool(self._buffer)

    def feed(self, data: bytes | memoryview) -> None:
        """Take bytes, and set `response` once it is whole; raises `HttpError`."""
        self._buffer += data
        try:
            while self.response is None and self._step():
                pass
        except HttpError:
            if not self.is_error:
                raise
            self.give_up_body()

    def end(self) -> None:
        """Take the end of the connection; raises `HttpError` if the response is not whole."""
        if self.response is None and self._step == self._read_until_end:
            self._finish(keeps_connection=False)
        elif self.is_error:
            self.give_up_body()
        elif self.response is None:
            raise HttpError("the response broke off")

    def give_up_body(self) -> None:
        """Do without the body of an error, whose status says enough."""
        self._body.clear()
        self._finish(keeps_connection=False)

    def _read_head(self) -> bool:
        found = _END_OF_HEAD.search(self._buffer)
        if len(self._buffer) >= 5 and not self._buffer.startswith(b"HTTP/"):
            raise NotHttpError("the response is not HTTP")
        if (found.end() if found else len(self._buffer)) > MAX_HEAD_BYTES:
            raise HttpError(f"the response's header is longer than {MAX_HEAD_BYTES} bytes")
        if found is None:
            return False
        head = parse_head(self._buffer[: found.start()].decode("latin-1"))
        del self._buffer[: found.end()]
        if head.status < 200:
            self._skip_interim(head.status)
        else:
            self._head = head
            self._begin_body(head)
        return True

    def _skip_interim(self, status: int) -> None:
        self._interim += 1
        if status == 101 or self._interim > MAX_INTERIM_RESPONSES:
            raise HttpError("the response does not come to a final status")

    def _begin_body(self, head: Response) -> None:
        encodings, lengths = head.values("transfer-encoding"), head.values("content-length")
        if head.status in _WITHOUT_BODY:
            self._finish(keeps_connection=head.keeps_connection)
        elif encodings:
            if lengths or [encoding.strip().lower() for encoding in encodings] != ["chunked"]:
                raise HttpError("the response's length is ambiguous")
            self._step = self._read_chunk_line
        elif lengths:
            self._left = _length(lengths)
            self._check_size(self._left)
            self._step = self._read_length
        else:
            self._step = self._read_until_end

    def _read_length(self) -> bool:
        self._take()
        if not self._left:
            self._finish()
        return False

    def _read_until_end(self) -> bool:
        self._left = len(self._buffer)
        self._take()
        return False

    def _read_chunk_line(self) -> bool:
        line = _CHUNK_LINE.match(self._buffer)
        if line is None:
            if b"\n" in self._buffer or len(self._buffer) > _MAX_CHUNK_LINE:
                raise HttpError("a chunk of the response is not valid")
            return False
        self._left = int(line[1], 16)
        del self._buffer[: line.end()]
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise HttpError(f"the response has more than {MAX_CHUNKS} chunks")
        self._check_size(len(self._body) + self._left)
        self._step = self._read_chunk if self._left else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._take()
        if self._left:
            return False
        self._step = self._read_end_of_chunk
        return True

    def _read_end_of_chunk(self) -> bool:
        end = _END_OF_CHUNK.match(self._buffer)
        if end is None:
            if bytes(self._buffer) not in {b"", b"\r"}:
                raise HttpError("a chunk of the response is not valid")
            return False
        del self._buffer[: end.end()]
        self._step = self._read_chunk_line
        return True

    def _read_trailer(self) -> bool:
        """Skip the fields after the last chunk, up to an empty line."""
        line, newline, _ = self._buffer.partition(b"\n")
        if len(line) > MAX_HEAD_BYTES:
            raise HttpError(f"the response's trailer is longer than {MAX_HEAD_BYTES} bytes")
        if not newline:
            return False
        del self._buffer[: len(line) + 1]
        self._chunks += 1
        if self._chunks > MAX_CHUNKS:
            raise HttpError("the response's trailer has too many fields")
        if not line.rstrip(b"\r"):
            self._finish()
        return True

    def _take(self) -> None:
        """Move what has come from the buffer to the body."""
        part = self._buffer[: self._left]
        del self._buffer[: len(part)]
        self._left -= len(part)
        self._body += part
        self._check_size(len(self._body))

    def _check_size(self, size: int) -> None:
        limit = MAX_ERROR_BODY_BYTES if self.is_error else MAX_BODY_BYTES
        if size > limit:
            raise HttpError(f"the response is larger than {limit} bytes")

    def _finish(self, *, keeps_connection: bool = True) -> None:
        assert self._head is not None  # noqa: S101 - bodies come after heads
        keeps = keeps_connection and self._head.keeps_connection
        self.response = self._head._replace(body=bytes(self._body), keeps_connection=keeps)


def parse_head(text: str) -> Response:
    """Return the status and the header fields of a response; raises `HttpError`."""
    first, *lines = _END_OF_LINE.split(text)
    status_line = _STATUS_LINE.fullmatch(first)
    if status_line is None:
        raise HttpError("the response's status line is not valid HTTP")
    if len(lines) > MAX_FIELDS:
        raise HttpError(f"the response has more than {MAX_FIELDS} header fields")
    fields = tuple(map(_parse_field, lines))
    response = Response(int(status_line[2]), fields, b"", keeps_connection=status_line[1] == "1")
    options = ",".join(response.values("connection")).lower().split(",")
    closes = "close" in {option.strip() for option in options}
    return response._replace(keeps_connection=response.keeps_connection and not closes)


def _parse_field(line: str) -> tuple[str, str]:
    field = _FIELD.fullmatch(line)
    if field is None:
        raise HttpError("a header field of the response is not valid HTTP")
    return field[1].lower(), field[2].rstrip(" \t")


def _length(values: list[str]) -> int:
    """Return the one length that all values of `Content-Length` agree on."""
    lengths = {length.strip() for value in values for length in value.split(",")}
    (length, *others) = lengths
    if others or not _LENGTH.fullmatch(length):
        raise HttpError("the response's length is not a valid number")
    return int(length)
