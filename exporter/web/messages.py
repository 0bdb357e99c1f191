"""Describe one request and its response, free of any transport."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request; `path` and `query` are as sent, nothing is decoded or normalised.

    `headers` has names in lower case, and joins the values of a repeated one with commas; of an
    absolute target the host stands there as `host`. `host` is its name without a port. `peer` is
    the client's IP address.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    peer: str
    host: str = ""

    def header(self, name: str) -> str:
        """Return a header's value, whatever the case of its name; empty if it is absent."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Response:
    """A response, whose body is made piece by piece while it leaves.

    `length` is the size of the body in bytes; without it the body goes out in chunks.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Iterable[bytes | memoryview] = ()
    length: int | None = None

    @classmethod
    def text(cls, status: int, text: str, headers: Mapping[str, str] | None = None) -> "Response":
        """Make a response of one line of plain text."""
        body = f"{text}\n".encode()
        content_type = {"Content-Type": "text/plain; charset=utf-8"}
        return cls(status, content_type | dict(headers or {}), (body,), len(body))


class RefusedError(Exception):
    """Carry the response to a request that is not served; the connection closes after it."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        """Say in one line what is wrong."""
        super().__init__(text)
        self.response = Response.text(status, text, headers)


Handler = Callable[[Request], Response | Awaitable[Response]]
"""Respond from memory: at once, or awaited if it reloads or lets others take their turn."""

Routes = Mapping[str, Mapping[str, Handler]]
"""Path -> method -> handler. GET serves HEAD, too."""
