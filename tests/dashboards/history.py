"""Make a day of the exporter's metrics for a scenario, as blocks that a Prometheus can serve.

`python tests/dashboards/history.py healthy /tmp/healthy` fills a data directory; then run
`prometheus --storage.tsdb.path=/tmp/healthy --storage.tsdb.retention.time=100y` to look at it.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

END = 1_795_161_600
"""The present of every history: 2026-11-20 08:00:00 UTC."""

HOURS = 26
MINUTE, HOUR = 60, 3600
SCENARIOS = (
    "healthy",
    "account_down",
    "exchange_down",
    "authentication",
    "exporter_down",
    "empty",
    "many",
    "pair",
    "incomplete",
)
REASONS = (
    "authentication",
    "permission",
    "clock_skew",
    "rate_limited",
    "timeout",
    "connection",
    "tls",
    "redirect",
    "unavailable",
    "rejected",
    "bad_response",
    "config",
    "internal",
)
JOB = {"job": "exchange-balances"}
TARGET = JOB | {"instance": "exporter:10517"}
TWIN = JOB | {"instance": "exporter-twin:10517"}
"""A second exporter with the same accounts; in `pair`, it dies half an hour before the end."""
NAMES = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "USDT": "Tether",
    "USDC": "USD Coin",
    "TRY": "Turkish Lira",
    "MXN": "Mexican Peso",
    "AVAX": "Avalanche",
    "XRP": "XRP",
    "SHIB": "Shiba Inu",
    "SOL": "Solana",
    "ADA": "Cardano",
}

Labels = dict[str, str]
Sample = tuple[str, Labels, float]


@dataclass
class Account:
    """Play one account: what it holds, when it fails and why, and what it has counted so far."""

    exchange: str
    name: str
    holdings: dict[str, float]
    interval: float = 60
    outages: tuple[tuple[int, int, str], ...] = ()
    thresholds: dict[tuple[str, str], float] = field(default_factory=dict)
    moves: dict[int, tuple[str, float]] = field(default_factory=dict)
    reasons: tuple[str, ...] = REASONS
    rejected: int = 0
    failures: dict[str, float] = field(default_factory=dict)
    polls: float = 0
    last_success: float = 0

    @property
    def labels(self) -> Labels:
        """Return the account's two labels."""
        return {"exchange": self.exchange, "account": self.name}

    @property
    def stale_after(self) -> float:
        """Return the age at which balances are withdrawn."""
        return 3 * self.interval + 10

    def failing(self, time: int) -> str | None:
        """Return why polls fail at a time, or None while they work."""
        return next((why for start, end, why in self.outages if start <= time < end), None)

    def live(self, time: int, step: int, rng: random.Random) -> None:
        """Poll, trade and count for one step."""
        why = self.failing(time)
        polls = step / (900 if why == "authentication" else self.interval)
        self.polls += polls
        if why:
            self.failures[why] = self.failures.get(why, 0) + polls
        else:
            self.last_success = time - rng.uniform(0, min(self.interval, 50))
        for asset, held in self.holdings.items():
            if rng.random() < step / (20 * MINUTE):
                self.holdings[asset] = held * (1 + rng.gauss(0, 0.0015))
        if moved := self.moves.pop(time, None):
            asset, change = moved
            self.holdings[asset] += change

    def samples(self, time: int, rng: random.Random) -> Iterator[Sample]:
        """Return what the exporter exposes of the account."""
        why = self.failing(time)
        served = time - self.last_success < self.stale_after
        rows = len(self.holdings) if served else 0
        slow = 9.9 if why == "timeout" else 0.2 + rng.random() * 0.05
        for name, value in (
            ("up", float(why is None)),
            ("complete", float(served and not self.rejected)),
            ("last_success_timestamp_seconds", self.last_success),
            ("poll_duration_seconds", slow + (0.25 if self.exchange == "trubit" else 0)),
            ("poll_interval_seconds", self.interval),
            ("stale_after_seconds", self.stale_after),
            ("assets", rows),
            ("inconsistent_assets", 0),
            ("negative_assets", 0),
            ("rejected_assets", self.rejected if served else 0),
            ("clock_offset_seconds", round(rng.gauss(0.02, 0.01), 3)),
            ("polls_total", self.polls // 1),
        ):
            yield f"exchange_account_{name}", self.labels, value
        for reason in self.reasons:
            labels = {**self.labels, "reason": reason}
            count = self.failures.get(reason, 0) // 1
            yield "exchange_account_poll_failures_total", labels, count
        for (asset, bound), value in self.thresholds.items():
            labels = {**self.labels, "asset": asset, "bound": bound}
            yield "exchange_balance_threshold", labels, value
        if served:
            yield from self.balances(time, rng)

    def balances(self, time: int, rng: random.Random) -> Iterator[Sample]:
        """Return the balances of the last good answer."""
        if self.exchange == "trubit":
            yield "exchange_account_can_deposit", self.labels, 1
        for index, (asset, held) in enumerate(self.holdings.items()):
            labels = {**self.labels, "asset": asset}
            total = round(held, 8)
            share = 0.08 + 0.06 * ((time // (50 * MINUTE) + index) % 4) if index % 3 else 0.02
            orders = round(total * share, 8)
            withdrawals = round(total * 0.01, 8) if index == 0 else 0.0
            locked = round(orders + withdrawals, 8)
            yield "exchange_total_balance", labels, total
            yield "exchange_free_balance", labels, round(total - locked, 8)
            yield "exchange_locked_balance", labels, locked
            info = {**labels, "asset_name": NAMES.get(asset, asset), "asset_id": str(index + 1)}
            yield "exchange_asset_info", info, 1
            if self.exchange == "btcturk":
                yield "exchange_locked_orders_balance", labels, orders
                yield "exchange_locked_withdrawals_balance", labels, withdrawals
                updated = self.last_success - rng.randrange(20)
                yield "exchange_balance_updated_timestamp_seconds", labels, updated


def ago(hours: float) -> int:
    """Return the time so many hours before the end, on a whole step."""
    return END - int(hours * HOUR) // MINUTE * MINUTE


def few_accounts(scenario: str) -> list[Account]:
    """Return five accounts on two exchanges; last night one of them was away for half an hour."""
    night = (ago(5.2), ago(4.7), "timeout")
    trouble: dict[str, tuple[int, int, str]] = {}
    if scenario == "account_down":
        trouble = {"payments-mx": (ago(0.8), END + 1, "connection")}
    if scenario == "exchange_down":
        down = (ago(0.7), END + 1, "unavailable")
        trouble = dict.fromkeys(("treasury-tr", "market-making", "payouts-tr"), down)
    if scenario == "authentication":
        trouble = {"treasury-tr": (ago(3), END + 1, "authentication")}

    low = 4_500_000 if scenario == "authentication" else 2_500_000

    def outages(name: str, *usual: tuple[int, int, str]) -> tuple[tuple[int, int, str], ...]:
        return (*usual, *([trouble[name]] if name in trouble else []))

    return [
        Account(
            "btcturk",
            "treasury-tr",
            {
                "TRY": 48_213_977.25,
                "BTC": 12.40518231,
                "ETH": 185.2291,
                "USDT": 1_284_500.1875,
                "AVAX": 5_120.75,
                "SHIB": 912_345_678.5,
                "XRP": 0.0,
            },
            outages=outages("treasury-tr"),
            thresholds={("BTC", "free_min"): 1.5, ("TRY", "total_max"): 60_000_000},
            moves={ago(9): ("BTC", -2.5)},
        ),
        Account(
            "btcturk",
            "market-making",
            {"TRY": 6_402_118.4, "BTC": 3.20771, "ETH": 41.5, "USDT": 402_331.25, "SOL": 1_204.5},
            outages=outages("market-making"),
            thresholds={("TRY", "free_min"): 2_000_000},
            moves={ago(14): ("USDT", 150_000)},
        ),
        Account(
            "btcturk",
            "payouts-tr",
            {"TRY": 3_118_402.07, "USDT": 50_120.5, "BTC": 0.00000042},
            outages=outages("payouts-tr"),
            thresholds={("TRY", "free_min"): low},
            moves={ago(17): ("TRY", 1_500_000), ago(2): ("TRY", -650_000)},
        ),
        Account(
            "trubit",
            "payments-mx",
            {"MXN": 9_412_040.33, "USDT": 210_400.5, "USDC": 88_000.0},
            outages=outages("payments-mx", night),
            thresholds={("MXN", "free_min"): 1_000_000},
            moves={ago(11): ("MXN", -1_200_000)},
        ),
        Account(
            "trubit",
            "treasury-mx",
            {"MXN": 21_774_301.9, "BTC": 1.75, "USDT": 640_000.0, "USDC": 310_250.5},
            outages=outages("treasury-mx"),
            rejected=int(scenario == "incomplete"),
            thresholds={("USDC", "total_min"): 250_000},
        ),
    ]


def many_accounts() -> list[Account]:
    """Return 500 accounts with two assets each; three of them fail."""
    outage = (ago(1.5), END + 1, "rate_limited")
    return [
        Account(
            "btcturk" if index % 4 else "trubit",
            f"client-{index:03}",
            {"USDT": 1_000.0 + 37.5 * index, "BTC": 0.001 * (index % 7)},
            interval=190 if index % 4 else 125,
            outages=(outage,) if index in {41, 42, 237} else (),
            reasons=("authentication", "rate_limited", "timeout"),
        )
        for index in range(500)
    ]


def exporter_samples(time: int, step: int, series: int, rng: random.Random) -> Iterator[Sample]:
    """Return the exporter's own metrics."""
    ran = time - ago(HOURS)
    build = {"version": "1.0.0", "revision": "4c1f0a2", "python_version": "3.13.1"}
    python = {"implementation": "CPython", "major": "3", "minor": "13", "patchlevel": "1"}
    yield "exchange_exporter_build_info", build, 1
    yield "python_info", {**python, "version": "3.13.1"}, 1
    yield "exchange_exporter_config_last_reload_successful", {}, 1
    yield "exchange_exporter_config_last_reload_success_timestamp_seconds", {}, ago(HOURS)
    yield "exchange_exporter_series", {}, series
    yield "exchange_exporter_event_loop_lag_seconds", {}, round(rng.uniform(0.0009, 0.0012), 5)
    for level, rate in (("debug", 0), ("info", 0.4), ("warning", 0.05), ("error", 0)):
        count = int(ran / HOUR * rate)
        yield "exchange_exporter_log_messages_total", {"level": level}, count
    yield "process_start_time_seconds", {}, ago(HOURS) - 30
    yield "process_cpu_seconds_total", {}, round(ran * 0.004 + rng.uniform(0, step * 0.001), 2)
    yield "process_resident_memory_bytes", {}, 39e6 + 4e5 * rng.random() + 900 * series
    yield "process_virtual_memory_bytes", {}, 210e6
    yield "process_open_fds", {}, 14 + rng.randrange(4)
    yield "process_max_fds", {}, 1024
    for generation, every in (("0", 40), ("1", 400), ("2", 4000)):
        labels = {"generation": generation}
        yield "python_gc_collections_total", labels, round(ran / every, 2)
        yield "python_gc_objects_collected_total", labels, ran // every * 12
        yield "python_gc_objects_uncollectable_total", labels, 0


def scrape_samples(series: int, rng: random.Random) -> Iterator[Sample]:
    """Return what Prometheus adds about a scrape that worked."""
    yield "scrape_duration_seconds", {}, round(0.002 + series * 2e-7 + rng.random() * 0.0003, 5)
    yield "scrape_samples_scraped", {}, series
    yield "scrape_samples_post_metric_relabeling", {}, series


def history(scenario: str, step: int) -> Iterator[tuple[str, Labels, float, int]]:
    """Return every sample of a scenario with its time."""
    rng = random.Random(scenario)
    accounts = {"empty": [], "many": many_accounts()}.get(scenario, few_accounts(scenario))
    for time in range(ago(HOURS), END + 1, step):
        if scenario == "exporter_down" and time >= ago(0.5):
            yield "up", TARGET, 0, time
            continue
        for account in accounts:
            account.live(time, step, rng)
        exposed = [s for account in accounts for s in account.samples(time, rng)]
        own = list(exporter_samples(time, step, len(exposed) + 45, rng))
        scraped = scrape_samples(len(exposed) + 45, rng)
        samples = (("up", {}, 1), *exposed, *own, *scraped)
        for name, labels, value in samples:
            yield name, {**TARGET, **labels}, value, time
        if scenario == "pair" and time < ago(0.5):
            for name, labels, value in samples:
                yield name, {**TWIN, **labels}, value, time
        elif scenario == "pair":
            yield "up", TWIN, 0, time


def openmetrics(scenario: str, step: int) -> Iterator[str]:
    """Return the lines of a scenario's OpenMetrics text, one family after the other."""
    families: dict[str, list[str]] = {}
    for name, labels, value, time in history(scenario, step):
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        families.setdefault(name, []).append(f"{name}{{{text}}} {value!r} {time}\n")
    for lines in families.values():
        yield from lines
    yield "# EOF\n"


def build(scenario: str, directory: Path, step: int = MINUTE) -> None:
    """Fill a Prometheus data directory with a scenario's history, a scrape each `step` seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om", encoding="utf-8") as text:
        text.writelines(openmetrics(scenario, step))
        text.flush()
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", text.name]
        subprocess.run([*command, str(directory)], check=True, capture_output=True)


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]), 4 * MINUTE if sys.argv[1] == "many" else MINUTE)
