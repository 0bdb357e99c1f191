"""Turn snapshots into bytes: each account's balances once, when they change; a page by joining."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import inf
from typing import Any

import msgspec

from exporter.amounts import is_zero
from exporter.exposition import metrics
from exporter.exposition.columns import Column, block_column, text_column
from exporter.exposition.deflate import EMPTY, Block, deflate, inflate, join, pack
from exporter.exposition.families import ESCAPED, Family, Format, account_labels, escape
from exporter.model import AccountKey, Amount, Balance, RenderedBalances
from exporter.polling.snapshots import AccountState, Snapshot, SnapshotStore, States
from exporter.prices.values import Held


@dataclass(frozen=True, slots=True)
class Page:
    """The samples of all accounts, as they are until `valid_until` or the next change."""

    version: int
    valid_until: float
    block: Block
    series: int


class PageRenderer:
    """Render what the pages serve, when a poll ends."""

    def balances(
        self, key: AccountKey, balances: tuple[Balance, ...], before: RenderedBalances | None
    ) -> RenderedBalances:
        """Return everything that is ever served of one response's balances.

        That is `before`, the account's last ones, if the balances are the same: as they mostly are.
        """
        rows = deflate(msgspec.json.encode(balances))
        return before if before and before.rows == rows else _render_balances(key, balances, rows)

    def account(self, state: AccountState) -> tuple[str, ...]:
        """Return the account's own samples while its snapshot is served."""
        return render_account(state, state.snapshot)


class Exposition:
    """Serve the families of balances and accounts from what was rendered when a poll ended."""

    def __init__(self, store: SnapshotStore) -> None:
        """Read states from a store."""
        self._store = store
        self._samples = _Samples(())
        self._pages: dict[Format, Page] = {}

    def page(self, page_format: Format, now: float) -> Page:
        """Return the page as of `now` (monotonic); only what changed is made again."""
        page = self._pages.get(page_format)
        if page is None or page.version != self._store.version or now >= page.valid_until:
            page = self._pages[page_format] = self._make_page(page_format, now)
        return page

    def follow(self, changed: States) -> None:
        """Take over states that changed, and drop the pages: they hold samples of the old ones."""
        self._pages.clear()
        self._samples.follow(changed)

    def _make_page(self, page_format: Format, now: float) -> Page:
        states = self._store.states
        if self._samples.keys != tuple(states):
            self._samples = _Samples(tuple(states))
        self._samples.update(states.values(), now)
        further = _store_texts(self._store)
        return Page(
            version=self._store.version,
            valid_until=self._samples.valid_until,
            block=join(self._blocks(page_format, further)),
            series=self._samples.series + sum(text.count("\n") for text in further.values()),
        )

    def _blocks(self, page_format: Format, further: Mapping[Family, str]) -> Iterator[Block]:
        for family, samples in self._samples.accounts():
            yield from (_header_block(page_format, family), samples)
        for family, text in further.items():
            yield from (_header_block(page_format, family), deflate(text.encode()))
        for family, samples in self._samples.balances():
            yield from (_header_block(page_format, family), samples)


class _Samples:
    """Keep the samples of some accounts, and find out what changed since the last page."""

    def __init__(self, keys: tuple[AccountKey, ...]) -> None:
        count = len(keys)
        self.keys = keys
        self._places = {key: place for place, key in enumerate(keys)}
        self._states: list[AccountState | None] = [None] * count
        self._valid_until = [inf] * count
        self._series = [0] * count
        self._account_columns = [text_column(count) for _ in metrics.ACCOUNTS]
        self._balance_columns = [block_column(count) for _ in metrics.BALANCES]

    @property
    def valid_until(self) -> float:
        """Return when the next snapshot is too old (monotonic)."""
        return min(self._valid_until, default=inf)

    @property
    def series(self) -> int:
        return sum(self._series)

    def follow(self, changed: States) -> None:
        """Take over accounts that changed; `update` finds out whose snapshot is too old."""
        for key, state in changed.items():
            if (place := self._places.get(key)) is not None:
                self._take(place, state, state.snapshot)

    def update(self, states: Iterable[AccountState], now: float) -> None:
        """Take over the accounts that changed, or whose snapshot is too old by now."""
        for place, state in enumerate(states):
            if state is not self._states[place] or now >= self._valid_until[place]:
                self._take(place, state, state.served(now))

    def accounts(self) -> Iterator[tuple[Family, Block]]:
        return _filled(metrics.ACCOUNTS, self._account_columns)

    def balances(self) -> Iterator[tuple[Family, Block]]:
        return _filled(metrics.BALANCES, self._balance_columns)

    def _take(self, place: int, state: AccountState, served: Snapshot | None) -> None:
        self._states[place] = state
        lines = state.lines if served is state.snapshot else render_account(state, None)
        for texts, text in zip(self._account_columns, lines, strict=True):
            texts.set(place, text)
        samples = served.rendered.samples if served else {}
        for family, blocks in zip(metrics.BALANCES, self._balance_columns, strict=True):
            blocks.set(place, samples.get(family.name, EMPTY))
        self._valid_until[place] = state.expires_at if served else inf
        self._series[place] = sum(text.count("\n") for text in lines)
        self._series[place] += served.rendered.series if served else 0


