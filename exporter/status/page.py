"""Put the status page together from what is in memory, without keeping the event loop long."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from exporter.exposition.deflate import EMPTY, Block, deflate
from exporter.model import AccountKey
from exporter.polling.snapshots import AccountState, SnapshotStore
from exporter.runtime.clock import Clock
from exporter.status import document
from exporter.status.accounts import END, account_html
from exporter.status.conditions import Condition, Sentence, condition_of, headline, summary
from exporter.status.holdings import Holdings, read_holdings
from exporter.status.totals import Totals
from exporter.status.words import account_name, listed

_IN_A_ROW = 16  # accounts between two breaths of the event loop; each takes up to 0.3 ms
_OPEN_UP_TO = 6  # accounts whose balances are in sight at once
_MOST_BALANCES = 100_000  # beyond, a browser has no use for them, and this process no memory
_TOO_MANY = (
    f"<p>More than {_MOST_BALANCES} balances are served. This page leaves them out, with their "
    'sums and bounds: see <a href="./api/v1/balances">the exact balances as JSON</a>.</p>'
)
_KEPT_FOR = 1.0  # seconds
_END = deflate(END.encode())


@dataclass(frozen=True, slots=True)
class Page:
    """Hold the page as it is until `valid_until` (monotonic) or the next change of the store."""

    version: int
    valid_until: float
    blocks: Sequence[Block]


class StatusPage:
    """Make the page when it is asked for, at most once a second while nothing changes."""

    def __init__(self, store: SnapshotStore, clock: Clock, telemetry_path: str) -> None:
        """Read states from a store."""
        self._store = store
        self._clock = clock
        self._closing = deflate(document.closing(telemetry_path).encode())
        self._holdings: dict[AccountKey, Holdings] = {}
        self._page = Page(-1, 0.0, ())
        self._making = asyncio.Lock()

    async def blocks(self) -> Sequence[Block]:
        """Return the page's text in deflated pieces."""
        async with self._making:
            page = self._page
            if page.version != self._store.version or self._clock.monotonic() >= page.valid_until:
                self._page = await self._make()
            return self._page.blocks

    async def _make(self) -> Page:
        now, wall, version = self._clock.monotonic(), self._clock.wall(), self._store.version
        states = sorted(
            self._store.states.values(), key=lambda state: condition_of(state, now).rank
        )
        served = [snapshot for state in states if (snapshot := state.served(now))]
        is_bounded = sum(snapshot.assets for snapshot in served) <= _MOST_BALANCES
        self._holdings = await self._read(states, now) if is_bounded else {}
        totals = Totals()
        accounts: list[Block] = []
        async for state in _in_turns(states):
            holdings = self._holdings.get(state.schedule.account.key)
            if holdings and condition_of(state, now) is Condition.UP:
                totals.add(holdings)
            else:
                totals.leave_out(state.schedule.account, holdings)
            html = account_html(state, holdings, now, wall, is_open=len(states) <= _OPEN_UP_TO)
            accounts += [deflate(html.encode()), holdings.tables if holdings else EMPTY, _END]
        contents = document.Contents(
            wall=wall,
            title=headline(states, now),
            answer=[*summary(states, now, wall), *_outside(self._holdings.values())],
            totals=totals.html() if is_bounded else _TOO_MANY,
        )
        expiries = (state.expires_at for state in states if state.served(now))
        return Page(
            version=version,
            valid_until=min([now + _KEPT_FOR, *expiries]),
            blocks=[deflate(document.opening(contents).encode()), *accounts, self._closing],
        )

    async def _read(self, states: Iterable[AccountState], now: float) -> dict[AccountKey, Holdings]:
        """Return the holdings of what is served; those of known snapshots are known."""
        read: dict[AccountKey, Holdings] = {}
        async for state in _in_turns(states):
            account, snapshot = state.schedule.account, state.served(now)
            kept = self._holdings.get(account.key)
            if kept and kept.snapshot is snapshot and kept.account is account:
                read[account.key] = kept
            elif snapshot:
                read[account.key] = read_holdings(account, snapshot)
                await asyncio.sleep(0)
        return read


async def _in_turns(states: Iterable[AccountState]) -> AsyncIterator[AccountState]:
    """Yield states, and let the event loop do other work in between."""
    for number, state in enumerate(states, 1):
        yield state
        if number % _IN_A_ROW == 0:
            await asyncio.sleep(0)


def _outside(holdings: Iterable[Holdings]) -> list[Sentence]:
    """Return a sentence about the balances that are out of their bounds, if there are any."""
    said = [
        f"{account_name(each.account)}: {balance}" for each in holdings for balance in each.outside
    ]
    if not said:
        return []
    verb = "balance is" if len(said) == 1 else "balances are"
    return [Sentence("bound", f"{len(said)} {verb} out of bounds. {listed(said, '; ')}.")]
