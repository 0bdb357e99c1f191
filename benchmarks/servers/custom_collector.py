"""Expose balances with a collector of prometheus_client, which makes families at each scrape."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from benchmarks import balances
from benchmarks.servers import client_library


class Balances(Collector):
    """Yield the balances of a file as families."""

    def __init__(self) -> None:
        """Start without balances."""
        self._amounts: dict[tuple[str, str], tuple[float, ...]] = {}

    def fill(self, path: Path) -> None:
        """Take over the balances of a file."""
        self._amounts = {
            (line.account, line.asset): tuple(map(float, line[2:])) for line in balances.read(path)
        }

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families."""
        for number, name in enumerate(balances.FAMILIES):
            family = GaugeMetricFamily(
                name, "A balance in the asset itself.", labels=["exchange", "account", "asset"]
            )
            for (account, asset), amounts in self._amounts.items():
                family.add_metric(["btcturk", account, asset], amounts[number])
            yield family


if __name__ == "__main__":
    collector = Balances()
    REGISTRY.register(collector)
    client_library.serve(collector.fill)
