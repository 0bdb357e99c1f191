"""Run the daemon's parts against simulated exchanges in virtual time, and look at all they show."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import structlog
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.credentials import Secret
from exporter.errors import REASONS
from exporter.exchanges import EXCHANGES
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.pages import PageRenderer, read_held
from exporter.model import Account, AccountKey
from exporter.polling.poller import Poller
from exporter.polling.snapshots import SnapshotStore
from exporter.prices.settings import Valuation
from exporter.prices.sources import PriceSources
from exporter.routes import make_routes
from exporter.runtime import logs
from exporter.simulator import Account as SimulatedAccount
from exporter.simulator import Entry, Simulator
from exporter.web.messages import Request, Response, Routes
from tests.accounts import make_account
from tests.faults.canaries import Canaries
from tests.faults.virtual_time import Clocks, VirtualLoop

BALANCES = {
    "BTC": ("1.5", "1.0", "0.5"),  # adds up to the same text
    "TRY": ("1000.75", "1000.75", "0"),
    "ETH": ("0", "0", "0"),
}
LIMITS = {name: exchange.requests_per_minute for name, exchange in EXCHANGES.items()}
INTERVAL, TIMEOUT = 60.0, 10.0
_TICK = 1e-6  # seconds: less than its clock's resolution is no time for asyncio
_STEP = 12.9  # seconds between scrapes: never in step with the polls


@dataclass(frozen=True, slots=True)
class Page:
    """One scrape: every sample by its text before the value."""

    at: float
    text: str
    samples: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, at: float, text: str) -> "Page":
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        samples = {name: value for name, _, value in (line.rpartition(" ") for line in lines)}
        assert len(samples) == len(lines), "a series stands twice on the page"
        return cls(at, text, samples)

    def value(self, name: str, key: AccountKey, **more: str) -> str | None:
        """Return a sample's text, or None."""
        labels = ",".join(f'{label}="{text}"' for label, text in (key._asdict() | more).items())
        return self.samples.get(f"{name}{{{labels}}}")

    def number(self, name: str, key: AccountKey, **more: str) -> float:
        """Return the value of a sample that has to be there."""
        text = self.value(name, key, **more)
        assert text is not None, f"{name} of {key.account} is missing"
        return float(text)

    def total(self, key: AccountKey, asset: str = "BTC") -> str | None:
        """Return an asset's total as it is served."""
        return self.value("exchange_total_balance", key, asset=asset)

    def assets(self, key: AccountKey) -> set[str]:
        """Return the assets of which an account's total is served."""
        start = f'exchange_total_balance{{exchange="{key.exchange}",account="{key.account}",asset="'
        return {
            name.removeprefix(start).removesuffix('"}')
            for name in self.samples
            if name.startswith(start)
        }

    def polls(self, key: AccountKey) -> int:
        """Return the polls that ended."""
        return int(self.number("exchange_account_polls_total", key))

    def failures(self, key: AccountKey) -> dict[str, int]:
        """Return the failed polls by their reason, without the reasons that never occurred."""
        name = "exchange_account_poll_failures_total"
        counts = {reason: int(self.number(name, key, reason=reason)) for reason in REASONS}
        return {reason: count for reason, count in counts.items() if count}

    def is_up(self, key: AccountKey) -> bool:
        return self.value("exchange_account_up", key) == "1"


