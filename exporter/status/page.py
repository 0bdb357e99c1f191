"""Keep the status page as it was made last, and make it again when something changed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from exporter.exposition.deflate import Block, deflate
from exporter.polling.overlaps import Overlap, overlaps
from exporter.polling.snapshots import AccountState, SnapshotStore
from exporter.prices.valuations import Valuations, Valued
from exporter.runtime.clock import Clock
from exporter.status import document
from exporter.status.holdings import HoldingsReader
from exporter.status.known import Known
from exporter.status.sections import page_blocks
from exporter.status.turns import Turns
from exporter.status.view import EVERYTHING, View

log = structlog.get_logger(__name__)

_MOST_KEPT = 8  # views
_KEPT_FOR = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Page:
    """The page as it is until `valid_until` (monotonic) or the next change of the store."""

    version: int
    valid_until: float
    blocks: Sequence[Block]


class StatusPage:
    """Make the page when it is requested, at most once a second while nothing changes."""

    def __init__(
        self,
        store: SnapshotStore,
        clock: Clock,
        telemetry_path: str,
        valuations: Callable[[], Valuations | None] = lambda: None,
    ) -> None:
        """Read states from a store; `valuations` returns None while none is configured."""
        self._valuations = valuations
        self._store = store
        self._clock = clock
        self._closing = deflate(document.closing(telemetry_path).encode())
        self._reader = HoldingsReader()
        self._pages: dict[View, Page] = {}
        self._making = asyncio.Lock()
        self._valuing_failed = False

    async def blocks(self, view: View = EVERYTHING) -> Sequence[Block] | None:
        """Return a view's text in deflated pieces, or None if its account is not configured."""
        async with self._making:
            if view.account and view.account not in self._store.states:
                return None
            page = self._pages.pop(view, None)
            if page is None or not self._is_valid(page):
                page = await self._make(view)
            self._pages[view] = page
            if len(self._pages) > _MOST_KEPT:
                del self._pages[next(iter(self._pages))]
            return page.blocks

    def _is_valid(self, page: Page) -> bool:
        return page.version == self._store.version and self._clock.monotonic() < page.valid_until

    async def known(self) -> Known:
        """Return what is known of all accounts now, in the order of the configuration."""
        async with self._making:
            return await self._known()

    async def _make(self, view: View) -> Page:
        version = self._store.version
        known = await self._known()
        expiries = [state.expires_at for state in known.states if state.served(known.now)]
        if known.valued:
            expiries.append(known.valued.worth.valid_until)
        return Page(
            version=version,
            valid_until=min([known.now + _KEPT_FOR, *expiries]),
            blocks=[*await page_blocks(known, view), self._closing],
        )

    async def _known(self) -> Known:
        now, wall, turns = self._clock.monotonic(), self._clock.wall(), Turns(self._clock.monotonic)
        states, retired = tuple(self._store.states.values()), self._store.retired
        valued = self._valued(now)  # of the same moment as the states: reading lets polls go on
        reading = await self._reader.read(states, now, turns)
        return Known(
            now=now,
            wall=wall,
            states=states,
            retired=retired,
            reading=reading,
            overlaps=_overlaps(states, now),
            turns=turns,
            valued=valued,
            valuing_failed=self._valuing_failed,
        )

    def _valued(self, now: float) -> Valued | None:
        """Return what is known of values; no unexpected error here may cost the balances."""
        if (valuations := self._valuations()) is None:
            self._valuing_failed = False
            return None
        try:
            valued = valuations.valued(self._store.states, now)
        except Exception:
            if not self._valuing_failed:
                log.exception("values can't be shown")
            self._valuing_failed = True
            return None
        self._valuing_failed = False
        return valued


def _overlaps(states: Sequence[AccountState], now: float) -> list[Overlap]:
    """Return which accounts' served balances contain another's, by the keys of their polls."""
    return overlaps(
        (state.schedule.account, snapshot.fingerprint)
        for state in states
        if (snapshot := state.served(now))
    )
