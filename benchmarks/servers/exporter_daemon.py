"""Run this project's daemon, filled from a file instead of from exchanges.

The daemon is the real one, without accounts to poll. Each account of the file is written as the
response that BtcTurk would send; from there on all is real: parsing, rendering, storing, serving.
"""

import asyncio
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks import balances
from benchmarks.balances import Line
from benchmarks.servers.exporter_polls import Polls
from exporter.config.loader import Config
from exporter.config.watched_files import WatchedFiles
from exporter.daemon import Daemon, Options, make_exporter_metrics
from exporter.exchanges.btcturk import EXCHANGE, parse_balances
from exporter.model import Account, AccountKey
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.runtime import logs
from exporter.runtime.clock import Clock
from exporter.web.addresses import Address

_DAY = 24 * 3600.0
_PAUSE = 0.01  # seconds between polls


class Filler:
    """Publish balances into a daemon's store as the benchmark says."""

    def __init__(self, store: SnapshotStore, clock: Clock) -> None:
        """Publish nothing yet."""
        self._store = store
        self._clock = clock
        self._next: Iterator[tuple[str, list[Line]]] = iter(())

    async def obey(self, words: list[str]) -> list[object]:
        """Do what a command says, and return the reply."""
        match words:
            case "fill", path:
                await self._fill(Path(path))
            case "change", accounts:
                await self._publish(int(accounts))
            case "poll", url, count:
                return [*await self._poll(url, int(count))]
        return ["done"]

    async def _fill(self, path: Path) -> None:
        """Publish every account of a file."""
        names = [name for name, _ in balances.by_account(balances.read(path))]
        plans = [PollSchedule(_account(name), interval=60.0, stale_after=_DAY) for name in names]
        self._store.configure({plan.account.key: plan for plan in plans}, 0.0)
        self._next = _again_and_again(path)
        await self._publish(len(names))

    async def _publish(self, accounts: int) -> None:
        """Publish the next accounts of the file as if they had been polled now."""
        for name, lines in islice(self._next, accounts):
            wall = self._clock.wall()
            response = parse_balances(_document(lines))
            result = PollResult(self._clock.monotonic(), wall, 0.1, response)
            self._store.record(AccountKey(EXCHANGE.name, name), result, wall + 60)
            await asyncio.sleep(0)

    async def _poll(self, base_url: str, count: int) -> list[float]:
        """Poll one more account some times, and return the seconds that each poll took."""
        polls = Polls(base_url, self._store, self._clock)
        plans = {key: state.schedule for key, state in self._store.states.items()}
        self._store.configure(
            {**plans, polls.account.key: PollSchedule(polls.account, 60.0, _DAY)}, 0.0
        )
        durations = []
        for _ in range(count):
            await asyncio.sleep(_PAUSE)
            durations.append(await polls.publish())
        await polls.aclose()
        return durations


async def run() -> None:
    """Run the daemon until standard input ends."""
    clock = Clock()
    own = make_exporter_metrics(clock)
    logs.configure("warning", "logfmt", own.count_log_message)
    options = Options(listen_addresses=(Address("127.0.0.1", 0),))
    daemon = Daemon(options, WatchedFiles(()), own, clock)
    filler = Filler(daemon.store, clock)
    commands = await _standard_input()

    def when_listening(url: str) -> None:
        print("listening", url.rstrip("/").rpartition(":")[2], flush=True)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(daemon.run(Config((), {}), when_listening))
        while words := (await commands.readline()).decode().split():
            print(*await filler.obey(words), flush=True)
        daemon.stop()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _again_and_again(path: Path) -> Iterator[tuple[str, list[Line]]]:
    while True:
        yield from balances.by_account(balances.read(path))


def _account(name: str) -> Account:
    return Account(name, EXCHANGE.name, EXCHANGE.base_url, EXCHANGE.balances_path, {})


def _document(lines: list[Line]) -> bytes:
    rows = ",".join(
        f'{{"asset":"{line.asset}","balance":"{line.total}","free":"{line.free}"'
        f',"locked":"{line.locked}"}}'
        for line in lines
    )
    return f'{{"success":true,"message":"SUCCESS","code":0,"data":[{rows}]}}'.encode()


if __name__ == "__main__":
    asyncio.run(run())