class World:
    """Connect simulated exchanges, three accounts and the parts of a daemon.

    `victim` and `neighbour` are at one exchange and share its limit, `stranger` is at another.
    """

    def __init__(
        self, exchange: str, simulator: Simulator, clocks: Clocks, log: io.StringIO
    ) -> None:
        self.exchange = exchange
        self.other = next(name for name in EXCHANGES if name != exchange)
        self.simulator = simulator
        self.clocks = clocks
        self.canaries = Canaries()
        self.log = log
        self.is_wall_steady = True  # ages can be checked by dates
        self.victim = self.add("victim", exchange)
        self.neighbour = self.add("neighbour", exchange)
        self.stranger = self.add("stranger", self.other)
        self.pages: list[Page] = []
        self._lines: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Begin with new parts, as a daemon that is started again does."""
        self.store = SnapshotStore(PageRenderer())
        self.own = ExporterMetrics("0", "test", self.clocks.ours.monotonic)
        self._routes: Routes = make_routes(
            telemetry_path="/metrics",
            store=self.store,
            own=self.own,
            clock=self.clocks.ours,
            is_ready=lambda: True,
            reload=None,
            valuations=lambda: self.sources.valuations,
        )
        self.sources = PriceSources(self.store, self.clocks.ours, read_held)

    @property
    def now(self) -> float:
        return self.clocks.loop.time()

    def add(self, name: str, exchange: str, **options: Any) -> Account:
        """Open a simulated account with canaries for secrets, and return its configuration."""
        fields: dict[str, Any] = {
            "exchange": exchange,
            "name": name,
            "balances": BALANCES,
            "credentials": self.canaries.credentials(exchange, name),
        }
        return self.configured(self.simulator.add_account(**(fields | options)))

    def configured(self, account: SimulatedAccount, **changes: Any) -> Account:
        """Return how a simulated account is polled."""
        fields: dict[str, Any] = {
            "base_url": self.simulator.url,
            "credentials": {name: Secret(text) for name, text in account.credentials.items()},
            "interval": INTERVAL,
            "timeout": TIMEOUT,
        }
        return make_account(
            **({"name": account.name, "exchange": account.exchange} | fields | changes)
        )

    def poll_victim_at(self, base_url: str) -> None:
        """Poll the victim at another address."""
        self.victim = self.configured(self.simulated(self.victim), base_url=base_url)

    def simulated(self, account: Account) -> SimulatedAccount:
        """Return the exchange's side of an account."""
        [found] = [a for a in self.simulator.accounts if (a.exchange, a.name) == account.key]
        return found

    def requests_of(self, account: Account) -> tuple[Entry, ...]:
        """Return the requests for an account's balances."""
        return self.simulator.ledger.entries(*account.key, "balances")

    @asynccontextmanager
    async def polling(
        self,
        accounts: Sequence[Account] | None = None,
        limits: Mapping[str, int] = LIMITS,
        valuation: Valuation | None = None,
    ) -> AsyncIterator[Poller]:
        """Poll as the daemon does until the end of the block, and value accounts if configured."""
        listed = (self.victim, self.neighbour, self.stranger) if accounts is None else accounts
        async with asyncio.TaskGroup() as tasks:
            poller = Poller(self.store, tasks, self.clocks.ours)
            await poller.reconcile(listed, limits)
            self.sources.start(tasks, poller)
            await self.sources.reconcile(valuation)
            try:
                yield poller
            finally:
                await self.sources.stop()
                await poller.stop()

    async def run(self, seconds: float) -> Page:
        """Let time pass, scraping on the way, and return the last scrape."""
        end = self.now + seconds
        while self.now < end:
            await asyncio.sleep(max(_TICK, min(_STEP, end - self.now)))
            page = await self.scrape()
        return page

    async def until(self, is_so: Callable[[Page], bool], within: float) -> Page:
        """Let time pass until a scrape shows something, which it must within some seconds."""
        end = self.now + within
        while not is_so(page := await self.scrape()):
            assert self.now < end, f"not within {within:g} s"
            await asyncio.sleep(max(_TICK, min(_STEP, end - self.now)))
        return page

    async def scrape(self) -> Page:
        """Return the metrics as Prometheus would get them now, having checked what always holds."""
        page = Page.of(self.now, await self.get("/metrics"))
        for key in self.store.states if self.is_wall_steady else ():
            _check_expiry(page, key, self.clocks.ours.wall())
        self.pages.append(page)
        return page

    async def get(self, path: str, accept: str = "*/*") -> str:
        """Return a page of ours; its lines are kept to be searched for secrets."""
        request = Request("GET", path, "", {"accept": accept}, "127.0.0.1")
        found = self._routes[path]["GET"](request)
        response = found if isinstance(found, Response) else await found
        assert response.status == 200
        text = b"".join(response.body).decode()
        self._lines.update(text.splitlines())
        return text

    async def check_everything(self) -> Page:
        """Read every page once, by the strict parser too, and look for secrets everywhere."""
        strict = await self.get("/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert list(text_string_to_metric_families(strict))
        await self.get("/")
        await self.get("/api/v1/balances")
        self.canaries.check(repr(self.store.states), "the states' repr")
        self.canaries.check(self.log.getvalue(), "the log")
        page = await self.scrape()
        self.canaries.check("\n".join(self._lines), "the pages")
        return page

    def events(self, account: Account) -> list[str]:
        """Return what was logged of an account at info and above, as level and message."""
        lines = [
            line
            for line in self.log.getvalue().splitlines()
            if _concerns(line, account) and " level=debug " not in f" {line}"
        ]
        return [line.partition(" ")[2].partition(" exchange=")[0] for line in lines]

    def most_requests(self, exchange: str) -> int:
        """Return the most requests that an exchange got within a minute."""
        return self.simulator.ledger.most_requests(exchange)


def _check_expiry(page: Page, key: AccountKey, wall: float) -> None:
    """Check that balances are there exactly while the last good response is young enough."""
    success = page.number("exchange_account_last_success_timestamp_seconds", key)
    stale_after = page.number("exchange_account_stale_after_seconds", key)
    is_fresh = success > 0 and wall - success < stale_after
    counted = page.number("exchange_account_assets", key)
    rejected = page.number("exchange_account_rejected_assets", key)
    is_complete = page.number("exchange_account_complete", key)
    assert bool(counted or rejected or is_complete) == is_fresh, "served too long, or not at all"
    assert counted == len(page.assets(key))
    assert is_complete == (is_fresh and not rejected)


def _concerns(line: str, account: Account) -> bool:
    return f" exchange={account.exchange} account={account.name} " in f"{line} "


@contextmanager
def captured_log() -> Iterator[io.StringIO]:
    """Log as the daemon does at its most talkative, into a text."""
    root, settings = logging.getLogger(), structlog.get_config()
    kept = root.handlers, root.level, logging.raiseExceptions
    text = io.StringIO()
    with redirect_stderr(text):
        logs.configure("debug", "logfmt")
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield text
    finally:
        root.handlers, logging.raiseExceptions = kept[0], kept[2]
        root.setLevel(kept[1])
        structlog.configure(**settings)


@asynccontextmanager
async def opened(exchange: str, **options: Any) -> AsyncIterator[World]:
    """Open a world whose victim is at an exchange; nothing polls yet."""
    clocks = Clocks(cast("VirtualLoop", asyncio.get_running_loop()))
    simulator = Simulator(clock=clocks.true, monotonic=clocks.loop.time, **options)
    before = resources()
    async with simulator:
        with captured_log() as log:
            yield World(exchange, simulator, clocks, log)
    assert resources() == before, "tasks or descriptors were left behind"


def resources() -> tuple[int, int]:
    """Return how many tasks and file descriptors there are."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))
