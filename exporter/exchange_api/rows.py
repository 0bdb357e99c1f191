"""Read rows of balances one by one: each is understood whole, or dropped and named."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from string import ascii_lowercase, ascii_uppercase

from exporter.amounts import AmountError, exact_sum, parse_amount
from exporter.errors import BadResponseError
from exporter.exchange_api.responses import JsonNumber
from exporter.model import Amount, Balance, BalancesResponse, RejectedRow, is_asset_code

Row = Mapping[str, object]
ReadRow = Callable[[str, Row], Balance]

MAX_ROWS = 10_000
"""More rows are not a list of balances; each row that is dropped costs memory."""

_MAX_NAME = 64
_MAX_SHOWN = 32
_ZERO = Amount("0")
_UPPER = str.maketrans(ascii_lowercase, ascii_uppercase)
_DIGITS_WITH_MARKS = re.compile(r"[0-9]+(?:[.,][0-9]+)+")
_THREE_DIGITS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}").fullmatch


class RowError(ValueError):
    """Say why a row can't be parsed; the message never repeats what the exchange sent."""


class Amounts:
    """Read the amounts of one response, which may use a decimal comma or a point, never both.

    Which of the two groups thousands is judged by every amount of every row, also of those that are
    dropped for another reason, before the first row is read.
    """

    __slots__ = ("_grouping",)

    def __init__(self, rows: Iterable[object], *fields: str) -> None:
        """Look at these fields of all rows.

        Raises `BadResponseError` if one mark is a decimal separator here and groups thousands
        there, or if both are decimal separators: then nobody can say what an amount means.
        """
        self._grouping = _find_grouping(_marked_texts(rows, fields))

    def read(self, row: Row, field: str) -> Amount:
        """Return a field's amount; raises `RowError` if there is none."""
        value = row.get(field)
        if value == "0":  # nine of ten amounts
            return _ZERO
        if isinstance(value, str):
            return self._parse_text(value, field)
        if type(value) is int:
            return _parse(str(value), field)
        if isinstance(value, JsonNumber):  # its point is JSON's own, whatever the texts use
            return _parse(value.text, field)
        raise RowError(f"{field} is missing or not a number")

    def read_optional(self, row: Row, field: str) -> Amount | None:
        """Return a field's amount, or None if the row has no such field, or null in it."""
        return None if row.get(field) is None else self.read(row, field)

    def _parse_text(self, text: str, field: str) -> Amount:
        amount = _parse(text, field)
        if self._grouping and not self._grouping.isdisjoint(text):
            raise RowError(f"{field} has a mark that groups thousands in this response")
        return amount


def total_of(free: Amount, locked: Amount) -> Amount:
    """Return the exact sum of free and locked, for an exchange that gives no total."""
    try:
        return exact_sum(free, locked)
    except AmountError as error:
        raise RowError(f"the sum of free and locked is {error}") from None


def read_text(row: Row, field: str) -> str:
    """Return a field that people read, or nothing if it is missing, hostile or too long."""
    value = row.get(field)
    if isinstance(value, str) and len(value) <= _MAX_NAME and value.isprintable():
        return value
    return ""


def read_time_ms(row: Row, field: str) -> str | None:
    """Return a field with a time in ms as Unix seconds in text, None if it is not a valid time."""
    value = row.get(field)
    if type(value) is not int or not 0 < value < 10**14:
        return None
    return f"{value // 1000}.{value % 1000:03}"


def upper_case(code: str) -> str:
    """Return an asset's code in upper case, as other exchanges write it; ASCII letters only."""
    return code.translate(_UPPER)


def read_rows(
    rows: Sequence[object],
    read_row: ReadRow,
    *,
    code_field: str = "asset",
    spell: Callable[[str], str] = str,
) -> BalancesResponse:
    """Return every row either as a balance or as rejected.

    `read_row` takes an asset's code and its row; `spell` says how a code is published. The same
    asset twice with the same amounts and ID counts once, with the older time; if they differ, or
    one of its rows can't be parsed, none of them is believed.
    """
    if len(rows) > MAX_ROWS:
        raise BadResponseError(f"a list of more than {MAX_ROWS} balances")
    parsed: list[tuple[int, Balance]] = []
    rejected: list[RejectedRow] = []
    for number, row in enumerate(rows):
        try:
            fields = _fields_of(row)
            code = spell(_read_code(fields, code_field))
            parsed.append((number, read_row(code, fields)))
        except RowError as error:
            asset = _shown(row.get(code_field), spell) if isinstance(row, dict) else None
            rejected.append(RejectedRow(number, asset, str(error)))
    return _settle(parsed, rejected)


