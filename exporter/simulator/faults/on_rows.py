"""Spoil the rows of a balances answer, each function in one way.

What concerns one row concerns the first, so that a test knows which one to look at.
"""

from collections.abc import Callable
from decimal import Decimal

from exporter.simulator.rows import Row, Rows, Style

SpoilRows = Callable[[Rows, Style], Rows]


def first(**fields: object) -> SpoilRows:
    """Return a fault that gives the first row these fields, as they stand."""
    return lambda rows, _style: tuple(row.changed(**fields) for row in rows[:1]) + rows[1:]


def total(plain: str) -> SpoilRows:
    """Return a fault that gives the first row a total, with the exchange's separator for points."""
    return lambda rows, style: first(total=style.amount(plain))(rows, style)


def balance(plain: str) -> SpoilRows:
    """Return a fault that gives the first row this amount as total and free, and nothing locked."""

    def spoil(rows: Rows, style: Style) -> Rows:
        amount = style.amount(plain)
        changed = {"total": amount, "free": amount, "locked": "0"}
        changed |= {name: "0" for name in ("orders", "withdrawals") if name in style.fields}
        return first(**changed)(rows, style)

    return spoil


def balance_number(rows: Rows, style: Style) -> Rows:
    """Give the first row a total and free that are JSON numbers, with more digits than a float."""
    number = Decimal("12345678901234567.25")
    return first(total=number, free=number)(balance("0")(rows, style), style)


def missing(*names: str) -> SpoilRows:
    """Return a fault that leaves fields out of the first row."""
    return lambda rows, _style: tuple(row.without(*names) for row in rows[:1]) + rows[1:]


def bare(rows: Rows, _style: Style) -> Rows:
    """Leave every field out of all rows that can be done without."""
    kept = ("asset", "total", "free", "locked")
    return tuple(Row({name: row[name] for name in kept}) for row in rows)


def added(**fields: object) -> SpoilRows:
    """Return a fault that adds the first row once more at the end, with these fields changed."""
    return lambda rows, _style: rows + tuple(row.changed(**fields) for row in rows[:1])


def filled_up(count: int) -> SpoilRows:
    """Return a fault that lists at least `count` assets."""

    def spoil(rows: Rows, _style: Style) -> Rows:
        invented = range(len(rows), count) if rows else ()
        return rows + tuple(rows[0].changed(asset=f"X{number:05d}") for number in invented)

    return spoil


def other_separator(rows: Rows, style: Style) -> Rows:
    """Write the first row with the separator that the exchange does not use."""
    other = "." if style.separator == "," else ","
    return first(total=f"7{other}25", free=f"7{other}25", locked="0")(rows, style)


def all_other_separator(rows: Rows, style: Style) -> Rows:
    """Write every amount with the separator that the exchange does not use."""
    other = "." if style.separator == "," else ","
    return tuple(_with_separator(row, style.separator, other) for row in rows)


def without_first(rows: Rows, _style: Style) -> Rows:
    """Leave the first row out."""
    return rows[1:]


def none(_rows: Rows, _style: Style) -> Rows:
    """List nothing."""
    return ()


def all_zero(rows: Rows, style: Style) -> Rows:
    """Report every balance as zero."""
    amounts = {"total", "free", "locked", "orders", "withdrawals"} & style.fields.keys()
    return tuple(row.changed(**dict.fromkeys(amounts, "0")) for row in rows)


def _with_separator(row: Row, old: str, new: str) -> Row:
    amounts = ("total", "free", "locked", "orders", "withdrawals")
    written = {name: row[name] for name in amounts if name in row.fields}
    return row.changed(**{name: str(text).replace(old, new) for name, text in written.items()})
