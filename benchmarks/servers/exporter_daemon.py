"""Run this project's daemon, filled from a file instead of from exchanges.

The daemon is the real one, without accounts to poll. Each account of the file is written as the
answer that BtcTurk would give, and from there on all is real: parsing, rendering, storing, serving.
"""

import asyncio
import sys
from itertools import islice
from pathlib import Path

from benchmarks import balances
from exporter import logs
from exporter.clock import Clock
from exporter.config import Config
from exporter.daemon import Daemon, Options, make_own_metrics
from exporter.exchanges.btcturk import EXCHANGE, parse_balances
from exporter.exposition import Store
from exporter.model import Account, AccountKey
from exporter.snapshots import Plan, Poll

_DAY = 24 * 3600.0


class Filled:
    """Publish what files hold as if it had been polled."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Publish into a daemon's store."""
        self._store = store
        self._clock = clock

    async def fill(self, path: Path) -> None:
        """Publish every account of a file."""
        names = [name for name, _ in balances.by_account(balances.read(path))]
        plans = [Plan(_account(name), interval=60.0, stale_after=_DAY) for name in names]
        self._store.configure({plan.account.key: plan for plan in plans})
        await self.change(path, len(names))

    async def change(self, path: Path, accounts: int) -> None:
        """Publish the first accounts of a file again."""
        for name, lines in islice(balances.by_account(balances.read(path)), accounts):
            now = self._clock.monotonic(), self._clock.wall()
            poll = Poll(*now, duration=0.1, clock_offset=0.0, next_poll=now[1] + 60)
            key = AccountKey(EXCHANGE.name, name)
            self._store.succeed(key, poll, parse_balances(_answer(lines)))
            await asyncio.sleep(0)

    async def obey(self, commands: asyncio.StreamReader) -> None:
        """Do what the benchmark says, until it says no more."""
        while words := (await commands.readline()).decode().split():
            if words[0] == "fill":
                await self.fill(Path(words[1]))
            elif words[0] == "change":
                await self.change(Path(words[1]), int(words[2]))
            print("done", flush=True)


async def run() -> None:
    """Run the daemon until standard input ends."""
    clock = Clock()
    own = make_own_metrics(clock)
    logs.configure("warning", "logfmt", own.count_log_message)
    daemon = Daemon(Options(listen_addresses=("127.0.0.1:0",)), own, clock)
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    def when_listening(url: str) -> None:
        print("listening", url.rstrip("/").rpartition(":")[2], flush=True)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(daemon.run(Config((), {}), when_listening))
        # Only the poller publishes, so the store has no public door.
        await Filled(daemon._store, clock).obey(commands)  # noqa: SLF001
        daemon.stop()


def _account(name: str) -> Account:
    return Account(name, EXCHANGE.name, EXCHANGE.base_url, EXCHANGE.balances_path, {})


def _answer(lines: list[balances.Line]) -> bytes:
    rows = ",".join(
        f'{{"asset":"{line.asset}","balance":"{line.total}","free":"{line.free}"'
        f',"locked":"{line.locked}"}}'
        for line in lines
    )
    return f'{{"success":true,"message":"SUCCESS","code":0,"data":[{rows}]}}'.encode()


if __name__ == "__main__":
    asyncio.run(run())
