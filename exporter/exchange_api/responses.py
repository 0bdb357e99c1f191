"""Read the answers of the exchanges: strict JSON, and rows of balances one by one."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from exporter.amounts import AmountError, parse_amount
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from exporter.model import Amount, Balance, BalancesResponse, RejectedRow

MAX_ASSETS = 2000
"""Most assets of one account that are published; about ten times what an exchange lists."""

Row = Mapping[str, object]

_ASSET = re.compile(r"[A-Za-z0-9._-]{1,32}").fullmatch
_MAX_NAME = 64
_MAX_ROWS = 10_000  # more is no list of balances; each row that is left out costs memory
_MAX_VALUES = 120_000  # more would hold up every account while they are read, for half a second
_NO_CODE = "the exchange refused the request without a number for why"
_LIKE_HTTP: Mapping[int, type[PollError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    418: RateLimitedError,
    429: RateLimitedError,
}
_ZERO = Amount("0")
_NO_SEPARATOR = " "  # is in no amount


class RowError(ValueError):
    """Say why a row can't be understood; the message never repeats what the exchange sent."""


class JsonNumber(NamedTuple):
    """Hold the text of a fractional JSON number, which is no text of JSON's: no code, no name."""

    text: str


_decode: Callable[[bytes], object] = msgspec.json.Decoder(float_hook=JsonNumber).decode


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the one JSON object of a body; fractional numbers keep their text as it came.

    Raises `BadResponseError` for anything else: broken JSON, NaN, duplicate keys, an integer or a
    nesting without end, bytes that are not UTF-8, an array, more values than any list of balances.
    """
    # A value follows a comma, or is the first of what was opened.
    if len(body) > _MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise BadResponseError(f"an answer of more than {_MAX_VALUES} values")
    try:
        document = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadResponseError(f"not valid JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise BadResponseError("a JSON object is due, and this is none")
    # Every key has a colon, so equal counts prove that no key was lost to a duplicate. More colons
    # (in a text, or below a level that is not counted) only ask for the slower, certain look.
    if body.count(b":") != _count_keys(document):
        _refuse_duplicate_keys(body)
    return document


def refusal(code: object, meanings: Mapping[int, type[PollError]]) -> PollError:
    """Return the error that a code inside an answer means; only a number is ever repeated.

    `meanings` are the exchange's own codes; others are read like the status codes of HTTP.
    """
    known = code if type(code) is int and abs(code) <= 99999 else 0
    error = meanings.get(known) or _LIKE_HTTP.get(known, RejectedError)
    if 500 <= known <= 599:
        error = UnavailableError
    return error(f"the exchange refused the request (code {known})" if known else _NO_CODE)


class AmountReader:
    """Read the amounts of one answer, which may use a decimal comma or a point, never both."""

    __slots__ = ("_separator",)

    def __init__(self) -> None:
        """Start with no separator seen."""
        self._separator = _NO_SEPARATOR

    def read(self, row: Row, field: str) -> Amount:
        """Return a field's amount.

        Raises `RowError` where there is none, `BadResponseError` where the answer mixes separators:
        then nobody can say which of them groups thousands.
        """
        value = row.get(field)
        if value == "0":  # nine of ten amounts
            return _ZERO
        if isinstance(value, str):
            amount = _parse(value, field)
            if self._separator not in value:
                self._note_separator(value)
            return amount
        if type(value) is int:
            return _parse(str(value), field)
        if isinstance(value, JsonNumber):  # its point is JSON's own, whatever the texts use
            return _parse(value.text, field)
        raise RowError(f"{field} is missing or not a number")

    def read_optional(self, row: Row, field: str) -> Amount | None:
        """Return a field's amount, or None where the row has no such field."""
        return self.read(row, field) if field in row else None

    def _note_separator(self, text: str) -> None:
        if "," in text:
            separator = ","
        elif "." in text:
            separator = "."
        else:
            return
        if self._separator not in {_NO_SEPARATOR, separator}:
            raise BadResponseError("the amounts use both a decimal comma and a decimal point")
        self._separator = separator


def read_text(row: Row, field: str) -> str:
    """Return a field that people read, or nothing where it is missing, hostile or too long."""
    value = row.get(field)
    if isinstance(value, str) and len(value) <= _MAX_NAME and value.isprintable():
        return value
    return ""


def read_rows(rows: list[object], read_row: Callable[[str, Row], Balance]) -> BalancesResponse:
    """Return every row either as a balance or as rejected.

    `read_row` takes an asset's code and its row. The same asset twice alike counts once; where its
    rows differ, or one of them can't be understood, none of them is believed. Rows beyond
    `MAX_ASSETS` are rejected; an answer with five times as many is no answer.
    """
    if len(rows) > _MAX_ROWS:
        raise BadResponseError(f"a list of more than {_MAX_ROWS} balances")
    understood: list[tuple[int, Balance]] = []
    rejected: list[RejectedRow] = []
    for number, row in enumerate(rows):
        asset = None
        try:
            asset, fields = _read_asset(row)
            understood.append((number, read_row(asset, fields)))
        except RowError as error:
            rejected.append(RejectedRow(number, asset, str(error)))
    return _settle(understood, rejected)


def _parse(text: str, field: str) -> Amount:
    try:
        return parse_amount(text)
    except AmountError as error:
        raise RowError(f"{field} is {error}") from None


def _settle(understood: list[tuple[int, Balance]], rejected: list[RejectedRow]) -> BalancesResponse:
    first: dict[str, Balance] = {}
    disputed = {row.asset for row in rejected}
    for _, balance in understood:
        if first.setdefault(balance.asset, balance) != balance:
            disputed.add(balance.asset)
    believed = [balance for balance in first.values() if balance.asset not in disputed]
    admitted = {balance.asset for balance in believed[:MAX_ASSETS]}
    for number, balance in understood:
        if balance.asset in disputed:
            rejected.append(RejectedRow(number, balance.asset, "listed twice, and not alike"))
        elif balance.asset not in admitted:
            rejected.append(RejectedRow(number, balance.asset, f"more than {MAX_ASSETS} assets"))
    return BalancesResponse(tuple(believed[:MAX_ASSETS]), tuple(rejected))


def _read_asset(row: object) -> tuple[str, Row]:
    if not isinstance(row, dict):
        raise RowError("not an object")
    asset = row.get("asset")
    if not (isinstance(asset, str) and _ASSET(asset)):
        raise RowError("asset is missing or not a code of up to 32 letters, digits, '.', '_', '-'")
    return asset, row


def _count_keys(document: Mapping[str, Any]) -> int:
    """Count the keys of an answer of the documented shape: its own, its data's and its rows'."""
    count = len(document)
    data = document.get("data")
    if isinstance(data, dict):
        count += len(data)
        data = data.get("balances")
    if isinstance(data, list):
        count += sum(len(row) for row in data if isinstance(row, dict))
    return count


def _refuse_duplicate_keys(body: bytes) -> None:
    def unique(pairs: list[tuple[str, object]]) -> None:
        if len({key for key, _ in pairs}) != len(pairs):
            raise BadResponseError("an object names a key twice")

    try:
        json.loads(body, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise BadResponseError("not valid JSON, or nested too deep") from None