def _settle(parsed: list[tuple[int, Balance]], rejected: list[RejectedRow]) -> BalancesResponse:
    first: dict[str, Balance] = {}
    disputed = {row.asset for row in rejected}
    for _, balance in parsed:
        before = first.setdefault(balance.asset, balance)
        if before is not balance:
            first[balance.asset] = min(before, balance, key=_updated)
            if _content(before) != _content(balance):
                disputed.add(balance.asset)
    rejected += [
        RejectedRow(number, balance.asset, "listed twice, differently")
        for number, balance in parsed
        if balance.asset in disputed
    ]
    believed = (balance for balance in first.values() if balance.asset not in disputed)
    return BalancesResponse(tuple(believed), tuple(rejected))


def _content(balance: Balance) -> tuple[object, ...]:
    """Return what one asset can have only once: its amounts as numbers, and its ID."""
    numbers = [None if amount is None else Decimal(amount) for amount in balance.amounts]
    return *numbers, balance.asset_id


def _updated(balance: Balance) -> Decimal:
    return Decimal(balance.updated or 0)


def _fields_of(row: object) -> Row:
    if isinstance(row, dict):
        return row
    raise RowError("not an object")


def _read_code(row: Row, field: str) -> str:
    code = row.get(field)
    if isinstance(code, str) and is_asset_code(code):
        return code
    raise RowError(f"{field} is missing or not 1 to 64 printable characters")


def _shown(code: object, spell: Callable[[str], str]) -> str | None:
    """Return what can be shown of an asset's code, whatever it is."""
    if type(code) is str:
        if is_asset_code(code):
            return spell(code)
        escaped = code.encode("unicode_escape", "backslashreplace").decode("ascii")
        return escaped if len(escaped) <= _MAX_SHOWN else f"{escaped[:_MAX_SHOWN]}..."
    if type(code) is int:
        return str(code)[:_MAX_SHOWN]
    return code.text[:_MAX_SHOWN] if isinstance(code, JsonNumber) else None


def _parse(text: str, field: str) -> Amount:
    try:
        return parse_amount(text)
    except AmountError as error:
        raise RowError(f"{field} is {error}") from None


def _marked_texts(rows: Iterable[object], fields: Sequence[str]) -> list[str]:
    return [
        value
        for row in rows
        if isinstance(row, dict)
        for value in map(row.get, fields)
        if type(value) is str and ("," in value or "." in value)
    ]


def _find_grouping(texts: Iterable[str]) -> frozenset[str]:
    """Return the marks that group thousands, judged by the texts that show which it is."""
    single: list[str] = []
    several: list[str] = []
    for text in texts:
        (single if text.count(",") + text.count(".") == 1 else several).append(text)
    grouping = frozenset(mark for text in several for mark in _grouped_in(text))
    decimal = {mark for text in several for mark in _decimal_in(text)}
    decimal |= {
        "," if "," in text else "."
        for text in single
        if not grouping or grouping.isdisjoint(text) or not _THREE_DIGITS(text.removeprefix("-"))
    }
    if len(decimal) > 1 or not grouping.isdisjoint(decimal):
        raise BadResponseError("the amounts use both a decimal comma and a decimal point")
    return grouping


def _grouped_in(text: str) -> Iterator[str]:
    """Yield the marks that can only group thousands in a text: 1,234,567 and 1,234.5 and 1.234,5.

    One that is repeated without three digits at the end is a mistake, and proves nothing.
    """
    for run in _DIGITS_WITH_MARKS.findall(text):
        marks = _marks_of(run)
        ends_with_three = len(run) - max(run.rfind(","), run.rfind(".")) == 4
        if len(set(marks)) > 1 or (len(marks) > 1 and ends_with_three):
            yield marks[0]


def _decimal_in(text: str) -> Iterator[str]:
    """Yield the mark that can only be the decimal separator in a text: the last of both kinds."""
    for run in _DIGITS_WITH_MARKS.findall(text):
        marks = _marks_of(run)
        if len(set(marks)) > 1 and marks.count(marks[-1]) == 1:
            yield marks[-1]


def _marks_of(run: str) -> str:
    return "".join(character for character in run if character in ",.")
