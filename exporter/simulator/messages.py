"""Define what passes between a client and the simulated exchanges."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

import msgspec

CallKind = Literal["balances", "token", "time", "ticker", "markets", "permissions"]
Headers = tuple[tuple[str, str], ...]

JSON: Headers = (("Content-Type", "application/json; charset=utf-8"),)
HTML: Headers = (("Content-Type", "text/html; charset=utf-8"),)

_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it was read; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    peer: str
    keep_alive: bool
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its length is added when it is sent, unless a header already gives it."""

    status: int
    body: bytes = b""
    headers: Headers = ()

    def adding(self, *headers: tuple[str, str]) -> "Response":
        """Return this response with more headers."""
        return replace(self, headers=self.headers + headers)

    def without(self, name: str) -> "Response":
        """Return this response without a header."""
        kept = tuple(header for header in self.headers if header[0].lower() != name.lower())
        return replace(self, headers=kept)

    def head(self) -> bytes:
        """Return the status line and the headers, with the empty line that ends them."""
        return self._head(() if self._is_framed() else (("Content-Length", str(len(self.body))),))

    def unframed_head(self) -> bytes:
        """Return the same without a length: the body lasts until the connection is closed."""
        return self._head(())

    def _head(self, framing: Headers) -> bytes:
        lines = [f"{name}: {text}" for name, text in self.headers + framing]
        status = f"HTTP/1.1 {self.status} {_phrase(self.status)}"
        return "\r\n".join([status, *lines, "", ""]).encode("latin-1")

    def _is_framed(self) -> bool:
        framing = {"content-length", "transfer-encoding"}
        return self.status in _WITHOUT_BODY or any(n.lower() in framing for n, _ in self.headers)


def json_response(status: int, content: object) -> Response:
    """Return a response whose body is compact JSON."""
    return Response(status, msgspec.json.encode(content), JSON)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
