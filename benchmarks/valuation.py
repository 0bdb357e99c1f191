"""Measure what valuation costs, beside what a poll costs in the same run.

    python -m benchmarks.valuation

The baseline is reading one BtcTurk response of 300 assets, which every poll does.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from benchmarks.report import table
from exporter.exchanges import btcturk
from exporter.exposition.families import Format
from exporter.exposition.pages import PageRenderer, read_held
from exporter.exposition.price_metrics import PricePage
from exporter.model import Account, AccountKey, Amount, Balance, BalancesResponse
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.prices.book import Book, Moment, QuoteLimits, updated_book
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.valuations import SourceState, Valuations

ASSETS, HELD, ACCOUNTS = 190, 20, 1_000
NOW = Moment(0.0, 1_700_000_000.0)
LIMITS = QuoteLimits("bid", 300.0, 3600.0, Decimal("0.05"))
CURRENCIES = ("TRY", "USDT")


def main() -> None:
    """Print the table."""
    ticker, balances = _ticker(), _balances()
    baseline = _best(lambda: btcturk.parse_balances(balances))
    quotes = btcturk.parse_ticker(ticker)
    book = updated_book(Book(), quotes, NOW, LIMITS)
    store = _store()
    rows = [
        ("reading a ticker of 380 rows", _best(lambda: btcturk.parse_ticker(ticker))),
        ("judging its quotes", _best(lambda: updated_book(book, quotes, NOW, LIMITS))),
        ("prices and values of 1,000 accounts x 20 held, 2 currencies, all new", _all(store, book)),
        ("the same after a new ticker", _new_ticker(store, book)),
        ("the same after one account was polled", _one(store, book)),
        ("rendering prices and values for /metrics", _rendering(store, book)),
    ]
    print(f"baseline: reading a response of 300 assets takes {baseline * 1e3:.2f} ms\n")
    table(("what", "ms", "times the baseline"), [_row(*row, baseline) for row in rows])


def _row(what: str, seconds: float, baseline: float) -> tuple[str, ...]:
    return what, f"{seconds * 1e3:.2f}", f"{seconds / baseline:.1f}"


def _best(measured: Callable[[], object], times: int = 7) -> float:
    """Return the shortest of several runs in seconds; longer ones include other programs."""
    durations = []
    for _ in range(times):
        began = time.perf_counter()
        measured()
        durations.append(time.perf_counter() - began)
    return min(durations)


def _all(store: SnapshotStore, book: Book) -> float:
    def measured() -> None:
        _valuations(book).worth(store.states, NOW.monotonic)

    return _best(measured)


def _one(store: SnapshotStore, book: Book) -> float:
    valuations = _valuations(book)
    valuations.worth(store.states, NOW.monotonic)
    durations = []
    for number in range(7):
        _record(store, number)
        began = time.perf_counter()
        valuations.worth(store.states, NOW.monotonic)
        durations.append(time.perf_counter() - began)
    return min(durations)


def _new_ticker(store: SnapshotStore, book: Book) -> float:
    valuations = _valuations(book)
    valuations.worth(store.states, NOW.monotonic)
    durations = []
    for number in range(7):
        changed = {
            pair: rate._replace(sell=rate.sell + number + 1) for pair, rate in book.rates.items()
        }
        [state] = valuations.sources.values()
        valuations.publish(replace(state, book=replace(book, rates=changed)))
        began = time.perf_counter()
        valuations.worth(store.states, NOW.monotonic)
        durations.append(time.perf_counter() - began)
    return min(durations)


def _rendering(store: SnapshotStore, book: Book) -> float:
    valuations = _valuations(book)
    valuations.worth(store.states, NOW.monotonic)

    def measured() -> None:
        PricePage(lambda: valuations).block(Format.TEXT, store.states, NOW.monotonic)

    return _best(measured)


def _valuations(book: Book) -> Valuations:
    source = PriceSource("btcturk", "https://api.btcturk.com")
    valuations = Valuations(Valuation(CURRENCIES, (source,)), read_held)
    valuations.publish(SourceState(source, book, up=True))
    return valuations


def _store() -> SnapshotStore:
    store = SnapshotStore(PageRenderer())
    accounts = [
        Account(f"account-{number}", "btcturk", "https://api.btcturk.com", "/", {})
        for number in range(ACCOUNTS)
    ]
    store.configure({a.key: PollSchedule(a, 60.0, 180.0) for a in accounts}, NOW.monotonic)
    for number in range(ACCOUNTS):
        _record(store, number)
    return store


def _record(store: SnapshotStore, number: int) -> None:
    balances = tuple(
        Balance(f"A{asset:03d}", amount, amount, Amount("0"))
        for asset in range(ASSETS)
        for amount in (Amount(f"{number + 1}.{asset:03d}" if asset < HELD else "0"),)
    )
    result = PollResult(NOW.monotonic, NOW.exchange_time, 0.1, BalancesResponse(balances))
    store.record(AccountKey("btcturk", f"account-{number}"), result, 0.0)


def _ticker() -> bytes:
    rows = ",".join(
        f'{{"pair":"A{asset:03d}{currency}","pairNormalized":"A{asset:03d}_{currency}",'
        f'"timestamp":{int(NOW.exchange_time * 1000)},"last":30370.28,"high":30648.56,'
        f'"low":29928.4,"bid":30351.09,"ask":30366.22,"open":30591.48,"volume":23.38654925,'
        f'"average":30382.75,"daily":-225.26,"dailyPercent":-0.72,'
        f'"denominatorSymbol":"{currency}","numeratorSymbol":"A{asset:03d}","order":{asset}}}'
        for asset in range(ASSETS)
        for currency in CURRENCIES
    )
    return f'{{"data":[{rows}],"success":true,"message":null,"code":0}}'.encode()


def _balances() -> bytes:
    rows = ",".join(
        f'{{"asset":"A{asset:03d}","assetname":"Asset {asset}","balance":"1{asset}.125",'
        f'"locked":"0","free":"1{asset}.125","orderFund":"0","requestFund":"0","precision":8}}'
        for asset in range(300)
    )
    return f'{{"data":[{rows}],"success":true,"message":null,"code":0}}'.encode()


if __name__ == "__main__":
    main()
