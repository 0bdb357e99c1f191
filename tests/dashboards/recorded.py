"""Record what the rules record, so that a history needs no rules to be evaluated over it.

`test_recorded.py` compares it with the rules themselves.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

Labels = dict[str, str]
Sample = tuple[str, Labels, float]
Key = tuple[str, ...]

DAY, WEEK = 86_400, 7 * 86_400
STATE = "exchange_account:exchange_account_outage:state"
COUNTED = "exchange_account:exchange_account_counted:bool"
LEFT_OUT = "exchange_account:exchange_account_left_out:bool"
OUTAGE = "exchange:exchange_account_outage:max"
HELD = "exchange_account_asset:exchange_total_balance:held"
LAST_SEEN = "exchange_account_asset:exchange_total_balance:last_seen"
SEEN = "exchange_account:exchange_account_last_seen:timestamp"
BOUNDED = "exchange_account_asset_bound:exchange_balance:bounded"
KINDS = ("total", "free", "locked")
MOVED = "exchange_account_currency:exchange_account_value:moved"
CHANGE = "exchange_asset:exchange_total_balance:change1d"
FAILURES_OF_AN_HOUR = "exchange_account_reason:exchange_account_poll_failures:increase1h"
FAILURE_RATE = "exchange_reason:exchange_account_poll_failures:rate5m"
RECORDS = (
    STATE,
    COUNTED,
    LEFT_OUT,
    f"instance_{COUNTED}",
    OUTAGE,
    "all:exchange_account_left_out:count",
    "all:exchange_account_counted:count",
    "exchange:exchange_account_counted:count",
    HELD,
    CHANGE,
    MOVED,
    *(
        f"{level}:exchange_account_{what}"
        for level in ("currency", "exchange_currency")
        for what in ("value:sum_known", "value:sum", "valued:sum")
    ),
    LAST_SEEN,
    SEEN,
    BOUNDED,
    *(f"exchange_asset:exchange_{kind}_balance:sum_known" for kind in KINDS),
    *(f"asset:exchange_{kind}_balance:sum" for kind in KINDS),
    *(f"asset:exchange_{kind}_balance:sum_known" for kind in KINDS),
    "exchange_asset:exchange_total_balance:sum",
)
"""The records that the dashboards read."""


class Past:
    """Keep what rules compare with the present."""

    def __init__(
        self, now: "Instant", counted: Mapping[Key, float], states: Mapping[Key, float]
    ) -> None:
        self.held = {k: v for k, v in now.highest("exchange_total_balance").items() if v}
        self.there = {key for key, state in states.items() if not state}
        self.currency = now.first_currency
        self.counted = {key for key, value in counted.items() if value}
        self.prices = {
            key: price
            for key, price in now.highest("exchange_asset_price").items()
            if key[2] == now.first_currency
        }
        self.failures = now.highest("exchange_account_poll_failures_total")


@dataclass(slots=True)
class Recorder:
    """Remember what rules that look back need."""

    seen: dict[Key, int] = field(default_factory=dict)
    last: dict[Key, float] = field(default_factory=dict)
    last_time: dict[Key, float] = field(default_factory=dict)
    left_out: set[Key] = field(default_factory=set)
    past: dict[int, Past] = field(default_factory=dict)

    def record(self, samples: Iterable[Sample], time: int) -> Iterator[Sample]:
        """Return the recorded series of one evaluation."""
        now = Instant(samples)
        states = self._states(now, time)
        self.left_out |= {key[1:] for key, kept in now.of("exchange_account_in_totals") if not kept}
        left_out = self.left_out & set(states)
        counted = {key: float(not state) for key, state in states.items() if key not in left_out}
        yield from _each(STATE, ("exchange", "account"), states)
        yield from _each(COUNTED, ("exchange", "account"), counted)
        yield from _each(LEFT_OUT, ("exchange", "account"), dict.fromkeys(left_out, 1.0))
        worst: dict[Key, float] = defaultdict(float)
        for key in counted:
            worst[key[:1]] = max(worst[key[:1]], states[key])
        yield from _each(OUTAGE, ("exchange",), worst)
        yield "all:exchange_account_left_out:count", {}, len(left_out)
        accounts = _sum(dict.fromkeys(counted, 1.0), (0,))
        yield from _each("exchange:exchange_account_counted:count", ("exchange",), accounts)
        if counted:
            yield "all:exchange_account_counted:count", {}, len(counted)
        sources = now.sources(set(counted))
        for key in sources:
            labels = {
                "job": "exchange-balances",
                **_labels(("instance", "exchange", "account"), key),
            }
            yield f"instance_{COUNTED}", labels, 1
        yield from self._sums(now, sources, counted)
        yield from self._per_account(now, counted)
        yield from _worth(now, counted)
        yield from self._since(Past(now, counted, states), time)

    def _states(self, now: "Instant", time: int) -> dict[Key, float]:
        """Return the state of each account that an exporter lists, or listed and is down."""
        served = now.states()
        for instance, *account in served:
            self.seen[(instance, *account)] = time
        for key in list(self.seen):
            up = now.up.get(key[0])
            gone = up == 1 and key not in served
            if gone or time - self.seen[key] > (WEEK if up == 0 else DAY):
                del self.seen[key]
        best: dict[Key, float] = dict.fromkeys((key[1:] for key in self.seen), 3.0)
        for key, state in served.items():
            best[key[1:]] = min(best[key[1:]], state)
        return best

    def _sums(
        self, now: "Instant", sources: set[Key], counted: Mapping[Key, float]
    ) -> Iterator[Sample]:
        for kind in KINDS:
            metric = f"exchange_{kind}_balance"
            balances = {k: v for k, v in now.of(metric) if k[:3] in sources}
            each = _without_instance(balances.items())
            by_exchange = _sum(each, (0, 2))
            by_asset = _sum(by_exchange, (1,))
            yield from _each(
                f"exchange_asset:{metric}:sum_known", ("exchange", "asset"), by_exchange
            )
            missing = {exchange for (exchange, _), value in counted.items() if not value}
            if not missing:
                yield from _each(f"asset:{metric}:sum", ("asset",), by_asset)
            yield from _each(f"asset:{metric}:sum_known", ("asset",), by_asset)
            if kind == "total":
                whole = {k: v for k, v in by_exchange.items() if k[0] not in missing}
                yield from _each(f"exchange_asset:{metric}:sum", ("exchange", "asset"), whole)

    def _per_account(self, now: "Instant", counted: Mapping[Key, float]) -> Iterator[Sample]:
        """Return what is held, what was seen last, and what thresholds bound."""
        labels = ("exchange", "account", "asset")
        balances = {kind: now.highest(f"exchange_{kind}_balance") for kind in KINDS}
        held = {key: value for key, value in balances["total"].items() if value}
        yield from _each(HELD, labels, held)
        missing = {key for key, value in counted.items() if not value}
        self.last = {k: v for k, v in (self.last | held).items() if k[:2] in counted}
        yield from _each(
            LAST_SEEN, labels, {k: v for k, v in self.last.items() if k[:2] in missing}
        )
        polled = now.highest("exchange_account_last_success_timestamp_seconds")
        self.last_time |= {key: value for key, value in polled.items() if value}
        seen = {key: value for key, value in self.last_time.items() if key in missing}
        yield from _each(SEEN, ("exchange", "account"), seen)
        for key in now.highest("exchange_balance_threshold"):
            value = balances[key[3].split("_")[0]].get(key[:3])
            if value is not None:
                yield BOUNDED, _labels((*labels, "bound"), key), value

    def _since(self, now: Past, time: int) -> Iterator[Sample]:
        """Return what changed since earlier; increases are not extrapolated, as Prometheus does."""
        self.past[time] = now
        if day := self.past.get(time - DAY):
            kept = now.counted & day.counted
            ends = [(k, v) for k, v in now.held.items() if k[:2] in kept]
            ends += [(k, -v) for k, v in day.held.items() if k[:2] in kept]
            changes: dict[Key, float] = defaultdict(float)
            for (exchange, _, asset), value in ends:
                changes[exchange, asset] += value
            yield from _each(CHANGE, ("exchange", "asset"), changes)
        labels = ("exchange", "account", "reason")
        if hour := self.past.get(time - 3600):
            yield from self._moved(now, hour)
            grown = {k: v - hour.failures.get(k, v) for k, v in now.failures.items()}
            yield from _each(FAILURES_OF_AN_HOUR, labels, {k: v for k, v in grown.items() if v})
        if earlier := self.past.get(time - 240):
            rate = {k: (v - earlier.failures.get(k, v)) / 240 for k, v in now.failures.items()}
            yield from _each(FAILURE_RATE, ("exchange", "reason"), _sum(rate, (0, 2)))

    def _moved(self, now: Past, then: Past) -> Iterator[Sample]:
        """Return the value that moved in each account since an hour ago, at present prices."""
        priced = {(where, asset): price for (where, asset, _), price in now.prices.items()}
        for account in now.there & then.there if priced else ():
            keys = {key for key in (*now.held, *then.held) if key[:2] == account}
            changes = {key: now.held.get(key, 0) - then.held.get(key, 0) for key in keys}
            moved = {(key[0], key[2]): change for key, change in changes.items() if change}
            if not set(moved) - set(priced):
                value = sum(change * priced[key] for key, change in moved.items())
                labels = _labels(("exchange", "account"), account)
                yield MOVED, labels | {"currency": now.currency}, value


class Instant:
    """Index the samples of one scrape of all exporters by their labels."""

    ORDER = ("instance", "exchange", "account", "asset", "bound", "reason", "currency")

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._of: dict[str, list[tuple[Key, float]]] = defaultdict(list)
        for name, labels, value in samples:
            key = tuple(labels[label] for label in self.ORDER if label in labels)
            self._of[name].append((key, value))
        self.up = {key[0]: value for key, value in self._of["up"]}

    def of(self, name: str) -> list[tuple[Key, float]]:
        """Return the series of a metric, each as its labels' values, instance first."""
        return self._of[name]

    def highest(self, name: str) -> dict[Key, float]:
        """Return the series of a metric without the instance."""
        return _without_instance(self._of[name])

    @property
    def first_currency(self) -> str:
        """Return the currency that is configured first."""
        ranks = [(rank, key[-1]) for key, rank in self.of("exchange_reference_currency")]
        return min(ranks, default=(0, ""))[1]

    def states(self) -> dict[Key, float]:
        """Return the state of each account as each exporter sees it."""
        rejected = dict(self.of("exchange_account_rejected_assets"))
        return {
            key: 0.0 if complete else 1.0 if rejected.get(key) else 2.0
            for key, complete in self.of("exchange_account_complete")
        }

    def sources(self, counted: set[Key]) -> set[Key]:
        """Return the exporter of each counted account: complete, and with the newest poll."""
        complete = {key for key, value in self.of("exchange_account_complete") if value}
        polled = dict(self.of("exchange_account_last_success_timestamp_seconds"))
        newest: dict[Key, float] = {}
        for key in complete:
            newest[key[1:]] = max(polled[key], newest.get(key[1:], 0))
        return {k for k in complete if polled[k] >= newest[k[1:]] and k[1:] in counted}


