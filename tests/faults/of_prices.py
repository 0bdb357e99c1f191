"""Check every fault of a price source: values are withheld, balances are not."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction

from exporter.prices.settings import PriceSource, Valuation
from exporter.simulator import FAULTS
from tests.faults.case import Tell, story_case
from tests.faults.world import INTERVAL, Page, World
from tests.prices.oracle import STALE_AFTER, price, quotes_known

CURRENCIES = ("TRY", "USDT")
_HELD = {"BTC": Fraction(3, 2), "TRY": Fraction(100075, 100)}

PUBLIC = ("btcturk",)
"""Of the public tickers, the one that lists all pairs at once and dates each."""


@dataclass(frozen=True, slots=True)
class SeenOfPrices:
    """Say what a fault of a ticker must look like: why the source fails, which quotes are refused.

    The value in a currency is there at once and at the end of the fault, or it is not.
    """

    reason: str | None = None
    refused: Mapping[str, int] | None = None
    at_once: bool = True
    at_the_end: bool = True


_SEEN = {
    "quote_zeros": SeenOfPrices(at_once=False, at_the_end=False),
    "quote_one_sided": SeenOfPrices(refused={"one_sided": 1}),
    "quote_null": SeenOfPrices(refused={"one_sided": 1}),
    "quote_negative": SeenOfPrices(refused={"one_sided": 1}),
    "quote_crossed": SeenOfPrices(refused={"crossed": 1}),
    "quote_wide": SeenOfPrices(refused={"too_wide": 1}),
    "quote_text": SeenOfPrices(refused={"unparsable": 1}),
    "quote_timeless": SeenOfPrices(refused={}),
    "quote_twice": SeenOfPrices(refused={"duplicate": 1}),
    "quote_twice_alike": SeenOfPrices(refused={}),
    "quote_missing": SeenOfPrices(refused={}),
    "quote_none": SeenOfPrices(refused={}, at_once=False, at_the_end=False),
    "quote_exponent": SeenOfPrices(refused={}),
    "quote_frozen": SeenOfPrices(at_the_end=False),
    "quote_past": SeenOfPrices(at_the_end=False),
    "quote_future": SeenOfPrices(at_once=False, at_the_end=False),
    "http_429": SeenOfPrices("rate_limited", at_the_end=False),
    "http_500": SeenOfPrices("unavailable", at_the_end=False),
    "http_503": SeenOfPrices("unavailable", at_the_end=False),
    "http_403": SeenOfPrices("unavailable", at_the_end=False),
    "http_307": SeenOfPrices("redirect", at_the_end=False),
    "html": SeenOfPrices("bad_response", at_the_end=False),
    "array": SeenOfPrices("bad_response", at_the_end=False),
    "empty_200": SeenOfPrices("bad_response", at_the_end=False),
    "other_shape": SeenOfPrices("bad_response", at_the_end=False),
    "silence": SeenOfPrices("timeout", at_the_end=False),
    "stall_in_body": SeenOfPrices("timeout", at_the_end=False),
    "close": SeenOfPrices("connection", at_the_end=False),
    "bomb": SeenOfPrices("bad_response", at_the_end=False),
}


def valued(world: World, exchange: str) -> Valuation:
    """Return a valuation by the ticker of one simulated exchange."""
    return Valuation(CURRENCIES, (PriceSource(exchange, world.simulator.url),))


def _shown(fault: str, seen: SeenOfPrices) -> Tell:
    async def tell(world: World) -> None:
        source = world.exchange
        async with world.polling(valuation=valued(world, source)):
            page = await world.until(lambda page: _is_valued(page, world), within=2 * INTERVAL)
            page = await world.run(INTERVAL)
            _check_against_oracle(world, page)
            with _showing(world, fault):
                since = world.now
                page = await world.run(INTERVAL + 15)
                _check_source(page, source, seen)
                assert _is_valued(page, world) == seen.at_once
                while world.now < since + 2 * STALE_AFTER:
                    page = await world.run(INTERVAL)
                    _check_balances(page, world)
                    _check_against_oracle(world, page)
                assert _is_valued(page, world) == seen.at_the_end
            page = await world.until(lambda page: _is_valued(page, world), within=1000)
            _check_against_oracle(world, page)

    return tell


def _showing(world: World, fault: str) -> AbstractContextManager[object]:
    return world.simulator.show(fault, exchange=world.exchange, call="ticker")


def _is_valued(page: Page, world: World) -> bool:
    values = [_value(page, world, currency) for currency in CURRENCIES]
    assert len({value is None for value in values}) == 1, "one currency is withheld, another is not"
    return values[0] is not None


def _value(page: Page, world: World, currency: str) -> str | None:
    return page.value("exchange_account_value", world.victim.key, currency=currency)


def _check_balances(page: Page, world: World) -> None:
    for account in (world.victim, world.neighbour, world.stranger):
        assert page.is_up(account.key), "a ticker's fault touched an account"
        assert not page.failures(account.key)
        assert page.total(account.key) == "1.5"


def _check_source(page: Page, source: str, seen: SeenOfPrices) -> None:
    labels = f'{{source="{source}"'
    assert page.samples[f"exchange_price_source_up{labels}}}"] == str(int(seen.reason is None))
    if seen.reason:
        failures = page.samples[
            f'exchange_price_source_failures_total{labels},reason="{seen.reason}"}}'
        ]
        assert int(failures) >= 1
    if seen.refused is not None:
        start = f"exchange_price_source_refused_quotes{labels},reason="
        counts = {
            name.removeprefix(start).strip('"}'): int(value)
            for name, value in page.samples.items()
            if name.startswith(start) and value != "0"
        }
        assert counts == seen.refused


def _check_against_oracle(world: World, page: Page) -> None:
    """Check that each value is the one that the quotes allow, and that none is missing."""
    quotes = quotes_known(
        [entry for entry in world.simulator.ledger if _was_delivered(entry.faults)],
        world.now,
        world.simulator.skew,
    )
    for currency in CURRENCIES:
        prices = {asset: price(asset, currency, quotes) for asset in _HELD}
        known = [value for value in prices.values() if value is not None]
        value = _value(page, world, currency)
        assert (value is not None) == (len(known) == len(_HELD)), f"{currency}: {prices}"
        unpriced = page.number(
            "exchange_account_unpriced_assets", world.victim.key, currency=currency
        )
        assert unpriced == len(_HELD) - len(known)
        if value is not None:
            exact = sum((_HELD[a] * (p or 0) for a, p in prices.items()), Fraction(0))
            assert abs(Fraction(value) - exact) <= Fraction(1, 10**8), f"{value} is not {exact}"


def _was_delivered(faults: tuple[str, ...]) -> bool:
    return not any(FAULTS[name].deliver or FAULTS[name].response for name in faults)


async def a_ticker_that_alternates_with_old_prices_never_moves_a_value_back(world: World) -> None:
    """Half of the tickers are 12 hours old; values follow the others alone."""
    async with world.polling(valuation=valued(world, world.exchange)):
        await world.until(lambda page: _is_valued(page, world), within=2 * INTERVAL)
        with world.simulator.show(
            "quote_past", exchange=world.exchange, call="ticker", probability=0.5
        ):
            for _ in range(15):
                page = await world.run(INTERVAL)
                _check_against_oracle(world, page)


async def values_end_with_the_balances_and_come_back_with_them(world: World) -> None:
    """The victim's polls fail until its balances are withdrawn; its values go with them."""
    async with world.polling(valuation=valued(world, world.exchange)):
        await world.until(lambda page: _is_valued(page, world), within=2 * INTERVAL)
        with world.simulator.show("http_500", account="victim"):
            page = await world.run(5 * INTERVAL)
            key = world.victim.key
            assert not page.assets(key)
            for name in ("value", "valued_assets", "unpriced_assets"):
                assert page.value(f"exchange_account_{name}", key, currency="TRY") is None
        await world.until(lambda page: _is_valued(page, world), within=2 * INTERVAL)


