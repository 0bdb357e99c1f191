"""Play the metrics of the exporter itself, of the APIs and of prices."""

import random
from collections.abc import Iterator, Sequence

from tests.dashboards.play import END, HOUR, HOURS, Account, Labels, Sample, ago

UPGRADE = END - 5 * 24 * HOUR
"""When version 1.1.0 was deployed, in a month."""


def exporter_samples(time: int, step: int, series: int, rng: random.Random) -> Iterator[Sample]:
    """Return the exporter's own metrics."""
    began = UPGRADE if time >= UPGRADE else 0
    began = max(began, ago(HOURS)) if time >= ago(HOURS) else began or END - 30 * 24 * HOUR
    ran = time - began
    version = "1.1.0" if time >= UPGRADE else "1.0.0"
    build = {"version": version, "revision": "4c1f0a2", "python_version": "3.13.1"}
    python = {"implementation": "CPython", "major": "3", "minor": "13", "patchlevel": "1"}
    yield "exchange_exporter_build_info", build, 1
    yield "python_info", {**python, "version": "3.13.1"}, 1
    yield "exchange_exporter_config_last_reload_successful", {}, 1
    yield "exchange_exporter_config_last_reload_success_timestamp_seconds", {}, began
    yield "exchange_exporter_series", {}, series
    yield "exchange_exporter_event_loop_lag_seconds", {}, round(rng.uniform(0.0009, 0.0012), 5)
    for level, rate in (("debug", 0), ("info", 0.4), ("warning", 0.05), ("error", 0)):
        count = int(ran / HOUR * rate)
        yield "exchange_exporter_log_messages_total", {"level": level}, count
    yield "process_start_time_seconds", {}, began - 30
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


HOSTS = {"btcturk": "api.btcturk.com", "trubit": "api-business.trubit.com"}
BUCKETS = ((0.1, 0.02), (0.25, 0.7), (0.5, 0.95), (1.0, 0.99), (float("inf"), 1.0))
"""Upper bounds of durations, and the share of requests below."""


def api_samples(time: int, accounts: Sequence[Account]) -> Iterator[Sample]:
    """Return the metrics of the exchanges' APIs: every poll is one request."""
    for exchange, host in HOSTS.items():
        ours = [account for account in accounts if account.exchange == exchange]
        polls = sum(account.polls for account in ours)
        failed = sum(sum(account.failures.values()) for account in ours)
        api = {"exchange": exchange, "host": host, "egress": ""}
        call = {**api, "call": "balances"}
        for code, requests in (("200", polls - failed), ("503", failed)):
            yield "exchange_api_requests_total", {**call, "code": code}, requests // 1
        for bound, part in BUCKETS:
            le = "+Inf" if bound == float("inf") else f"{bound:g}"
            name = "exchange_api_request_duration_seconds_bucket"
            yield name, {**call, "le": le}, polls * part // 1
        limit = {**api, "limit": "private", "account": ""}
        yield "exchange_api_rate_limit_requests_per_minute", limit, 120
        paused = time + 40 if failed and time > END - HOUR else 0
        yield "exchange_api_paused_until_timestamp_seconds", limit, paused


IN_USDT = {
    "BTC": 98_000.0,
    "ETH": 3_400.0,
    "USDT": 1.0,
    "USDC": 0.9997,
    "TRY": 1 / 34.5,
    "MXN": 1 / 20.4,
    "AVAX": 35.0,
    "XRP": 1.1,
    "SHIB": 0.0000248,
    "SOL": 240.0,
}
CURRENCIES = ("TRY", "USDT")


def price_of(asset: str, currency: str, time: int) -> float:
    """Return what one unit brings; prices but those of currencies rise and fall by the hour."""
    wave = 1.0 if asset in {"TRY", "MXN", "USDT"} else 1 + 0.01 * ((time // HOUR * 7 % 11) - 5) / 5
    return round(IN_USDT[asset] * wave / IN_USDT[currency], 10)


def price_samples(
    time: int, accounts: Sequence[Account], unpriced: frozenset[str]
) -> Iterator[Sample]:
    """Return prices, their sources and the values of accounts."""
    for rank, currency in enumerate(CURRENCIES, start=1):
        yield "exchange_reference_currency", {"currency": currency}, rank
        held = {(one.exchange, asset) for one in accounts for asset in one.holdings}
        for exchange, asset in sorted(held):
            if asset not in unpriced:
                yield from _price(exchange, asset, currency, time)
        for account in accounts:
            yield from _value(account, currency, time, unpriced)
    for source in ("btcturk", "trubit:payments-mx"):
        labels = {"source": source}
        yield "exchange_price_source_up", labels, 1
        yield "exchange_price_source_last_success_timestamp_seconds", labels, time - 20
        yield "exchange_price_source_stale_after_seconds", labels, 300
        yield "exchange_price_source_quotes", labels, 364
        refused = {**labels, "reason": "one_sided"}
        yield "exchange_price_source_refused_quotes", refused, 1
        yield "exchange_price_source_failures_total", {**labels, "reason": "timeout"}, 0


def _price(exchange: str, asset: str, currency: str, time: int) -> Iterator[Sample]:
    labels: Labels = {"exchange": exchange, "asset": asset, "currency": currency}
    route = asset if asset == currency else f"{asset}>{currency}"
    if currency == "TRY" and asset not in {"TRY", "USDT", "BTC"}:
        route = f"{asset}>USDT>TRY"
    yield "exchange_asset_price", labels, price_of(asset, currency, time)
    info = {**labels, "source": "btcturk", "route": route, "assumed": ""}
    yield "exchange_asset_price_info", info, 1
    yield "exchange_asset_price_updated_timestamp_seconds", labels, time - 25


def _value(
    account: Account, currency: str, time: int, unpriced: frozenset[str]
) -> Iterator[Sample]:
    if time - account.last_success >= account.stale_after:
        return
    labels = {**account.labels, "currency": currency}
    held = {asset: amount for asset, amount in account.holdings.items() if amount}
    without = unpriced & set(held)
    yield "exchange_account_valued_assets", labels, len(held) - len(without)
    yield "exchange_account_unpriced_assets", labels, len(without)
    if not without and not account.rejected:
        value = sum(held[asset] * price_of(asset, currency, time) for asset in held)
        yield "exchange_account_value", labels, round(value, 8)
