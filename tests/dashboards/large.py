"""Make the metrics of many accounts with many assets, to measure how fast the dashboards are.

A whole day is played for all that a dashboard draws over time: accounts, recorded sums, prices and
the balances of one asset. Other balances are there now and a day ago.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.dashboards.history import IMPORT
from tests.dashboards.own import HOSTS
from tests.dashboards.play import END, HOUR, MINUTE, REASONS, TARGET, Labels
from tests.dashboards.recorded import (
    BOUNDED,
    CHANGE,
    COUNTED,
    FAILURE_RATE,
    FAILURES_OF_AN_HOUR,
    HELD,
    KINDS,
    LAST_SEEN,
    MOVED,
    OUTAGE,
    STATE,
)

EXCHANGES = tuple(HOSTS)
CURRENCIES = ("TRY", "USDT")
RULES = "all:exchange_account_left_out:count"
Series = tuple[str, Labels, float]
"""A name, labels and the value at the end; counters rise to it, gauges stay at it."""

FIGURES = {
    "up": 1,
    "complete": 1,
    "last_success_timestamp_seconds": END - 30,
    "poll_duration_seconds": 0.2,
    "poll_interval_seconds": 60,
    "stale_after_seconds": 190,
    "assets": 300,
    "inconsistent_assets": 0,
    "negative_assets": 0,
    "rejected_assets": 0,
    "clock_offset_seconds": 0.02,
    "polls_total": 1440,
    "next_poll_timestamp_seconds": END + 30,
    "in_totals": 1,
}
OWN = {
    "up": 1,
    "scrape_duration_seconds": 1.5,
    "scrape_samples_scraped": 780_000,
    "exchange_exporter_config_last_reload_successful": 1,
    "exchange_exporter_config_last_reload_success_timestamp_seconds": END - 2 * 24 * HOUR,
    "exchange_exporter_series": 780_000,
    "exchange_exporter_event_loop_lag_seconds": 0.01,
    "process_start_time_seconds": END - 2 * 24 * HOUR,
    "process_cpu_seconds_total": 4000,
    "process_resident_memory_bytes": 5e8,
    "process_open_fds": 40,
    "process_max_fds": 1024,
}


@dataclass(frozen=True, slots=True)
class Size:
    """Say how many accounts and assets there are, and how often they are scraped."""

    accounts: int
    assets: int
    step: int = MINUTE

    @property
    def day(self) -> range:
        """Return the times of a day and an hour."""
        return range(END - 25 * HOUR, END + 1, self.step)

    @property
    def ends(self) -> list[int]:
        """Return the last minutes of the day, and those of the day before."""
        return [
            time
            for end in (END - 24 * HOUR, END)
            for time in range(end - 20 * MINUTE, end + 1, self.step)
        ]

    @property
    def names(self) -> list[Labels]:
        """Return the labels of all accounts; the first is missing since an hour."""
        return [
            {"exchange": EXCHANGES[index % 2], "account": f"client-{index:03}"}
            for index in range(self.accounts)
        ]

    @property
    def codes(self) -> list[str]:
        """Return the codes of all assets; one in ten is held."""
        return ["USDT", "TRY", "BTC", *(f"C{index:03}" for index in range(3, self.assets))]


def over_the_day(size: Size) -> Iterator[Series]:
    """Return what is scraped or recorded all day."""
    build = {"version": "1.1.0", "revision": "4c1f0a2", "python_version": "3.13.1"}
    yield "exchange_exporter_build_info", TARGET | build, 1
    for name, value in OWN.items():
        yield name, TARGET, value
    for account in size.names:
        yield from _account(account)
    for exchange, host in HOSTS.items():
        api = TARGET | {"exchange": exchange, "host": host, "egress": "", "call": "balances"}
        yield "exchange_api_requests_total", api | {"code": "200"}, 720 * size.accounts
        for bound in ("0.1", "0.5", "+Inf"):
            labels = api | {"le": bound}
            yield "exchange_api_request_duration_seconds_bucket", labels, 720 * size.accounts
        yield OUTAGE, {"exchange": exchange}, 0
        yield "exchange:exchange_account_counted:count", {"exchange": exchange}, size.accounts / 2
        for reason in REASONS:
            yield FAILURE_RATE, {"exchange": exchange, "reason": reason}, 0.01
    for asset in size.codes:
        yield from _asset(asset, size)
    for currency in CURRENCIES:
        for kind in ("value:sum_known", "value:sum", "valued:sum"):
            yield f"currency:exchange_account_{kind}", {"currency": currency}, size.accounts
    yield RULES, {}, 0
    yield "all:exchange_account_counted:count", {}, size.accounts
    for rank, currency in enumerate(CURRENCIES, start=1):
        yield "exchange_reference_currency", TARGET | {"currency": currency}, rank


def _account(account: Labels) -> Iterator[Series]:
    for name, value in FIGURES.items():
        yield f"exchange_account_{name}", TARGET | account, value
    for reason in REASONS:
        labels = TARGET | account | {"reason": reason}
        yield "exchange_account_poll_failures_total", labels, 3
    for currency in CURRENCIES:
        yield "exchange_account_value", TARGET | account | {"currency": currency}, 1e6
    yield MOVED, account | {"currency": "TRY"}, 0
    yield STATE, account, 0
    yield COUNTED, account, 1
    yield f"instance_{COUNTED}", TARGET | account, 1
    for kind in KINDS:
        yield f"exchange_{kind}_balance", TARGET | account | {"asset": "USDT"}, 1000


def _asset(asset: str, size: Size) -> Iterator[Series]:
    held = 1000.0 * size.accounts
    for exchange in EXCHANGES:
        for kind in KINDS:
            labels = {"exchange": exchange, "asset": asset}
            yield f"exchange_asset:exchange_{kind}_balance:sum_known", labels, held / 2
        yield "exchange_asset:exchange_total_balance:sum", labels, held / 2
        yield CHANGE, labels, 0
        for currency in CURRENCIES:
            price = TARGET | labels | {"currency": currency}
            yield "exchange_asset_price", price, 2
    for kind in KINDS:
        yield f"asset:exchange_{kind}_balance:sum", {"asset": asset}, held
        yield f"asset:exchange_{kind}_balance:sum_known", {"asset": asset}, held


def at_the_ends(size: Size) -> Iterator[Series]:
    """Return what is needed now and a day ago."""
    for number, account in enumerate(size.names):
        for index, asset in enumerate(size.codes):
            labels = account | {"asset": asset}
            held = 1000.0 if not (index + number) % 10 else 0.0
            if asset != "USDT":
                for kind in KINDS:
                    yield f"exchange_{kind}_balance", TARGET | labels, held
            if held:
                yield HELD, labels, held
        for bound in ("free_min", "total_max"):
            labels = account | {"asset": "TRY", "bound": bound}
            yield "exchange_balance_threshold", TARGET | labels, 500
            yield BOUNDED, labels, 1000
        yield FAILURES_OF_AN_HOUR, account | {"reason": "timeout"}, 3
    yield LAST_SEEN, size.names[0] | {"asset": "USDT"}, 1000


def lines(size: Size) -> Iterator[str]:
    """Return the OpenMetrics text of all series."""
    for series, times in ((over_the_day(size), size.day), (at_the_ends(size), size.ends)):
        for name, labels, value in series:
            text = ",".join(f'{key}="{each}"' for key, each in labels.items())
            begin = size.day.start
            for time in times:
                rise = (time - begin) / (END - begin) if name.endswith(("_total", "bucket")) else 1
                yield f"{name}{{{text}}} {value * rise:g} {time}\n"
    yield "# EOF\n"


def build(size: Size, directory: Path) -> None:
    """Fill a Prometheus data directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om", encoding="utf-8") as text:
        text.writelines(lines(size))
        text.flush()
        subprocess.run(
            [*IMPORT, "openmetrics", "--quiet", text.name, str(directory)],
            check=True,
            capture_output=True,
        )
