"""Run the whole daemon in virtual time, against faults, reloads and scrapes without end.

The daemon, its web server and both simulated exchanges run in one process, over real sockets, on a
loop whose clock jumps over every wait: hours pass in minutes. The scrapes come from a second
process. What is measured is the process of the daemon, the simulated exchanges included.
"""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import asynccontextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from exporter.config.loader import ConfigError
from exporter.config.watched_files import WatchedFiles
from exporter.daemon import Daemon, Options, make_exporter_metrics
from exporter.exchanges import EXCHANGES
from exporter.model import AccountKey
from exporter.runtime import logs
from exporter.simulator import FAULTS, Simulator, config_text, no_limits
from exporter.web.addresses import Address
from tests.faults.virtual_time import Clocks, VirtualLoop
from tests.soak.samples import Sample, resources
from tests.soak.visitor import scrape

FAULTY = 0.1
"""Share of the requests to which a fault is shown."""

_ACCOUNTS_PER_EXCHANGE = 50 // len(EXCHANGES)
_INTERVAL = "10s"
_TIMEOUT = "2s"
_LIMITS = "exchanges:\n" + "\n".join(
    f"  {name}: {{requests_per_minute: 60000}}" for name in EXCHANGES
)
_BROKEN = "surprise: true\n"


@dataclass(frozen=True, slots=True)
class Goals:
    """Say how much of everything a soak does."""

    polls: int = 100_000
    reloads: int = 10_000
    scrapes: int = 1_000_000
    samples: int = 40

    def of(self, share: float) -> "Goals":
        """Return a share of these goals."""
        return Goals(int(self.polls * share), int(self.reloads * share), int(self.scrapes * share))


@dataclass(slots=True)
class Soak:
    """Run a daemon, and count what was done to it so far."""

    goals: Goals
    daemon: Daemon
    simulator: Simulator
    port: int
    file: Path
    visitor: Executor
    chance: random.Random
    polls: int = 0
    failures: int = 0
    reloads: int = 0
    scrapes: int = 0
    samples: list[Sample] = field(default_factory=list)
    _seen: dict[AccountKey, tuple[int, int]] = field(default_factory=dict)

    async def run(self, report: Callable[[Sample], None]) -> None:
        """Poll, reload and scrape in step until everything was done as often as it should."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self.polls < self.goals.polls:
            self._show_a_fault()
            await asyncio.sleep(1.0)
            self._count_polls()
            done = min(1.0, self.polls / self.goals.polls)
            while self.reloads < self.goals.reloads * done:
                await self._reload()
            if missing := int(self.goals.scrapes * done) - self.scrapes:
                self.scrapes += await loop.run_in_executor(
                    self.visitor, scrape, self.port, missing, self._accounts()
                )
            if done * self.goals.samples >= len(self.samples) + 1:
                hours = (loop.time() - began) / 3600
                self.samples.append(self._sample(hours))
                report(self.samples[-1])

    def _show_a_fault(self) -> None:
        self.simulator.stop_faults()
        self.simulator.show(self.chance.choice(sorted(FAULTS)), probability=FAULTY)

    def _count_polls(self) -> None:
        states = self.daemon.store.states
        for key, state in states.items():
            polls, failures = self._seen.get(key, (0, 0))
            failed = sum(state.failures.values())
            self.polls += state.polls - polls
            self.failures += failed - failures
            self._seen[key] = state.polls, failed
        for key in self._seen.keys() - states.keys():
            del self._seen[key]

    async def _reload(self) -> None:
        """Reload without another account each time; every tenth file is broken."""
        self._count_polls()
        self.file.write_text(_config_text(self.simulator, self.reloads))
        with suppress(ConfigError):
            await self.daemon.reload()
        self.reloads += 1

    def _accounts(self) -> tuple[str, ...]:
        return tuple(key.account for key in self.daemon.store.states)

    def _sample(self, hours: float) -> Sample:
        return Sample(
            hours=hours,
            polls=self.polls,
            failures=self.failures,
            reloads=self.reloads,
            scrapes=self.scrapes,
            **resources(),
        )


def soak(folder: Path, goals: Goals, report: Callable[[Sample], None]) -> Sequence[Sample]:
    """Run a soak to its end and return its samples; `report` gets each of them at once."""
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stderr(nowhere),
        asyncio.Runner(loop_factory=VirtualLoop) as runner,
    ):
        return runner.run(_soak(folder, goals, report))


async def _soak(folder: Path, goals: Goals, report: Callable[[Sample], None]) -> Sequence[Sample]:
    clocks = Clocks(cast("VirtualLoop", asyncio.get_running_loop()))
    unlimited = no_limits()
    async with Simulator(
        clock=clocks.true, monotonic=clocks.loop.time, limits=unlimited, ledger_size=100
    ) as simulator:
        for exchange in unlimited:
            for number in range(_ACCOUNTS_PER_EXCHANGE):
                simulator.add_account(exchange=exchange, name=f"{exchange}-{number}", assets=10)
        file = folder / "config.yaml"
        file.write_text(_config_text(simulator, 0))
        with ProcessPoolExecutor(1, get_context("spawn")) as visitor:
            async with _running(file, clocks) as (daemon, port):
                chance = random.Random(goals.polls)
                running = Soak(goals, daemon, simulator, port, file, visitor, chance)
                await running.run(report)
    return running.samples


@asynccontextmanager
async def _running(file: Path, clocks: Clocks) -> AsyncIterator[tuple[Daemon, int]]:
    own = make_exporter_metrics(clocks.ours)
    logs.configure("info", "logfmt", own.count_log_message)
    files = WatchedFiles((file,))
    options = Options(listen_addresses=(Address("127.0.0.1", 0),))
    daemon = Daemon(options, files, own, clocks.ours)
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    run = asyncio.create_task(daemon.run(files.load({}), listening.set_result))
    yield daemon, urlsplit(await listening).port or 0
    daemon.stop()
    await run


def _config_text(simulator: Simulator, number: int) -> str:
    text = config_text(simulator, interval=_INTERVAL, timeout=_TIMEOUT)
    head, *accounts = text.split("  - name: ")
    del accounts[number % len(accounts)]
    broken = _BROKEN if number % 10 == 9 else ""
    return f"{_LIMITS}\n{broken}{'  - name: '.join([head, *accounts])}"
