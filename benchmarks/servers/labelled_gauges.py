"""Expose balances with prometheus_client's gauges, as most exporters in Python do."""

from pathlib import Path

from prometheus_client import Gauge

from benchmarks import balances
from benchmarks.servers import client_library

GAUGES = [
    Gauge(name, "A balance in the asset itself.", ["exchange", "account", "asset"])
    for name in balances.FAMILIES
]


def fill(path: Path) -> None:
    """Set a gauge for each amount of a file."""
    for account, asset, *amounts in balances.read(path):
        for gauge, amount in zip(GAUGES, amounts, strict=True):
            gauge.labels("btcturk", account, asset).set(float(amount))


if __name__ == "__main__":
    client_library.serve(fill)