def _render_balances(key: AccountKey, balances: Sequence[Balance], rows: Block) -> RenderedBalances:
    lines = _balance_lines(_with_escaped_texts(balances))
    labels = account_labels(key)
    texts = [_balance_text(name, labels, its) for name, its in lines.items()]
    packed_rows, *samples = pack([rows, *map(deflate, texts)])
    return RenderedBalances(
        samples=dict(zip(lines, samples, strict=True)),
        rows=packed_rows,
        series=sum(map(len, lines.values())),
    )


def _balance_lines(rows: Sequence[Balance]) -> dict[str, list[str]]:
    """Return the samples of each family that has any, by its name."""
    lines = {family.name: family.lines(rows) for family in metrics.BALANCES}
    return {name: its for name, its in lines.items() if its}


def _balance_text(name: str, labels: str, lines: Sequence[str]) -> bytes:
    prefix = f'{name}{{{labels},asset="'
    return (prefix + prefix.join(lines)).encode()  # faster than to format it into each line


class _HeldRow(msgspec.Struct):
    """Read of a row what `read_held` needs."""

    asset: str
    total: Amount


_decode_held = msgspec.json.Decoder(list[_HeldRow]).decode


def read_held(snapshot: Snapshot) -> tuple[Held, ...]:
    """Return what a snapshot holds, read back from its rows, without zeros."""
    rows = _decode_held(inflate(snapshot.rendered.rows))
    return tuple(Held(row.asset, Decimal(row.total)) for row in rows if not is_zero(row.total))


def render_account(state: AccountState, served: Snapshot | None) -> tuple[str, ...]:
    """Return an account's own samples: a text for each family of `metrics.ACCOUNTS`."""
    labels = account_labels(state.schedule.account.key)
    return tuple(
        [
            "".join(
                [
                    f"{family.name}{{{labels}{further}}} {value}\n"
                    for further, value in family.samples(state, served)
                ]
            )
            for family in metrics.ACCOUNTS
        ]
    )


def _store_texts(store: SnapshotStore) -> dict[Family, str]:
    texts: dict[Family, str] = {
        family: "".join([f"{family.name}{{{labels}}} {value}\n" for labels, value in samples])
        for family in metrics.STORE
        if (samples := family.samples(store))
    }
    return {family: text for family, text in texts.items() if text}


def _filled(
    families: Sequence[Family], columns: Sequence[Column[Any]]
) -> Iterator[tuple[Family, Block]]:
    """Yield the families that have samples."""
    for family, column in zip(families, columns, strict=True):
        if (samples := column.block()).length:
            yield family, samples


@cache
def _header_block(page_format: Format, family: Family) -> Block:
    return deflate(family.header(page_format).encode())


def _with_escaped_texts(rows: Sequence[Balance]) -> Sequence[Balance]:
    texts = "".join([text for row in rows for text in (row.asset, row.asset_name, row.asset_id)])
    if not any(mark in texts for mark in ESCAPED):  # as nearly always
        return rows
    return [
        msgspec.structs.replace(
            row,
            asset=escape(row.asset),
            asset_name=escape(row.asset_name),
            asset_id=escape(row.asset_id),
        )
        for row in rows
    ]