def _worth(now: Instant, counted: Mapping[Key, float]) -> Iterator[Sample]:
    """Return the sums of values, by exchange and over all."""
    values = {k: v for k, v in now.highest("exchange_account_value").items() if counted.get(k[:2])}
    for level, keep in (("exchange_currency", (0, 2)), ("currency", (2,))):
        known, valued = _sum(values, keep), _sum(dict.fromkeys(values, 1.0), keep)
        labels = tuple(level.split("_"))
        name = f"{level}:exchange_account_value"
        yield from _each(f"{name}:sum_known", labels, known)
        yield from _each(f"{name}d:sum", labels, valued)
        everyone = {
            key: sum(1 for exchange, _ in counted if level == "currency" or exchange == key[0])
            for key in known
        }
        whole = {key: value for key, value in known.items() if valued[key] == everyone[key]}
        yield from _each(f"{name}:sum", labels, whole)


def _labels(names: tuple[str, ...], values: Key) -> Labels:
    return dict(zip(names, values, strict=True))


def _each(name: str, labels: tuple[str, ...], values: Mapping[Key, float]) -> Iterator[Sample]:
    for key, value in values.items():
        yield name, _labels(labels, key), value


def _without_instance(series: Iterable[tuple[Key, float]]) -> dict[Key, float]:
    found: dict[Key, float] = {}
    for (_, *labels), value in series:
        key = tuple(labels)
        found[key] = max(value, found.get(key, value))
    return found


def _sum(values: Mapping[Key, float], keep: tuple[int, ...]) -> dict[Key, float]:
    sums: dict[Key, float] = defaultdict(float)
    for key, value in values.items():
        sums[tuple(key[index] for index in keep)] += value
    return dict(sums)
