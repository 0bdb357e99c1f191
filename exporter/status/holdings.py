"""Read the rows of a snapshot back, and judge them by the account's bounds."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from operator import gt, lt
from sys import intern

import msgspec

from exporter.amounts import is_negative, is_sum, is_zero
from exporter.exposition.deflate import inflate
from exporter.model import Account, AccountKey, Amount, Threshold
from exporter.polling.snapshots import AccountState, Snapshot
from exporter.prices.valuations import Valued
from exporter.prices.values import row_value
from exporter.status.tables import (
    amount_cells,
    amounts_table,
    decimals,
    shown_amount,
    value_cell,
    zeros_list,
)
from exporter.status.turns import Turns
from exporter.status.words import element_id, name
from exporter.totals import Held


class Row(msgspec.Struct, frozen=True):
    """Read a row of the JSON that a `Balance` is written as."""

    asset: str
    total: Amount
    free: Amount
    locked: Amount
    locked_orders: Amount = Amount("0")
    locked_withdrawals: Amount = Amount("0")
    pending_deposit: Amount = Amount("0")
    pending_withdrawal: Amount = Amount("0")
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
class Holdings:
    """What the page needs of one snapshot, kept as long as the snapshot; the texts are HTML.

    `zeros` are the assets of which nothing is held, and `outside` says which balances are out of
    their bounds.
    """

    snapshot: Snapshot
    account: Account
    held: tuple[Held, ...]
    zeros: tuple[str, ...]
    outside: tuple[str, ...]
    unlisted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is served of each account, and of the others the assets that they held last."""

    served: Mapping[AccountKey, Holdings]
    last_seen: Mapping[AccountKey, Sequence[str]]


class HoldingsReader:
    """Read the snapshots of all accounts; what was read of one is kept as long as it is there."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self._kept: dict[AccountKey, Holdings] = {}

    async def read(self, states: Sequence[AccountState], now: float, turns: Turns) -> Reading:
        """Return what is known of all accounts; `now` is monotonic."""
        kept: dict[AccountKey, Holdings] = {}
        async for state in turns.each(states):
            if state.snapshot:
                account = state.schedule.account
                kept[account.key] = self._of(account, state.snapshot)
        self._kept = kept
        served = {state.schedule.account.key for state in states if state.served(now)}
        return Reading(
            served={key: holdings for key, holdings in kept.items() if key in served},
            last_seen={
                key: [row.asset for row in holdings.held]
                for key, holdings in kept.items()
                if key not in served
            },
        )

    def _of(self, account: Account, snapshot: Snapshot) -> Holdings:
        kept = self._kept.get(account.key)
        if kept and kept.snapshot is snapshot and kept.account is account:
            return kept
        return read_holdings(account, snapshot)


_decode = msgspec.json.Decoder(list[Row]).decode


def read_holdings(account: Account, snapshot: Snapshot) -> Holdings:
    """Return what the page needs of an account's balances, with its thresholds judged."""
    rows = _rows(snapshot)
    outside = _outside(account.thresholds, rows)
    shown, zeros = _split(rows, outside)
    return Holdings(
        snapshot=snapshot,
        account=account,
        held=tuple(map(Held.of, shown)),
        zeros=tuple(map(intern, zeros)),
        outside=tuple(
            f"{escape(asset)} {said}" for asset, all_said in outside.items() for said in all_said
        ),
        unlisted=_unlisted(account.thresholds, rows),
    )


def balances_html(holdings: Holdings, valued: Valued | None) -> Iterator[str]:
    """Yield the tables of an account's balances, as HTML, with values if there are some."""
    account, rows = holdings.account, _rows(holdings.snapshot)
    outside = _outside(account.thresholds, rows)
    shown, zeros = _split(rows, outside)
    if shown:
        places = decimals((row.asset, amount) for row in shown for amount in row.amounts)
        title = f"Balances of {account.name} ({account.exchange})"
        cells = _value_cells(account, shown, valued) if valued else [""] * len(shown)
        yield from amounts_table(
            title,
            "Remarks",
            (
                _row(row, places, value, outside.get(row.asset, ()))
                for row, value in zip(shown, cells, strict=True)
            ),
            valued.valuation.currencies[0] if valued else None,
        )
    yield zeros_list(element_id(*account.key, "zeros"), "", zeros)


