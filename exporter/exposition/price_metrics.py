"""Declare every metric of prices and values, each as one literal: name, kind, HELP, samples."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from exporter.exposition.deflate import EMPTY, Block, deflate
from exporter.exposition.families import Family, Format, Value, account_labels, escape
from exporter.model import AccountKey
from exporter.polling.snapshots import AccountState
from exporter.prices.valuations import Valuations, Worth
from exporter.prices.values import AccountValue, plain

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PriceView:
    """What the metrics of prices and values are made of, as of `now` (monotonic)."""

    valuations: Valuations
    worth: Worth
    states: Mapping[AccountKey, AccountState]
    now: float


Samples = Iterable[tuple[str, Value]]


@dataclass(frozen=True, slots=True, eq=False)
class PriceFamily(Family):
    """Add the samples: pairs of all labels, as text, and a value."""

    samples: Callable[[PriceView], Samples]
    labels: tuple[str, ...]


def _price_labels(exchange: str, asset: str, currency: str) -> str:
    return f'exchange="{escape(exchange)}",asset="{escape(asset)}",currency="{escape(currency)}"'


def _prices(view: PriceView) -> Samples:
    return [(_price_labels(*key), plain(price.value)) for key, price in view.worth.prices.items()]


def _price_info(view: PriceView) -> Samples:
    return [
        (
            (
                f'{_price_labels(*key)},source="{escape(",".join(price.sources))}",'
                f'route="{escape(">".join(price.route))}",assumed="{escape(",".join(price.assumed))}"'
            ),
            1,
        )
        for key, price in view.worth.prices.items()
    ]


def _price_updated(view: PriceView) -> Samples:
    return [
        (_price_labels(*key), f"{price.updated:.3f}")
        for key, price in view.worth.prices.items()
        if price.updated is not None
    ]


def _currencies(view: PriceView) -> Samples:
    return [
        (f'currency="{escape(currency)}"', number)
        for number, currency in enumerate(view.valuations.valuation.currencies, start=1)
    ]


def _of_account(value: Callable[[AccountValue], Value | None]) -> Callable[[PriceView], Samples]:
    """Return one sample for each account and currency, none if there is no value."""

    def samples(view: PriceView) -> Samples:
        return [
            (f'{account_labels(key)},currency="{escape(currency)}"', sample)
            for key, by_currency in view.worth.values.items()
            for currency, its in by_currency.items()
            if (sample := value(its)) is not None
        ]

    return samples


def _ignored(view: PriceView) -> Samples:
    first = view.valuations.valuation.currencies[0]
    return [(account_labels(key), its[first].ignored) for key, its in view.worth.values.items()]


def _value_thresholds(view: PriceView) -> Samples:
    return [
        (
            f'{account_labels(key)},currency="{escape(each.currency)}",bound="{each.bound}"',
            each.value,
        )
        for key, state in view.states.items()
        for each in state.schedule.account.value_thresholds
    ]


def _source_label(name: str) -> str:
    return f'source="{escape(name)}"'


def _source_up(view: PriceView) -> Samples:
    return [(_source_label(n), int(state.up)) for n, state in view.valuations.sources.items()]


def _source_last_success(view: PriceView) -> Samples:
    return [(_source_label(n), s.last_success) for n, s in view.valuations.sources.items()]


def _source_stale_after(view: PriceView) -> Samples:
    return [(_source_label(n), s.source.stale_after) for n, s in view.valuations.sources.items()]


def _source_quotes(view: PriceView) -> Samples:
    return [(_source_label(n), s.book.usable(view.now)) for n, s in view.valuations.sources.items()]


def _source_failures(view: PriceView) -> Samples:
    return [
        (f'{_source_label(name)},reason="{reason}"', count)
        for name, state in view.valuations.sources.items()
        for reason, count in state.failures.items()
    ]


def _refused_quotes(view: PriceView) -> Samples:
    return [
        (f'{_source_label(name)},reason="{reason}"', count)
        for name, state in view.valuations.sources.items()
        for reason, count in state.book.refused.items()
    ]


def _deviations(view: PriceView) -> Samples:
    return [
        (f'asset="{escape(asset)}",currency="{escape(currency)}"', plain(deviation))
        for (asset, currency), deviation in view.worth.deviations.items()
    ]


PRICES: tuple[PriceFamily, ...] = (
    PriceFamily(
        "exchange_asset_price",
        "gauge",
        "Price of one unit of the asset at the exchange, in units of the currency, from fresh "
        "quotes. Absent if a quote that it needs is missing, unusable or too old.",
        _prices,
        ("exchange", "asset", "currency"),
    ),
    PriceFamily(
        "exchange_asset_price_info",
        "gauge",
        "How the price is found: its sources, its route and what it assumes. Always 1.",
        _price_info,
        ("exchange", "asset", "currency", "source", "route", "assumed"),
    ),
    PriceFamily(
        "exchange_asset_price_updated_timestamp_seconds",
        "gauge",
        "Unix time of the oldest quote that the price uses, by the source's own clock.",
        _price_updated,
        ("exchange", "asset", "currency"),
    ),
    PriceFamily(
        "exchange_reference_currency",
        "gauge",
        "Reference currencies, numbered from 1 in the configured order.",
        _currencies,
        ("currency",),
    ),
    PriceFamily(
        "exchange_account_value",
        "gauge",
        "Value of all balances of the account in the currency, rounded once, half to even, to 8 "
        "decimals. Absent unless the balances are served and complete and every asset held has a "
        "price or is ignored.",
        _of_account(lambda its: None if its.value is None else plain(its.value)),
        ("exchange", "account", "currency"),
    ),
    PriceFamily(
        "exchange_account_valued_assets",
        "gauge",
        "Number of assets held that have a price. Absent while the balances are withdrawn.",
        _of_account(lambda its: its.valued),
        ("exchange", "account", "currency"),
    ),
    PriceFamily(
        "exchange_account_unpriced_assets",
        "gauge",
        "Number of assets held that have no price and are not ignored. Absent while the balances "
        "are withdrawn.",
        _of_account(lambda its: len(its.unpriced)),
        ("exchange", "account", "currency"),
    ),
    PriceFamily(
        "exchange_account_ignored_assets",
        "gauge",
        "Number of assets held that the configuration excludes from values.",
        _ignored,
        ("exchange", "account"),
    ),
    PriceFamily(
        "exchange_account_value_threshold",
        "gauge",
        "Configured bound of the account's value.",
        _value_thresholds,
        ("exchange", "account", "currency", "bound"),
    ),
    PriceFamily(
        "exchange_price_source_up",
        "gauge",
        "Whether the last request for quotes succeeded.",
        _source_up,
        ("source",),
    ),
    PriceFamily(
        "exchange_price_source_last_success_timestamp_seconds",
        "gauge",
        "Unix time at which the last successful request for quotes was sent. 0 before the first.",
        _source_last_success,
        ("source",),
    ),
    PriceFamily(
        "exchange_price_source_stale_after_seconds",
        "gauge",
        "Age at which the source's quotes are no longer used.",
        _source_stale_after,
        ("source",),
    ),
    PriceFamily(
        "exchange_price_source_quotes",
        "gauge",
        "Number of the source's quotes that may be used.",
        _source_quotes,
        ("source",),
    ),
    PriceFamily(
        "exchange_price_source_failures_total",
        "counter",
        "Total number of failed requests for quotes, by reason.",
        _source_failures,
        ("source", "reason"),
    ),
    PriceFamily(
        "exchange_price_source_refused_quotes",
        "gauge",
        "Number of quotes of the last response that are not used, by reason.",
        _refused_quotes,
        ("source", "reason"),
    ),
    PriceFamily(
        "exchange_peg_deviation_ratio",
        "gauge",
        "Price of a pegged asset in its currency, minus 1. Absent without a quote.",
        _deviations,
        ("asset", "currency"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Rendered:
    """One page of prices, and what it was made of."""

    worth: Worth
    sources: object
    states: object
    block: Block
    series: int


class PricePage:
    """Render prices and values when they change; balances are not rendered again for them."""

    def __init__(self, valuations: Callable[[], Valuations | None]) -> None:
        """Render nothing yet; `valuations` returns None while valuation is not configured."""
        self._valuations = valuations
        self._rendered: dict[Format, _Rendered] = {}
        self._is_broken = False

    def block(
        self, page_format: Format, states: Mapping[AccountKey, AccountState], now: float
    ) -> tuple[Block, int]:
        """Return the page's block and the number of its series as of `now` (monotonic).

        No unexpected error here may cost a scrape its balances: prices are absent then.
        """
        if (valuations := self._valuations()) is None:
            self._rendered.clear()
            return EMPTY, 0
        try:
            rendered = self._block(valuations, page_format, states, now)
        except Exception:
            if not self._is_broken:
                log.exception("prices and values can't be rendered")
            self._is_broken = True
            return EMPTY, 0
        self._is_broken = False
        return rendered

    def _block(
        self,
        valuations: Valuations,
        page_format: Format,
        states: Mapping[AccountKey, AccountState],
        now: float,
    ) -> tuple[Block, int]:
        worth, sources = valuations.worth(states, now), valuations.sources
        kept = self._rendered.get(page_format)
        if kept and kept.worth is worth and kept.sources is sources and kept.states is states:
            return kept.block, kept.series
        text = _page(PriceView(valuations, worth, states, now), page_format)
        block = deflate(text.encode()) if text else EMPTY
        series = sum(not line.startswith("#") for line in text.splitlines())
        self._rendered[page_format] = _Rendered(worth, sources, states, block, series)
        return block, series


def _page(view: PriceView, page_format: Format) -> str:
    return "".join(
        family.header(page_format) + samples
        for family in PRICES
        if (
            samples := "".join(
                f"{family.name}{{{labels}}} {value}\n" for labels, value in family.samples(view)
            )
        )
    )
