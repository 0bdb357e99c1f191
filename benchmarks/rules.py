"""Measure how long a Prometheus needs for each group of rules, at many accounts and assets.

A history is made up, and every rule's expression is evaluated at its end, as an instant query whose
result is counted. What a query costs at all is taken off. The reference adds up every total balance
once: a group that takes five times as long reads all balances about five times.
"""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks import report, subjects
from benchmarks.idle import free_port

RULES = sorted((subjects.ROOT / "prometheus/rules").glob("*.yaml"))
REFERENCE = "sum by (asset) (max by (exchange, account, asset) (exchange_total_balance))"
NOTHING = "vector(1)"

END = 1_800_000_000
"""Unix time of the end of the history; any time does."""

_SCRAPE = 15  # seconds
_KINDS = ("total", "free", "locked")
_ONE_IN = 10  # balances is held, as exchanges list hundreds of assets
_PATIENCE = 120.0  # seconds for Prometheus to load a large history
_FIGURES = {
    "up": 1, "complete": 1, "in_totals": 1, "last_success_timestamp_seconds": END,
    "poll_interval_seconds": 60, "stale_after_seconds": 190, "rejected_assets": 0,
    "polls_total": 90, "clock_offset_seconds": 0, "negative_assets": 0,
    "inconsistent_assets": 0,
}  # fmt: skip
_REASONS = ("authentication", "permission", "timeout", "rate_limited", "unavailable")


Sample = tuple[str, float, Sequence[int]]
"""A series, its value, and the times at which it was scraped or recorded."""


@dataclass(frozen=True, slots=True)
class Size:
    """Number of accounts and assets, and the minutes that are played."""

    accounts: int
    assets: int
    minutes: int = 5


def series(size: Size) -> Iterator[Sample]:
    """Return what was scraped and recorded."""
    scrapes = range(END - size.minutes * 60, END + 1, _SCRAPE)
    target = 'job="exchange-balance-exporter",instance="a"'
    yield f"up{{{target}}}", 1, scrapes
    yield f'exchange_exporter_build_info{{{target},version="1"}}', 1, scrapes
    yield f"process_start_time_seconds{{{target}}}", END - 86_400, scrapes
    yield f'exchange_reference_currency{{{target},currency="TRY"}}', 1, scrapes
    for number in range(size.accounts):
        yield from _account(number, target, size, scrapes)
    for exchange in ("btcturk", "trubit"):
        for asset in range(size.assets):
            labels = f'{target},exchange="{exchange}",asset="A{asset:03}",currency="TRY"'
            yield f"exchange_asset_price{{{labels}}}", 2, scrapes
            first = f'exchange="{exchange}",asset="A{asset:03}",currency="TRY"'
            yield f"exchange_asset_currency:exchange_asset_price:first{{{first}}}", 2, scrapes


def _account(number: int, target: str, size: Size, scrapes: range) -> Iterator[Sample]:
    name = f'exchange="{("btcturk", "trubit")[number % 2]}",account="client-{number:04}"'
    labels = f"{target},{name}"
    hour_ago = range(END - 3600 - 600, END - 3600 + 1, 60)
    for figure, value in _FIGURES.items():
        yield f"exchange_account_{figure}{{{labels}}}", value, scrapes
    for reason in _REASONS:
        failures = f'exchange_account_poll_failures_total{{{labels},reason="{reason}"}}'
        yield failures, 0, scrapes
    yield f'exchange_account_value{{{labels},currency="TRY"}}', 1e6, scrapes
    yield from _recorded_of(name, labels, scrapes, hour_ago)
    for asset in range(size.assets):
        held = 0.0 if (asset + number) % _ONE_IN else 1000.0
        which = f'asset="A{asset:03}"'
        for kind in _KINDS:
            yield f"exchange_{kind}_balance{{{labels},{which}}}", held, scrapes
        if held:
            record = "exchange_account_asset:exchange_total_balance"
            yield f"{record}:held{{{name},{which}}}", held, (*hour_ago, *scrapes)
            for operation in ("earlier", "before", "latest"):
                yield f"{record}:{operation}{{{name},{which}}}", held, scrapes
    bound = f'exchange_balance_threshold{{{labels},asset="A001",bound="free_min"}}'
    yield bound, 500, scrapes


