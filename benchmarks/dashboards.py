"""Measure what a refresh of each dashboard costs Prometheus, at 500 accounts x 300 assets."""

import argparse
import tempfile
from pathlib import Path

from benchmarks.report import heading, machine, table
from tests.dashboards.conftest import run_prometheus
from tests.dashboards.files import UIDS
from tests.dashboards.large import Size, build
from tests.dashboards.speed import EVERY_BALANCE, Cost, cost, refresh

ROUNDS = 3


def main() -> None:
    """Build a history, serve it, and print the least cost of some refreshes of each dashboard."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboards", description=__doc__)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--assets", type=int, default=300)
    parser.add_argument("--step", type=int, default=240, help="seconds between scrapes")
    given = parser.parse_args()
    print(machine())
    heading(f"Dashboards, {given.accounts} accounts x {given.assets} assets")
    with tempfile.TemporaryDirectory() as folder:
        build(Size(given.accounts, given.assets, given.step), Path(folder) / "tsdb")
        with run_prometheus(Path(folder)) as url:
            report(url)


def report(url: str) -> None:
    """Print the costs of all dashboards, and of adding up every balance once."""
    rows = [
        (
            "every balance added up once",
            "1",
            cheapest([cost(url, [EVERY_BALANCE]) for _ in range(ROUNDS)]),
        )
    ]
    for uid in UIDS:
        for unfolded in (False, True):
            queries = refresh(uid, unfolded=unfolded)
            rounds = [cost(url, queries) for _ in range(ROUNDS)]
            name = f"{uid}, {'all rows open' if unfolded else 'as it opens'}"
            rows.append((name, str(len(queries)), cheapest(rounds)))
    table(
        ("a refresh of", "queries", "CPU seconds of Prometheus", "samples, millions"),
        (
            (name, queries, f"{each.seconds:.2f}", f"{each.samples / 1e6:,.1f}")
            for name, queries, each in rows
        ),
    )


def cheapest(rounds: list[Cost]) -> Cost:
    """Return the round that took the least time."""
    return min(rounds, key=lambda each: each.seconds)


if __name__ == "__main__":
    main()
