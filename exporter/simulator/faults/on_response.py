"""Put something else in the place of a good response, or spoil its headers or its body."""

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from functools import cache

from exporter.simulator.messages import HTML, JSON, Call, Headers, Response, json_response

SpoilResponse = Callable[[Response, Call], Response]
"""Return a response in the place of an answer to a call; its Date stays."""

_MEBIBYTE = 1024 * 1024
_AN_AMOUNT = re.compile(rb'"(balance|total|expireTime|serverTime)":\s*("[^"]*"|\d+)')
_A_CODE = re.compile(rb'"code":\s*(\d+)')


def status(code: int, body: bytes = b"", headers: Headers = ()) -> SpoilResponse:
    """Return a fault that answers with a status."""
    return lambda response, _call: _dated(Response(code, body, headers), response)


def page(code: int, title: str, *headers: tuple[str, str]) -> SpoilResponse:
    """Return a fault that answers with a page for people."""
    html = f"<!DOCTYPE html><html><title>{title}</title><body><h1>{title}</h1></body></html>"
    return status(code, html.encode(), HTML + headers)


def challenge(code: int) -> SpoilResponse:
    """Return a fault that answers with what Cloudflare asks of clients that it takes for robots."""
    return page(code, "Just a moment...", ("Server", "cloudflare"), ("cf-mitigated", "challenge"))


def error(code: int, *, btcturk: tuple[int, str], trubit: tuple[int, str]) -> SpoilResponse:
    """Return a fault that answers with a status and each exchange's own code and message."""
    contents: dict[str, dict[str, object]] = {
        "btcturk": {"success": False, "message": btcturk[1], "code": btcturk[0]},
        "trubit": {"code": trubit[0], "msg": trubit[1]},
    }
    return lambda response, call: _dated(json_response(code, contents[call.exchange]), response)


internal_error = error(500, btcturk=(500, "INTERNAL_ERROR"), trubit=(-1000, "Internal error"))


def code_in_200(code: int) -> SpoilResponse:
    """Return a fault that answers 200 with this code and no data."""
    return error(200, btcturk=(code, "Refused"), trubit=(code, "Refused"))


def unauthorised(code: int) -> SpoilResponse:
    """Return a fault that refuses the key in an HTTP status; BtcTurk calls that a success."""
    contents: dict[str, dict[str, object]] = {
        "btcturk": {"success": True, "message": "Unauthorized - Invalid Nonce", "code": 1037},
        "trubit": {"code": -1002, "msg": "Unauthorized"},
    }
    return lambda response, call: _dated(json_response(code, contents[call.exchange]), response)


def limited(wait: str | None) -> SpoilResponse:
    """Return a fault that answers 429, with this text as its Retry-After if there is one."""
    too_many = error(429, btcturk=(429, "TOO_MANY_REQUESTS"), trubit=(-1003, "Too many requests"))
    headers = () if wait is None else (("Retry-After", wait),)
    return lambda response, call: too_many(response, call).adding(*headers)


def limited_until(seconds: float) -> SpoilResponse:
    """Return a fault that answers 429 with a Retry-After so many seconds after the Date."""

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
    """Refuse a request with a message that repeats all its headers and its query."""
    said = " ".join([*call.request.headers.values(), *call.request.query.values()])
    message = f"Bad request: {said}"
    return error(400, btcturk=(400, message), trubit=(-1100, message))(response, call)


def recoded(code: int) -> SpoilResponse:
    """Return a fault that sends the good answer with another status."""
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
    """Return a fault that writes some JSON text in the place of the first amount."""
    return edit(lambda body: _AN_AMOUNT.sub(rb'"\1":' + text.replace(b"\\", rb"\\"), body, count=1))


def code(text: bytes) -> SpoilResponse:
    r"""Return a fault that writes some JSON text in the place of the code, which is `\1` in it."""
    return edit(lambda body: _A_CODE.sub(rb'"code":' + text, body, count=1))


def listing(rows: object) -> SpoilResponse:
    """Return a fault that has something else in the place of the list of rows."""
    contents: dict[str, dict[str, object]] = {
        "btcturk": {"data": rows, "success": True, "message": None, "code": 0},
        "trubit": {"code": 200, "msg": "SUCCESS", "data": {"canDeposit": True, "balances": rows}},
    }
    return lambda response, call: _dated(json_response(200, contents[call.exchange]), response)


def token(text: str, expires: str = "4102444800000") -> SpoilResponse:
    """Return a fault that gives a token that is not known here, and says until when it is good."""
    data = {"token": text, "expireTime": expires}
    answer = json_response(200, {"code": 200, "msg": "SUCCESS", "data": data})
    return lambda response, _call: _dated(answer, response)


def key_twice(body: bytes) -> bytes:
    """Write the first amount once more under the same key, and another one."""
    return _AN_AMOUNT.sub(rb'\g<0>,"\1":"1"', body, count=1)


def members_twice(body: bytes) -> bytes:
    """Write the members of the whole object twice in one object."""
    inside = body.strip()[1:-1]
    return b"{" + inside + b"," + inside + b"}"


def in_latin_1(body: bytes) -> bytes:
    """Write the body in ISO 8859-1, with a letter that is no UTF-8 there."""
    text = body.decode().replace("{", '{"ü":"ü",', 1)
    return text.encode("latin-1", errors="replace")


def in_utf_16(body: bytes) -> bytes:
    """Write the body in UTF-16 with a byte order mark."""
    return body.decode().encode("utf-16")


def other_shape(response: Response, call: Call) -> Response:
    """Respond with the other exchange's document."""
    row = {"asset": "BTC", "free": "1", "locked": "0"}
    btcturk = {"data": [row | {"balance": "1"}], "success": True, "message": None, "code": 0}
    data = {"canDeposit": True, "balances": [row | {"total": "1"}]}
    trubit = {"code": 200, "msg": "SUCCESS", "data": data}
    return _dated(json_response(200, trubit if call.exchange == "btcturk" else btcturk), response)


def compressed(response: Response, _call: Call) -> Response:
    """Send the body compressed, whatever was asked for."""
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


def _dated(answer: Response, response: Response) -> Response:
    return answer.adding(*(header for header in response.headers if header[0] == "Date"))