def _rows(snapshot: Snapshot) -> Mapping[str, Row]:
    return {row.asset: row for row in _decode(inflate(snapshot.rendered.rows))}


def _split(
    rows: Mapping[str, Row], outside: Mapping[str, Sequence[str]]
) -> tuple[list[Row], list[str]]:
    """Return the rows to show, and the assets at zero that are only counted; both in order."""
    shown = [rows[asset] for asset in sorted(rows) if asset in outside or not rows[asset].is_zero]
    return shown, sorted(rows.keys() - {row.asset for row in shown})


def _unlisted(thresholds: Iterable[Threshold], rows: Mapping[str, Row]) -> tuple[str, ...]:
    """Return the assets of an account's own thresholds that it does not list."""
    own = {each.asset for each in thresholds if not each.is_default}
    return tuple(sorted(own - rows.keys()))


def _outside(
    thresholds: Iterable[Threshold], rows: Mapping[str, Row]
) -> Mapping[str, Sequence[str]]:
    """Return for each asset with a balance out of bounds what there is to say about it."""
    said = defaultdict(list)
    for threshold in thresholds:
        row = rows.get(threshold.asset)
        kind, _, side = threshold.bound.partition("_")
        is_beyond, words = SIDES[side]
        if row and is_beyond(Decimal(getattr(row, kind)), Decimal(threshold.value)):
            said[threshold.asset].append(f"{kind} is {words} of {shown_amount(threshold.value)}")
    return said


SIDES = {"min": (lt, "below its minimum"), "max": (gt, "above its maximum")}


def _value_cells(account: Account, rows: Sequence[Row], valued: Valued) -> list[str]:
    """Return a cell for each row: its value in the first currency."""
    currency = valued.valuation.currencies[0]
    prices = valued.prices_at(account.exchange)[currency]
    return [
        value_cell(
            currency,
            row_value(row.asset, row.total, prices),
        )
        for row in rows
    ]


def _row(row: Row, places: int, value: str, outside: Sequence[str]) -> str:
    named = f" <small>{name(row.asset_name)}</small>" if row.asset_name else ""
    plain = ' class="plain"' if row.free == row.total else ""
    return (
        f'<tr{plain}><th scope="row">{escape(row.asset)}{named}</th>'
        f"{amount_cells(row.asset, row.amounts, places)}{value}"
        f"<td>{_remarks(row, outside)}</td></tr>"
    )


def _remarks(row: Row, outside: Sequence[str]) -> str:
    marks = list(outside)
    if any(map(is_negative, (*row.amounts, row.locked_orders, row.locked_withdrawals))):
        marks.append("negative")
    if not is_sum(row.total, row.free, row.locked):
        marks.append("total differs from free + locked")
    warning = f'<strong class="mark">{"; ".join(marks)}</strong> ' if marks else ""
    return warning + "; ".join(filter(None, (_locked_by(row), *_pending(row))))


def _pending(row: Row) -> Iterator[str]:
    """Yield what no column contains."""
    if not is_zero(row.pending_deposit):
        yield f"pending deposit: {shown_amount(row.pending_deposit)}"
    if not is_zero(row.pending_withdrawal):
        yield f"pending withdrawal: {shown_amount(row.pending_withdrawal)}"


def _locked_by(row: Row) -> str:
    orders, withdrawals = row.locked_orders, row.locked_withdrawals
    if is_zero(withdrawals):
        return "" if is_zero(orders) else "in open orders"
    if is_zero(orders):
        return "in withdrawals"
    return f"in open orders: {shown_amount(orders)}; in withdrawals: {shown_amount(withdrawals)}"