def _recorded_of(name: str, labels: str, scrapes: range, hour_ago: range) -> Iterator[Sample]:
    """Return what the rules have recorded of an account, for those that read it."""
    always = (*hour_ago, *scrapes)
    yield f"exchange_account:exchange_account_outage:state{{{name}}}", 0, always
    yield f"exchange_account:exchange_total_balance:count_held{{{name}}}", 9, always
    yield f"exchange_account:exchange_account_counted:bool{{{name}}}", 1, scrapes
    yield f"instance_exchange_account:exchange_account_counted:bool{{{labels}}}", 1, scrapes


def build(size: Size, folder: Path) -> None:
    """Fill a Prometheus data directory with a history."""
    text = folder / "history.om"
    with text.open("w") as lines:
        for name, value, times in series(size):
            lines.writelines(f"{name} {value:g} {moment}\n" for moment in times)
        lines.write("# EOF\n")
    create = (
        "promtool",
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        text,
        folder / "tsdb",
    )
    subprocess.run(create, check=True, capture_output=True)
    text.unlink()


class Prometheus:
    """Evaluate expressions at the end of a history, and tell how long that takes."""

    def __init__(self, address: str) -> None:
        self.address = address

    def seconds(self, expression: str, times: int = 3) -> float:
        """Return the shortest of some evaluations, in seconds."""
        return min(self._once(expression) for _ in range(times))

    def _once(self, expression: str) -> float:
        query = {"query": f"count({expression})", "time": END}
        body = urllib.parse.urlencode(query).encode()
        begin = time.perf_counter()
        with urllib.request.urlopen(f"http://{self.address}/api/v1/query", body) as response:
            json.load(response)
        return time.perf_counter() - begin

    def is_ready(self) -> bool:
        """Return whether it has loaded its history."""
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready"):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False


@contextmanager
def prometheus(folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus over the history in a folder."""
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    address = f"127.0.0.1:{free_port()}"
    flags = (
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=100y",
        f"--web.listen-address={address}",
        "--query.timeout=10m",
        "--log.level=error",
    )
    process = subprocess.Popen([subjects.prometheus() or "prometheus", *flags])
    running = Prometheus(address)
    given_up_at = time.monotonic() + _PATIENCE
    try:
        while not running.is_ready():
            if time.monotonic() > given_up_at:
                raise TimeoutError("Prometheus did not become ready")
            time.sleep(0.1)
        yield running
    finally:
        process.kill()
        process.wait()


def groups() -> Iterator[dict[str, Any]]:
    """Return all groups of rules."""
    for path in RULES:
        yield from yaml.safe_load(path.read_text())["groups"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that a group takes, and as a multiple of the reference."""

    name: str
    interval: str
    seconds: float
    ratio: float


def measure(size: Size) -> tuple[float, list[Cost]]:
    """Return the seconds of the reference, and the cost of each group."""
    with tempfile.TemporaryDirectory() as folder:
        build(size, Path(folder))
        with prometheus(Path(folder)) as running:
            running.seconds(REFERENCE)
            nothing = running.seconds(NOTHING)
            reference = running.seconds(REFERENCE) - nothing
            return reference, [_cost(running, group, nothing, reference) for group in groups()]


def _cost(running: Prometheus, group: dict[str, Any], nothing: float, reference: float) -> Cost:
    taken = sum(max(running.seconds(rule["expr"]) - nothing, 0) for rule in group["rules"])
    interval = group.get("interval", "15s")
    return Cost(group["name"], interval, taken, taken / reference)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small size")
    options = parser.parse_args()
    if subjects.prometheus() is None:
        parser.exit(1, "There is no Prometheus here: apt-get install prometheus\n")
    size = Size(20, 30, 2) if options.quick else Size(500, 300)
    print(report.machine())
    reference, costs = measure(size)
    report.heading(f"Rules, {size.accounts} accounts x {size.assets} assets")
    print(f"Reference: {reference:.2f} s\n")
    rows = [(one.name, one.interval, f"{one.seconds:.2f}", f"{one.ratio:.1f}") for one in costs]
    report.table(["group", "interval", "seconds", "times the reference"], rows)


if __name__ == "__main__":
    main()
