"""Fuzz what reads the responses of the exchanges: each target takes any bytes."""

import asyncio
import os
import re
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from exporter.amounts import MAX_DIGITS, AmountError, is_negative, is_sum, parse_amount
from exporter.credentials import Secret
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    InternalError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from exporter.exchange_api.http_date import MAX_RETRY_AFTER, parse_retry_after
from exporter.exchanges import EXCHANGES, trubit
from exporter.exposition.deflate import inflate
from exporter.exposition.pages import PageRenderer
from exporter.model import Account, AccountKey, Amount, BalancesResponse
from exporter.polling.endpoint import Endpoint
from exporter.runtime.clock import Clock
from exporter.simulator import Exchange, simulated_exchanges
from exporter.simulator.rows import Style
from fuzz.oracles import (
    CANARY,
    amount_of,
    check_words,
    is_nearest_float64,
    strict_json,
)

NOW = 1_700_000_000.0
"""Unix time at which a Retry-After is read: Tue, 14 Nov 2023 22:13:20 GMT."""

_OF_A_RESPONSE = (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
_SAMPLE = re.compile(
    r"exchange_(total|free|locked)_balance"
    r'\{exchange="e",account="a",asset="((?:[^"\\]|\\.)*)"\} (\S+)\n'
)
_KINDS = ("total", "free", "locked")
_GROUPED = {
    ",": re.compile(r"[0-9]{1,3}(,[0-9]{3}){2,}(\.[0-9]+)?"),
    ".": re.compile(r"[0-9]{1,3}(\.[0-9]{3}){2,}(,[0-9]+)?"),
}
_DATE_FORMATS = ("%a, %d %b %Y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y")
_ZONES = ("UTC", "Asia/Kolkata")


def amount(data: bytes) -> None:
    """Accept exactly the grammar's decimals that a float64 can hold, and keep their value."""
    text = data.decode("utf-8", "replace")
    value = amount_of(text) if len(text) <= MAX_DIGITS else None
    try:
        read = parse_amount(text)
    except AmountError as error:
        check_words(error)
        assert value is None or not _fits_float64(value), "a good amount is refused"
        return
    assert value is not None, "what is no amount is taken for one"
    assert _fits_float64(value), "what no float64 holds is taken for an amount"
    assert Fraction(read) == value, "reading changed the value"
    assert set(read) <= set("-.0123456789"), "not in plain notation"
    assert is_nearest_float64(float(read), read), "rounded wrong"
    assert is_negative(read) == (value < 0), "wrong sign"
    assert is_sum(read, read, Amount("0")), "not itself"
    assert is_sum(read, read, read) == (value == 0), "a wrong sum is taken for right"
    if "e" not in text.lower():
        assert read in {text.replace(",", "."), text.replace(",", ".").lstrip("-")}, "new digits"


def balances_target(exchange: str) -> Callable[[bytes], None]:
    """Return the target that reads an exchange's balances, held to what its twin knows of them."""
    simulated = simulated_exchanges().get(exchange)
    if simulated is None:
        raise LookupError(f"{exchange}: not simulated, see exporter/simulator/exchanges")

    def target(data: bytes) -> None:
        check_balances(EXCHANGES[exchange].parse_balances, data, simulated)

    target.__name__ = f"{exchange}_balances"
    target.__doc__ = f"Publish of the rows of {exchange} what they say, or nothing."
    return target


def check_balances(
    parse: Callable[[bytes], BalancesResponse], body: bytes, simulated: type[Exchange]
) -> None:
    """Compare what is published of a body with the body as Python's own parser reads it."""
    try:
        reading = parse(body)
    except _OF_A_RESPONSE as error:
        check_words(error)
        return
    rows = strict_json(body)
    for key in simulated.rows_path:
        rows = rows[key]
    style = simulated.style
    _check_that_every_row_is_accounted_for(reading, rows, style)
    published = _published(reading)
    assert len(published) == 3 * len(reading.balances), "a sample too many or too few"
    served = [row for row in rows if ("free", _asset_of(row, style)) in published]
    for row in served:
        given = {kind: published[kind, _asset_of(row, style)] for kind in _KINDS}
        for kind in _KINDS:
            if field := style.fields.get(kind):
                assert Fraction(given[kind]) == amount_of(row[field]), "not what the exchange said"
        if "total" not in style.fields:
            total = Fraction(given["free"]) + Fraction(given["locked"])
            assert Fraction(given["total"]) == total, "not the exact sum"
    _check_separators(rows, served, style)


def _check_separators(rows: list[Any], served: list[Any], style: Style) -> None:
    def texts(some: list[Any]) -> list[str]:
        values = [row.get(style.fields[name]) for row in some for name in style.amounts]
        return [value for value in values if type(value) is str]

    believed = {mark for text in texts(served) for mark in ",." if mark in text}
    assert len(believed) < 2, "a comma and a point are believed in one response"
    everything = texts([row for row in rows if isinstance(row, dict)])
    grouped = {mark for text in everything for mark in ",." if _GROUPED[mark].fullmatch(text)}
    assert not believed & grouped, "a mark that groups thousands is believed to be decimal"


def token(data: bytes) -> None:
    """Take a token that can stand in a header, and its end, exactly as they came."""
    try:
        value, expires = trubit.parse_token(data)
    except _OF_A_RESPONSE as error:
        check_words(error)
        return
    said = strict_json(data)["data"]
    assert type(said["token"]) is str, "a number for a token"
    assert value == said["token"], "another token"
    assert value.isascii(), "a token that no header can carry"
    assert value.isprintable(), "a token that no header can carry"
    assert expires == int(said["expireTime"]) / 1000, "another end"


def retry_after(data: bytes) -> None:
    """Follow a number or a date within limits, in any local time zone."""
    text = data.decode("latin-1")
    waits = set()
    for zone in _ZONES:
        with _time_zone(zone):
            waits.add(parse_retry_after(text, NOW))
    assert len(waits) == 1, "the wait depends on our time zone"
    [wait] = waits
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER, "an absurd wait"
    said = _seconds(text.strip())
    if said is not None:
        wanted = min(said, MAX_RETRY_AFTER) if 0 < said <= 86_400 else None
        assert wait == wanted, "not the wait of the header"


def response(data: bytes) -> None:
    """Poll each exchange once from a server that sends these bytes to any request and closes."""
    for exchange in EXCHANGES:
        outcome = asyncio.run(_poll(exchange, data))
        assert not isinstance(outcome, InternalError), "an internal error"
        if isinstance(outcome, PollError):
            check_words(outcome)
        else:
            assert b" 200" in data, "balances without a 200"


async def _poll(exchange: str, data: bytes) -> BalancesResponse | PollError:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(say, "127.0.0.1", 0) as server:
        account = _account(exchange, server.sockets[0].getsockname()[1])
        endpoint = Endpoint(EXCHANGES[exchange], 60_000, Clock())
        http = endpoint.connect(account)
        try:
            return (await endpoint.poll(account, http)).outcome
        finally:
            await http.aclose()


def _account(exchange: str, port: int) -> Account:
    [names, *_] = EXCHANGES[exchange].credential_sets
    return Account(
        name="a",
        exchange=exchange,
        base_url=f"http://127.0.0.1:{port}",
        balances_path=EXCHANGES[exchange].balances_path,
        credentials={name: Secret(f"{CANARY}AA") for name in names},  # base64, as it happens
    )


def _check_that_every_row_is_accounted_for(
    reading: BalancesResponse, rows: list[Any], style: Style
) -> None:
    served = [balance.asset for balance in reading.balances]
    assert len(served) == len(set(served)), "an asset is served twice"
    rejected = {row.row for row in reading.rejected}
    assert len(rejected) == len(reading.rejected), "a row is rejected twice"
    for number, row in enumerate(rows):
        is_served = _asset_of(row, style) in served
        assert is_served != (number in rejected), "a row is neither served nor rejected, or both"
    assert not any(CANARY in row.problem for row in reading.rejected), "a problem repeats a row"


def _published(reading: BalancesResponse) -> dict[tuple[str, str | None], str]:
    rendered = PageRenderer().balances(AccountKey("e", "a"), reading.balances, None)
    text = b"".join(inflate(block) for block in rendered.samples.values()).decode()
    return {
        (kind, re.sub(r"\\(.)", r"\1", asset)): digits
        for kind, asset, digits in _SAMPLE.findall(text)
    }


def _asset_of(row: Any, style: Style) -> str | None:
    asset = row.get(style.fields["asset"]) if isinstance(row, dict) else None
    if type(asset) is not str:  # a JSON number is of another type
        return None
    if not style.is_lower_case:
        return asset
    return "".join(letter.upper() if letter.isascii() else letter for letter in asset)


def _fits_float64(value: Fraction) -> bool:
    try:
        nearest = float(value)
    except OverflowError:
        return False
    return nearest != 0 or value == 0


def _seconds(text: str) -> float | None:
    """Return the seconds of a header, if its form is valid in HTTP."""
    if text.isascii() and text.isdigit():
        return float(text) if len(text) < 10 else -1.0  # more digits are absurd, even of zero
    for date_format in _DATE_FORMATS:
        with suppress(ValueError):
            date = datetime.strptime(text, date_format).replace(tzinfo=UTC)
            return date.timestamp() - NOW if date.year >= 1000 else None
    return None


@contextmanager
def _time_zone(name: str) -> Any:
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
