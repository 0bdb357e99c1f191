"""Replace a good response, or spoil its headers or its body."""

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from functools import cache

import msgspec

from exporter.simulator.exchange import Account, Call
from exporter.simulator.messages import HTML, JSON, Headers, Response
from exporter.simulator.registry import simulated_exchanges

SpoilResponse = Callable[[Response, Call], Response]
"""Return what replaces the response to a call; the Date stays."""

_MEBIBYTE = 1024 * 1024


def status(code: int, body: bytes = b"", headers: Headers = ()) -> SpoilResponse:
    """Return a fault that responds with a status."""
    return lambda response, _call: _dated(Response(code, body, headers), response)


def page(code: int, title: str, *headers: tuple[str, str]) -> SpoilResponse:
    """Return a fault that responds with a page for people."""
    html = f"<!DOCTYPE html><html><title>{title}</title><body><h1>{title}</h1></body></html>"
    return status(code, html.encode(), HTML + headers)


def challenge(code: int) -> SpoilResponse:
    """Return a fault that responds with a Cloudflare bot challenge."""
    return page(code, "Just a moment...", ("Server", "cloudflare"), ("cf-mitigated", "challenge"))


def error(code: int, own: object, message: str = "Refused") -> SpoilResponse:
    """Return a fault that responds with a status, a code and a message, in the exchange's shape."""
    return lambda response, call: _dated(call.exchange.error(code, own, message), response)


def refused(reason: str, *, status: int | None = None) -> SpoilResponse:
    """Return a fault that responds with the exchange's own error for a reason.

    An exchange that documents none responds as usual.
    """

    def spoil(response: Response, call: Call) -> Response:
        if (own := call.exchange.refusals.get(reason)) is None:
            return response
        error = call.exchange.error(status or own.status, own.code, own.message)
        return _dated(error, response)

    return spoil


def code_in_200(own: int) -> SpoilResponse:
    """Return a fault that responds with 200, this code and no data."""
    return error(200, own)


def limited(wait: str | None, *, status: int = 429) -> SpoilResponse:
    """Return a fault that responds with 429 and this text as its Retry-After if there is one."""
    headers = () if wait is None else (("Retry-After", wait),)
    too_many = refused("rate_limited", status=status)
    return lambda response, call: too_many(response, call).adding(*headers)


def limited_until(seconds: float) -> SpoilResponse:
    """Return a fault that responds with 429 and a Retry-After so many seconds after the Date."""

    def spoil(response: Response, call: Call) -> Response:
        now = parsedate_to_datetime(dict(response.headers)["Date"]).timestamp()
        return limited(formatdate(now + seconds, usegmt=True))(response, call)

    return spoil


def redirect(code: int) -> SpoilResponse:
    """Return a fault that redirects to another name of this machine, at the same port."""

    def spoil(response: Response, call: Call) -> Response:
        port = call.request.headers.get("host", "").rpartition(":")[2]
        location = ("Location", f"http://localhost:{port}/elsewhere")
        return _dated(Response(code, headers=(location,)), response)

    return spoil


def echo(response: Response, call: Call) -> Response:
    """Reject a request with a message that repeats all its headers and its query."""
    said = " ".join([*call.request.headers.values(), *call.request.query.values()])
    return error(400, 400, f"Bad request: {said}")(response, call)


def recoded(code: int) -> SpoilResponse:
    """Return a fault that sends the good response with another status."""
    return lambda response, _call: replace(response, status=code)


def header(name: str, text: str | None) -> SpoilResponse:
    """Return a fault that sends a header with this text and not its own; `None` leaves it out."""
    changed = () if text is None else ((name, text),)
    return lambda response, _call: response.without(name).adding(*changed)


def body(content: bytes) -> SpoilResponse:
    """Return a fault that sends another body."""
    return edit(lambda _body: content)


def edit(change: Callable[[bytes], bytes]) -> SpoilResponse:
    """Return a fault that changes the body."""
    return lambda response, _call: replace(response, body=change(response.body))


