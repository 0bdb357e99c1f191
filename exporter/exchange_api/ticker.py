"""Read the rows of a ticker one by one: a row that can't be parsed affects no other pair."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from math import inf

from exporter.amounts import AmountError, parse_amount
from exporter.errors import BadResponseError
from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.responses import JsonNumber
from exporter.exchange_api.rows import Row, RowError
from exporter.quotes import Pair, Quote, QuotesResponse

MAX_ROWS = 20_000
"""Most rows of a ticker; the largest known has about 3,500."""

_MILLISECONDS = re.compile(r"([1-9][0-9]{9,13})(?:\.0*)?").fullmatch
_SECONDS = re.compile(r"[0-9]{1,9}").fullmatch
_MAX_CODE = 64


def read_quotes(
    rows: object, read_pair: Callable[[Row], Pair | None], read_quote: Callable[[Pair, Row], Quote]
) -> QuotesResponse:
    """Return every row as a quote or as unparsable; rows for which there is no pair are skipped.

    Raises `BadResponseError` if `rows` is not a list, or longer than any ticker.
    """
    if not isinstance(rows, list):
        raise BadResponseError("the response has no list of quotes")
    if len(rows) > MAX_ROWS:
        raise BadResponseError(f"a list of more than {MAX_ROWS} quotes")
    quotes: list[Quote] = []
    unparsable = 0
    pairs: set[Pair] = set()
    for row in rows:
        pair = None
        try:
            pair = read_pair(row if isinstance(row, dict) else {})
            if pair is not None:
                quotes.append(read_quote(pair, row))
        except RowError:
            unparsable += 1
            pairs |= {pair} if pair else set()
    return QuotesResponse(tuple(quotes), unparsable, frozenset(pairs))


def cached_for(response: ApiResponse) -> float:
    """Return for how many seconds a cache had a response: what its `Age` says (RFC 9111, 5.1)."""
    age = response.headers.get("Age", "0")
    return float(age) if _SECONDS(age) else inf


def read_code(row: Row, field: str) -> str:
    """Return one side of a pair; raises `RowError` if it can't be an asset's code."""
    code = row.get(field)
    is_code = isinstance(code, str) and 0 < len(code) <= _MAX_CODE and code.isprintable()
    if not is_code or code != str(code).strip():
        raise RowError(f"{field} is missing or not a code")
    return str(code)


def read_price(row: Row, field: str) -> Decimal | None:
    """Return a price, None if the row has none; raises `RowError` for anything but a number."""
    value = row.get(field)
    if value is None:
        return None
    text = value.text if isinstance(value, JsonNumber) else value
    if type(text) is int:
        text = str(text)
    if not isinstance(text, str) or "," in text:
        raise RowError(f"{field} is not a number")
    try:
        return Decimal(parse_amount(text))
    except AmountError as error:
        raise RowError(f"{field} is {error}") from None


def read_milliseconds(row: Row, field: str) -> float | None:
    """Return a row's own time in Unix seconds, None if it has none.

    Raises `RowError` for anything but milliseconds. BtcTurk has sent `1579996808957.0`.
    """
    value = row.get(field)
    if value is None:
        return None
    text = value.text if isinstance(value, JsonNumber) else str(value)
    found = _MILLISECONDS(text) if type(value) in {int, str, JsonNumber} else None
    if not found:
        raise RowError(f"{field} is not a time in milliseconds")
    return int(found[1]) / 1000


def read_iso_time(row: Row, field: str) -> float | None:
    """Return a row's own time in Unix seconds, None if it has none.

    Raises `RowError` for anything but a date with a time and its zone (ISO 8601).
    """
    value = row.get(field)
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
        if time is not None and time.tzinfo is not None:
            return time.timestamp()
    except (ValueError, OverflowError):
        pass
    raise RowError(f"{field} is not a time with its zone")
