"""Turn the rows of a snapshot into what the page shows of them, once for each snapshot."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from operator import gt, lt
from sys import intern

import msgspec

from exporter.amounts import is_negative, is_sum, is_zero
from exporter.exposition.deflate import Block, deflate, inflate
from exporter.model import Account, Amount, Threshold
from exporter.polling.snapshots import Snapshot
from exporter.status.tables import amount_cells, amounts_table, decimals, zeros_list
from exporter.status.words import element_id


class Row(msgspec.Struct, frozen=True):
    """Read a row back as `exposition.json_row` wrote it."""

    asset: str
    total: Amount
    free: Amount
    locked: Amount
    locked_orders: Amount = Amount("0")
    locked_withdrawals: Amount = Amount("0")
    asset_name: str = ""

    @property
    def amounts(self) -> tuple[Amount, Amount, Amount]:
        """Return what is shown in columns."""
        return self.total, self.free, self.locked

    @property
    def is_zero(self) -> bool:
        """Return whether nothing of the asset is held."""
        return all(map(is_zero, self.amounts))


@dataclass(frozen=True, slots=True)
class Held:
    """Hold one asset's amounts as numbers, for sums."""

    asset: str
    total: Decimal
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class Holdings:
    """Hold what the page needs of a snapshot's balances; the texts are HTML.

    `zeros` are the assets of which nothing is held, `outside` says which balances are out of their
    bounds, and `unlisted` names assets that have bounds and no balance.
    """

    snapshot: Snapshot
    account: Account
    held: tuple[Held, ...]
    zeros: tuple[str, ...]
    outside: tuple[str, ...]
    unlisted: tuple[str, ...]
    tables: Block


_decode = msgspec.json.Decoder(list[Row]).decode
_ZERO = Decimal(0)


def read_holdings(account: Account, snapshot: Snapshot) -> Holdings:
    """Return what the page shows of an account's balances, with its thresholds judged."""
    rows = {row.asset: row for row in _decode(inflate(snapshot.rendered.rows))}
    outside = _outside(account.thresholds, rows)
    shown = sorted(
        (row for row in rows.values() if row.asset in outside or not row.is_zero),
        key=lambda row: row.asset,
    )
    zeros = sorted(rows.keys() - {row.asset for row in shown})
    html = _table(shown, outside) + zeros_list(element_id(*account.key, "zeros"), "", zeros)
    return Holdings(
        snapshot=snapshot,
        account=account,
        held=tuple(map(_as_numbers, shown)),
        zeros=tuple(map(intern, zeros)),
        outside=tuple(
            f"{escape(asset)} {said}" for asset, all_said in outside.items() for said in all_said
        ),
        unlisted=tuple(sorted({each.asset for each in account.thresholds} - rows.keys())),
        tables=deflate(html.encode()),
    )


def _outside(
    thresholds: Iterable[Threshold], rows: Mapping[str, Row]
) -> Mapping[str, Sequence[str]]:
    """Return for each asset with a balance out of bounds what there is to say of it."""
    said = defaultdict(list)
    for threshold in thresholds:
        row = rows.get(threshold.asset)
        kind, _, side = threshold.bound.partition("_")
        is_beyond, words = _SIDES[side]
        if row and is_beyond(Decimal(getattr(row, kind)), Decimal(threshold.value)):
            said[threshold.asset].append(f"{kind} is {words} of {threshold.value}")
    return said


_SIDES = {"min": (lt, "below its minimum"), "max": (gt, "above its maximum")}


def _table(rows: Sequence[Row], outside: Mapping[str, Sequence[str]]) -> str:
    if not rows:
        return ""
    places = decimals(amount for row in rows for amount in row.amounts)
    body = "".join(_row(row, places, outside.get(row.asset, ())) for row in rows)
    return amounts_table("Remarks", body)


def _row(row: Row, places: int, outside: Sequence[str]) -> str:
    named = f" <small>{escape(row.asset_name)}</small>" if row.asset_name else ""
    return (
        f'<tr><th scope="row">{escape(row.asset)}{named}</th>{amount_cells(row.amounts, places)}'
        f"<td>{_remarks(row, outside)}</td></tr>"
    )


def _remarks(row: Row, outside: Sequence[str]) -> str:
    marks = list(outside)
    if any(map(is_negative, row.amounts)):
        marks.append("negative")
    if not is_sum(row.total, row.free, row.locked):
        marks.append("total differs from free + locked")
    warning = f'<strong class="mark">{"; ".join(marks)}</strong> ' if marks else ""
    return warning + _locked_by(row)


def _locked_by(row: Row) -> str:
    orders, withdrawals = row.locked_orders, row.locked_withdrawals
    if is_zero(withdrawals):
        return "" if is_zero(orders) else "in open orders"
    if is_zero(orders):
        return "in withdrawals"
    return f"in open orders: {orders}; in withdrawals: {withdrawals}"


def _as_numbers(row: Row) -> Held:
    total = _number(row.total)
    free = total if row.free == row.total else _number(row.free)
    return Held(intern(row.asset), total, free, _number(row.locked))


def _number(text: Amount) -> Decimal:
    return _ZERO if is_zero(text) else Decimal(text)