async def an_incomplete_account_has_no_value(world: World) -> None:
    """One row of the victim is dropped: what is known is counted, and no value is published."""
    async with world.polling(valuation=valued(world, world.exchange)):
        await world.until(lambda page: _is_valued(page, world), within=2 * INTERVAL)
        with world.simulator.show("total_null", account="victim"):
            page = await world.run(2 * INTERVAL)
            assert not _is_valued(page, world)
            valued_assets = "exchange_account_valued_assets"
            assert page.number(valued_assets, world.victim.key, currency="TRY") == 1


_WHY = "it has no public ticker of all pairs with their times"


def _text(seen: SeenOfPrices) -> str:
    source = f"the source fails: {seen.reason}" if seen.reason else "the source is up"
    end = "stay" if seen.at_the_end else "are withheld once quotes are too old"
    return f"{source}; values {end if seen.at_once else 'are withheld at once'}; balances stay"


OF_PRICES = [
    *(
        story_case(
            "J",
            f"ticker_{name}",
            _text(seen),
            _shown(name, seen),
            does=f"The ticker: {FAULTS[name].description}",
            exchanges=PUBLIC,
            why=_WHY,
        )
        for name, seen in _SEEN.items()
    ),
    *(
        story_case("J", tell.__name__, seen, tell, exchanges=PUBLIC, why=_WHY)
        for tell, seen in (
            (
                a_ticker_that_alternates_with_old_prices_never_moves_a_value_back,
                "values never go back",
            ),
            (
                values_end_with_the_balances_and_come_back_with_them,
                "values go with the balances",
            ),
            (an_incomplete_account_has_no_value, "the value is withheld"),
        )
    ),
]
