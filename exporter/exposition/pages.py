"""Turn snapshots into bytes: each account's balances once, when they change; a page by joining."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from math import inf

import msgspec

from exporter.amounts import is_zero
from exporter.exposition import metrics
from exporter.exposition.deflate import EMPTY, Block, deflate, inflate, join
from exporter.exposition.families import Family, Format, account_labels, escape
from exporter.model import AccountKey, Amount, Balance, RenderedBalances
from exporter.polling.snapshots import AccountState, Snapshot, SnapshotStore
from exporter.prices.values import Held


@dataclass(frozen=True, slots=True)
class Page:
    """Hold the samples of all accounts, as they are until `valid_until` or the next change."""

    version: int
    valid_until: float
    block: Block
    series: int


class PageRenderer:
    """Render what the pages serve, when a poll ends."""

    def balances(self, key: AccountKey, balances: tuple[Balance, ...]) -> RenderedBalances:
        """Return everything that is ever served of one response's balances."""
        return render_balances(key, balances)

    def account(self, state: AccountState) -> tuple[str, ...]:
        """Return the account's own samples while its snapshot is served."""
        return render_account(state, state.snapshot)


class Exposition:
    """Serve the families of balances and accounts from what was rendered when a poll ended."""

    def __init__(self, store: SnapshotStore) -> None:
        """Read states from a store."""
        self._store = store
        self._pages: dict[Format, Page] = {}

    def page(self, page_format: Format, now: float) -> Page:
        """Return the page as of `now` (monotonic); it is made again only when something changed."""
        page = self._pages.get(page_format)
        if page is None or page.version != self._store.version or now >= page.valid_until:
            page = self._pages[page_format] = self._make_page(page_format, now)
        return page

    def _make_page(self, page_format: Format, now: float) -> Page:
        states = self._store.states
        served = {key: snapshot for key, state in states.items() if (snapshot := state.served(now))}
        texts = _account_texts(
            [
                state.lines if served.get(key) is state.snapshot else render_account(state, None)
                for key, state in states.items()
            ]
        )
        texts |= _store_texts(self._store)
        accounts = "".join(family.header(page_format) + text for family, text in texts.items())
        balances = _balance_blocks(page_format, [s.rendered for s in served.values()])
        return Page(
            version=self._store.version,
            valid_until=min((states[key].expires_at for key in served), default=inf),
            block=join([deflate(accounts.encode()), *balances]),
            series=sum(text.count("\n") for text in texts.values())
            + sum(snapshot.rendered.series for snapshot in served.values()),
        )


def render_balances(key: AccountKey, balances: Iterable[Balance]) -> RenderedBalances:
    """Return everything that is ever served of one answer's balances."""
    rows = tuple(balances)
    escaped, labels = tuple(map(_escaped, rows)), account_labels(key)
    texts: dict[Family, str] = {
        family: "".join(lines)
        for family in metrics.BALANCES
        if (lines := family.lines(f'{family.name}{{{labels},asset="', escaped))
    }
    return RenderedBalances(
        samples={family.name: deflate(text.encode()) for family, text in texts.items()},
        rows=deflate(msgspec.json.encode([json_row(row) for row in rows])),
        series=sum(text.count("\n") for text in texts.values()),
    )


class _HeldRow(msgspec.Struct):
    """Read of a row what `read_held` needs."""

    asset: str
    total: Amount


_decode_held = msgspec.json.Decoder(list[_HeldRow]).decode


def read_held(snapshot: Snapshot) -> tuple[Held, ...]:
    """Return what a snapshot holds, read back from its rows, without zeros."""
    rows = _decode_held(inflate(snapshot.rendered.rows))
    return tuple(Held(row.asset, Decimal(row.total)) for row in rows if not is_zero(row.total))


class JsonRow(msgspec.Struct, omit_defaults=True):
    """Hold a row as the API serves it: exact decimal texts, and only what the exchange said."""

    asset: str
    total: Amount
    free: Amount
    locked: Amount
    locked_orders: Amount | None = None
    locked_withdrawals: Amount | None = None
    updated: str | None = None
    asset_name: str = ""
    asset_id: str = ""


def json_row(row: Balance) -> JsonRow:
    """Return a row for the API."""
    return JsonRow(*row[:6], metrics.updated(row), row.asset_name, row.asset_id)


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


def _account_texts(accounts: Iterable[tuple[str, ...]]) -> dict[Family, str]:
    columns = zip(metrics.ACCOUNTS, zip(*accounts, strict=True), strict=False)
    return {family: text for family, texts in columns if (text := "".join(texts))}


def _store_texts(store: SnapshotStore) -> dict[Family, str]:
    texts: dict[Family, str] = {
        family: "".join([f"{family.name}{{{labels}}} {value}\n" for labels, value in samples])
        for family in metrics.STORE
        if (samples := family.samples(store))
    }
    return {family: text for family, text in texts.items() if text}


def _balance_blocks(page_format: Format, served: list[RenderedBalances]) -> list[Block]:
    blocks = []
    for family in metrics.BALANCES:
        samples = [rendered.samples.get(family.name, EMPTY) for rendered in served]
        if any(block.length for block in samples):
            blocks += [_header_block(page_format, family), *samples]
    return blocks


@cache
def _header_block(page_format: Format, family: Family) -> Block:
    return deflate(family.header(page_format).encode())


def _escaped(row: Balance) -> Balance:
    return row if row.asset.isalnum() else row._replace(asset=escape(row.asset))
