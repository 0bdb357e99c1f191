"""Say what an account holds at a time: balances that move as a treasury's do, or fixed ones.

Nothing is kept between two times, so the same seed and time give the same rows. An asset's total
stays at a level for minutes to hours and then steps to the next: a step up is a deposit, a step
down a withdrawal, which is locked for the minutes before. Orders lock a part of it for a
while and change the total a little when they fill.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from exporter.simulator.catalogue import Catalogue, Holding
from exporter.simulator.chance import fraction
from exporter.simulator.rows import Row, Rows, Style

Portfolio = Callable[[float], Rows]
"""Give the rows for a time in seconds since 1970."""

_WITHDRAWAL_TAKES = 180.0
_LEVEL_LASTS = (1_200.0, 28_800.0)
_ORDER_LASTS = (15.0, 180.0)
_FIXED_SINCE_MS = 1_735_866_257_711


def fixed(
    balances: Mapping[str, tuple[str, str, str]], style: Style, known: Catalogue = ()
) -> Portfolio:
    """Return a portfolio that never moves, of total, free and locked as plain decimals.

    The names of assets that are not `known` are their codes.
    """
    names = {holding.asset: (holding.name, holding.asset_id) for holding in known}
    rows = tuple(
        _fixed_row(asset, amounts, style, names.get(asset, (asset, asset)))
        for asset, amounts in balances.items()
    )
    return lambda _now: rows


def moving(seed: str, holdings: tuple[Holding, ...], style: Style) -> Portfolio:
    """Return a portfolio that moves on its own way for each seed; assets typically 0 stay there."""
    courses = tuple(_course(seed, holding, style) for holding in holdings if holding.typical)
    empty = _empty_rows(tuple(holding for holding in holdings if not holding.typical), style)
    return lambda now: tuple(_row_at(course, now) for course in courses) + empty


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Describe how one asset of one account moves; times in seconds."""

    seed: str
    holding: Holding
    style: Style
    level_lasts: float
    order_lasts: float
    shift: float

    def draw(self, what: str, number: int) -> float:
        return fraction(self.seed, self.holding.asset, what, number)


class _Amounts(NamedTuple):
    """Count an asset in its smallest unit, so that every sum is exact."""

    total: int = 0
    orders: int = 0
    withdrawals: int = 0
    deposits: int = 0


def _course(seed: str, holding: Holding, style: Style) -> _Course:
    def between(shortest: float, longest: float, what: str) -> float:
        share = fraction(seed, holding.asset, what)
        return shortest * math.exp(math.log(longest / shortest) * share)

    return _Course(
        seed,
        holding,
        style,
        level_lasts=between(*_LEVEL_LASTS, "level lasts"),
        order_lasts=between(*_ORDER_LASTS, "order lasts"),
        shift=_LEVEL_LASTS[1] * fraction(seed, holding.asset, "shift"),
    )


def _row_at(course: _Course, now: float) -> Row:
    time = now + course.shift
    level, since_level = divmod(time, course.level_lasts)
    is_ending = course.level_lasts - since_level <= _WITHDRAWAL_TAKES
    return _row(course, int(level), int(time // course.order_lasts), is_ending=is_ending)


@lru_cache(maxsize=32_768)
def _row(course: _Course, level: int, order: int, *, is_ending: bool) -> Row:
    held, held_next = _level(course, level), _level(course, level + 1)
    total = held + _part(held, (course.draw("fill", order) - 0.5) / 200)
    amounts = _Amounts(
        total=total,
        orders=_part(total, max(0.0, course.draw("order", order) - 0.6)),
        withdrawals=max(0, held - held_next) if is_ending else 0,
        deposits=max(0, held_next - held) if is_ending else 0,
    )
    ending = (level + 1) * course.level_lasts - _WITHDRAWAL_TAKES if is_ending else 0.0
    since = max(level * course.level_lasts, order * course.order_lasts, ending) - course.shift
    return _written(course.holding, amounts, int(since * 1000), course.style)


def _level(course: _Course, number: int) -> int:
    """Return a level of the total, 85 to 115% of the typical amount."""
    typical = round(course.holding.typical * 10**10) * course.holding.unit
    return _part(typical, 0.85 + 0.3 * course.draw("level", number)) // 10**10


def _part(whole: int, share: float) -> int:
    # In integers, to have as many digits as the exchange has: more than a float holds.
    return whole * int(share * 2**53) // 2**53


@lru_cache(maxsize=64)
def _empty_rows(holdings: tuple[Holding, ...], style: Style) -> Rows:
    return tuple(_written(holding, _Amounts(), _FIXED_SINCE_MS, style) for holding in holdings)


def _written(holding: Holding, amounts: _Amounts, updated_ms: int, style: Style) -> Row:
    def text(atoms: int) -> str:
        return _decimal(atoms, holding, style)

    unavailable = amounts.orders + amounts.withdrawals
    left = amounts.withdrawals if style.withdrawals_leave else 0
    return style.row(
        asset=style.code(holding.asset),
        name=holding.name,
        id=holding.asset_id,
        total=text(amounts.total - left),
        free=text(amounts.total - unavailable),
        locked=text(unavailable - left),
        orders=text(amounts.orders),
        withdrawals=text(amounts.withdrawals),
        deposits=text(amounts.deposits),
        precision=holding.precision,
        updated_ms=updated_ms,
    )


def _decimal(atoms: int, holding: Holding, style: Style) -> str:
    whole, parts = divmod(atoms, holding.unit)
    digits = f"{parts:0{holding.decimals}d}".rstrip("0").ljust(style.least_decimals, "0")
    return f"{whole}{style.separator}{digits}" if digits else str(whole)


def _fixed_row(
    asset: str, amounts: tuple[str, str, str], style: Style, names: tuple[str, str]
) -> Row:
    total, free, locked = amounts
    name, asset_id = names
    return style.row(
        asset=style.code(asset),
        name=name,
        id=asset_id,
        total=style.amount(total),
        free=style.amount(free),
        locked=style.amount(locked),
        orders=style.amount(locked),
        withdrawals="0",
        deposits="0",
        precision=8,
        updated_ms=_FIXED_SINCE_MS,
    )