def literal(text: bytes) -> SpoilResponse:
    """Return a fault that replaces the first amount with some JSON text."""
    written = text.replace(b"\\", rb"\\")
    return lambda response, call: replace(
        response, body=_first_amount(call).sub(rb'"\1":' + written, response.body, count=1)
    )


def code(text: bytes) -> SpoilResponse:
    r"""Return a fault that replaces the code with some JSON text; the code is `\1` in it."""

    def spoil(response: Response, call: Call) -> Response:
        if (key := call.exchange.code_key) is None:
            return response
        name = key.encode()
        pattern = rb'"%s":\s*(\w+)' % name
        written = re.sub(pattern, rb'"%s":%s' % (name, text), response.body, count=1)
        return replace(response, body=written)

    return spoil


def listing(rows: object) -> SpoilResponse:
    """Return a fault that replaces the list of rows."""

    def spoil(response: Response, call: Call) -> Response:
        if call.account is None:
            return response
        listed = call.exchange.document(msgspec.json.encode(rows), call.account)
        return _dated(Response(200, listed, JSON), response)

    return spoil


def token(text: str, expires: str = "4102444800000") -> SpoilResponse:
    """Return a fault that gives a token that is not known here, with this expiry."""
    return lambda response, call: _dated(call.exchange.token_response(text, expires), response)


def key_twice(response: Response, call: Call) -> Response:
    """Write the first amount once more under the same key, and another one."""
    twice = _first_amount(call).sub(rb'\g<0>,"\1":"1"', response.body, count=1)
    return replace(response, body=twice)


def _first_amount(call: Call) -> re.Pattern[bytes]:
    name = call.exchange.style.fields[call.exchange.style.main].encode()
    return re.compile(rb'"(%s|expireTime|serverTime)":\s*("[^"]*"|\d+)' % name)


def permitting(*more: str, without: str = "") -> SpoilResponse:
    """Return a fault that says that a key may do more than it may, or lacks one right."""

    def spoil(response: Response, call: Call) -> Response:
        held = call.account.permissions if call.account else frozenset()
        return _dated(call.exchange.permissions_response(held.union(more) - {without}), response)

    return spoil


def members_twice(body: bytes) -> bytes:
    """Write the members of the whole object twice in one object."""
    inside = body.strip()[1:-1]
    return b"{" + inside + b"," + inside + b"}"


def in_latin_1(body: bytes) -> bytes:
    """Write the body in ISO 8859-1, with a byte that is not valid UTF-8."""
    text = body.decode().replace("{", '{"ü":"ü",', 1)
    return text.encode("latin-1", errors="replace")


def in_utf_16(body: bytes) -> bytes:
    """Write the body in UTF-16 with a byte order mark."""
    return body.decode().encode("utf-16")


def other_shape(response: Response, call: Call) -> Response:
    """Respond with another exchange's document."""
    names = [*simulated_exchanges()]
    other = simulated_exchanges()[names[names.index(call.exchange.name) - 1]]()
    account = Account(other.name, "", {}, other.fixed({"BTC": ("1", "1", "0")}))
    body = other.balances(account.portfolio(0.0), account)
    return _dated(Response(200, body, JSON), response)


def compressed(response: Response, _call: Call) -> Response:
    """Send the body compressed, even if the request does not accept it."""
    # Stored, not deflated: of that every zlib makes the same bytes.
    squeezed = replace(response, body=zlib.compress(response.body, level=0, wbits=31))
    return squeezed.adding(("Content-Encoding", "gzip"))


def bomb(response: Response, _call: Call) -> Response:
    """Send about 1 MiB that is 1 GiB when unpacked."""
    headers = (*JSON, ("Content-Encoding", "gzip"))
    return _dated(Response(200, _gibibyte_of_spaces(), headers), response)


@cache
def _gibibyte_of_spaces() -> bytes:
    squeeze = zlib.compressobj(9, wbits=31)
    start, block = (
        squeeze.compress(b" " * _MEBIBYTE) + squeeze.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    return start + block * 1023 + squeeze.flush()


def _dated(replacement: Response, response: Response) -> Response:
    return replacement.adding(*(header for header in response.headers if header[0] == "Date"))
