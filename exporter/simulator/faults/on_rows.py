"""Spoil the rows of a balances response, each function in one way.

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
    return lambda rows, style: main(style.amount(plain))(rows, style)


def main(value: object) -> SpoilRows:
    """Return a fault that gives the first row this value as total, or as free without a total."""
    return lambda rows, style: first(**{style.main: value})(rows, style)


def balance(plain: str) -> SpoilRows:
    """Return a fault that gives the first row this amount as total and free, and nothing locked."""

    def spoil(rows: Rows, style: Style) -> Rows:
        amount = style.amount(plain)
        own = {name: amount for name in ("total", "free") if name in style.fields}
        return first(**dict.fromkeys(style.amounts, "0") | own)(rows, style)

    return spoil


def balance_number(rows: Rows, style: Style) -> Rows:
    """Give the first row a total and free that are JSON numbers, with more digits than a float."""
    number = Decimal("12345678901234567.25")
    own = {name: number for name in ("total", "free") if name in style.fields}
    return first(**own)(balance("0")(rows, style), style)


def missing(*names: str) -> SpoilRows:
    """Return a fault that leaves fields out of the first row."""
    return lambda rows, _style: tuple(row.without(*names) for row in rows[:1]) + rows[1:]


def without_main(rows: Rows, style: Style) -> Rows:
    """Leave the total out of the first row, or free at an exchange without a total."""
    return missing(style.main)(rows, style)


def bare(rows: Rows, style: Style) -> Rows:
    """Leave every field out of all rows that can be done without."""
    kept = [name for name in ("asset", "total", "free", "locked") if name in style.fields]
    return tuple(Row({name: row[name] for name in kept}) for row in rows)


def added(**fields: object) -> SpoilRows:
    """Return a fault that adds the first row once more at the end, with these fields changed."""
    return lambda rows, _style: rows + tuple(row.changed(**fields) for row in rows[:1])


def contradicted(rows: Rows, style: Style) -> Rows:
    """Add the first row once more at the end, with another amount."""
    return rows + tuple(row.changed(**{style.main: "7"}) for row in rows[:1])


def filled_up(count: int) -> SpoilRows:
    """Return a fault that lists at least `count` assets."""

    def spoil(rows: Rows, _style: Style) -> Rows:
        invented = range(len(rows), count) if rows else ()
        return rows + tuple(rows[0].changed(asset=f"X{number:05d}") for number in invented)

    return spoil


def other_separator(rows: Rows, style: Style) -> Rows:
    """Write the first row with the separator that the exchange does not use."""
    other = "." if style.separator == "," else ","
    own = {name: f"7{other}25" for name in ("total", "free") if name in style.fields}
    return first(**own | {"locked": "0"})(rows, style)


def all_other_separator(rows: Rows, style: Style) -> Rows:
    """Write every amount with the separator that the exchange does not use."""
    other = "." if style.separator == "," else ","
    return tuple(_with_separator(row, style, other) for row in rows)


def without_first(rows: Rows, _style: Style) -> Rows:
    """Leave the first row out."""
    return rows[1:]


def none(_rows: Rows, _style: Style) -> Rows:
    """List nothing."""
    return ()


def all_zero(rows: Rows, style: Style) -> Rows:
    """Report every balance as zero."""
    return tuple(row.changed(**dict.fromkeys(style.amounts, "0")) for row in rows)


def _with_separator(row: Row, style: Style, new: str) -> Row:
    written = {name: row[name] for name in style.amounts}
    old = style.separator
    return row.changed(**{name: str(text).replace(old, new) for name, text in written.items()})
