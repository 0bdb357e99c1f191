"""Work out what a number of accounts needs: addresses, shards, memory, series.

The costs were measured on two cores with `exporter simulate` and a real Prometheus; the limits are
the exchanges' own. docs/scaling.md has the tables that this prints.
"""

import math
from dataclasses import dataclass

from exporter.exchanges import EXCHANGES
from exporter.polling.rate_limit import PERIOD, UTILISATION

PROCESS_BYTES = 45e6
ACCOUNT_BYTES = 30e3
BALANCE_BYTES = 800.0
POLL_SECONDS = 0.005
"""Processor time of one poll of 100 assets with its share of rendering and scrapes."""

SERIES_BYTES = 5e3
"""Prometheus' memory for a series with its samples of two hours, and the rules on it."""

SERIES_PER_BALANCE = {"btcturk": 7, "trubit": 4}
SERIES_PER_ACCOUNT = 30

MOST_CORE = 0.25
"""Share of a core that one shard may use: what is left keeps its polls on time."""

MOST_SHARD_BYTES = 1e9
COUNTS = (1, 10, 100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Need:
    """What accounts of one exchange need, each with the same number of assets."""

    exchange: str
    accounts: int
    assets: int
    interval: float = 60.0

    @property
    def polls_per_minute(self) -> float:
        """Return the polls that one address may send."""
        return EXCHANGES[self.exchange].requests_per_minute * UTILISATION

    @property
    def one_address(self) -> float:
        """Return the seconds between two polls of an account if all share one address."""
        return max(self.interval, self.accounts / self.polls_per_minute * PERIOD)

    @property
    def addresses(self) -> int:
        """Return the addresses that keep the interval."""
        return math.ceil(self.accounts * PERIOD / self.interval / self.polls_per_minute)

    @property
    def bytes(self) -> float:
        """Return the exporter's memory, without what each further process costs."""
        return self.accounts * (ACCOUNT_BYTES + self.assets * BALANCE_BYTES)

    @property
    def shards(self) -> int:
        """Return the processes that keep within a share of a core and of memory."""
        polls = self.accounts / self.interval * POLL_SECONDS * max(1.0, self.assets / 100)
        return max(1, math.ceil(polls / MOST_CORE), math.ceil(self.bytes / MOST_SHARD_BYTES))

    @property
    def series(self) -> int:
        """Return the series in Prometheus, without those of rules."""
        per_account = SERIES_PER_ACCOUNT + self.assets * SERIES_PER_BALANCE[self.exchange]
        return self.accounts * per_account


def row(need: Need) -> str:
    """Return a row of the table."""
    cells = (
        f"{need.accounts:,}",
        duration(need.one_address),
        f"{need.addresses:,}",
        f"{need.shards:,}",
        size(need.bytes + need.shards * PROCESS_BYTES),
        f"{need.series:,}",
        size(need.series * SERIES_BYTES),
    )
    return f"| {' | '.join(cells)} |"


def table(exchange: str, assets: int, interval: float = 60.0) -> str:
    """Return the table of one exchange."""
    head = (
        "| accounts | polled every (one address) | addresses for every "
        f"{duration(interval)} | shards | memory | series | Prometheus' memory |"
    )
    rows = [row(Need(exchange, count, assets, interval)) for count in COUNTS]
    return "\n".join([head, "|--:" * 7 + "|", *rows])


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Return bytes as people say them."""
    for unit, name in ((1e12, "TB"), (1e9, "GB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count / 1e6:.0f} MB"


if __name__ == "__main__":
    for shown, assets in (("btcturk", 30), ("trubit", 20)):
        print(f"\n{shown}, {assets} assets an account\n\n{table(shown, assets)}")
