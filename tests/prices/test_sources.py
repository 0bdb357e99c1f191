"""Price sources in virtual time: what they request, when, and what they say when it fails."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from email.utils import formatdate, parsedate_to_datetime
from itertools import pairwise

import pytest

from exporter.exchange_api.client import HttpClient
from exporter.exchanges import EXCHANGES
from exporter.exposition.pages import read_held
from exporter.model import Account
from exporter.polling.endpoint import Endpoint
from exporter.polling.poller import Polled
from exporter.polling.snapshots import Snapshot
from exporter.prices.connection import Connection
from exporter.prices.settings import PriceSource, Valuation
from exporter.prices.sources import PriceSources
from exporter.prices.values import Held
from exporter.quotes import QuoteRequest
from exporter.runtime.clock import Clock
from exporter.simulator import Fault
from exporter.simulator.messages import CallKind, Response
from tests.accounts import make_account
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, World, opened

QUOTES = (QuoteRequest("Mexico", "MXN", "USDT"), QuoteRequest("Mexico", "XYZ", "USDT"))


def ticker(world: World, **changes: float) -> Valuation:
    source = PriceSource("btcturk", world.simulator.url)
    return Valuation(("TRY", "USDT"), (replace(source, **changes),))  # type: ignore[arg-type]


def books(world: World, interval: float = INTERVAL) -> Valuation:
    """Return a valuation by quotes that are requested for what is held."""
    source = PriceSource("bitso", world.simulator.url, interval=interval)
    return Valuation(("MXN",), (source,))


def quotes(world: World) -> Valuation:
    source = PriceSource("trubit", world.simulator.url, account="victim", quotes=QUOTES)
    return Valuation(("USDT",), (source,))


def requested(world: World) -> list[float]:
    return [entry.began for entry in world.simulator.ledger.entries(call="ticker")]


def test_a_source_is_requested_once_an_interval():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world, interval=30.0)):
                await world.run(5 * INTERVAL)
            gaps = [after - before for before, after in pairwise(requested(world))]
            assert len(gaps) >= 9
            assert all(29.8 <= gap <= 30.2 for gap in gaps)

    run(story)


def test_new_assets_never_put_off_the_next_fetch():
    async def story() -> None:
        async with opened("bitso") as world:
            victim = replace(world.victim, interval=6.0)
            async with world.polling([victim], valuation=books(world)):
                for held in ("BTC", "BTC ETH", "BTC ETH XRP", "BTC ETH XRP SOL"):
                    balances = dict.fromkeys(held.split(), ("1", "1", "0"))
                    world.simulator.set_balances(world.simulated(victim), balances)
                    await world.run(12)
                await world.run(5 * INTERVAL)
            gaps = [after - before for before, after in pairwise(requested(world))]
            assert max(gaps) <= INTERVAL + 0.1

    run(story)


def test_a_new_asset_does_not_end_a_pause_that_the_exchange_asked_for():
    async def story() -> None:
        async with opened("bitso") as world:
            victim = replace(world.victim, interval=6.0)
            with world.simulator.show("http_503_wait", call="ticker"):  # for 120 s
                async with world.polling([victim], valuation=books(world)):
                    await world.run(20)
                    began = len(requested(world))
                    added = {"XRP": ("1", "1", "0")}
                    world.simulator.set_balances(world.simulated(victim), added)
                    await world.run(80)
            assert began
            assert len(requested(world)) == began

    run(story)


def test_an_unexpected_error_costs_one_source_and_is_logged_once():
    def broken(_snapshot: Snapshot) -> Sequence[Held]:
        raise ZeroDivisionError("canary")

    async def story() -> None:
        async with opened("btcturk") as world:
            world.sources = PriceSources(world.store, world.clocks.ours, broken)
            async with world.polling(valuation=ticker(world)):
                await asyncio.sleep(5 * INTERVAL + 1)
                assert world.sources.valuations
                [state] = world.sources.valuations.sources.values()
                assert not state.up
                assert state.failures["internal"] == sum(state.failures.values()) == 5
                assert world.store.states[world.victim.key].polls >= 5
            lines = world.log.getvalue().splitlines()
            [line] = [line for line in lines if "price source is down" in line]
            assert "reason=internal" in line

    run(story)


def test_the_debug_line_of_a_fetch_that_failed_says_why():
    async def story() -> None:
        async with opened("btcturk") as world:
            with world.simulator.show("http_500", call="ticker"):
                async with world.polling(valuation=ticker(world)):
                    await world.run(INTERVAL / 2)
            line = next(line for line in world.log.getvalue().splitlines() if "fetched" in line)
            assert " up=false " in line
            assert " reason=unavailable " in line
            assert '(HTTP 500)"' in line

    run(story)


def test_a_source_that_is_up_is_announced_without_its_number_of_quotes():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world)):
                await world.run(INTERVAL / 2)
            [line] = [line for line in world.log.getvalue().splitlines() if "source is up" in line]
            assert "level=info" in line
            assert "quotes" not in line

    run(story)


def test_a_source_that_is_fetched_once_is_not_announced():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling() as poller:
                await world.sources.fetch_once(ticker(world), poller)
            [line] = [line for line in world.log.getvalue().splitlines() if "source is up" in line]
            assert "level=debug" in line

    run(story)


def test_nothing_is_fetched_any_more_after_the_end():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling():
                await world.run(INTERVAL)
                await world.sources.stop()
                await world.sources.reconcile(ticker(world))
                await world.run(2 * INTERVAL)
            assert requested(world) == []

    run(story)


def test_a_restart_keeps_the_limit_of_the_public_ticker():
    async def story() -> None:
        async with opened("bitso") as world:
            for _ in range(2):
                world.forget()
                world.sources = PriceSources(
                    world.store, world.clocks.ours, read_held, share=lambda _limit: 6
                )
                async with world.polling(valuation=books(world, interval=1.0)):
                    await world.run(3 * INTERVAL)
            times = requested(world)
            assert len(times) > 24
            assert all(
                after - before > INTERVAL for before, after in zip(times, times[6:], strict=False)
            )

    run(story)


def test_without_a_valuation_nothing_is_requested_and_no_series_is_added():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling():
                page = await world.run(2 * INTERVAL)
            assert requested(world) == []
            names = ("exchange_asset_price", "exchange_account_value", "exchange_price_source")
            assert not [name for name in page.samples if name.startswith(names)]

    run(story)


def test_the_same_valuation_goes_on_undisturbed_and_another_one_starts_anew():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world)):
                await world.run(INTERVAL + 5)
                known = world.sources.valuations
                await world.sources.reconcile(ticker(world))
                assert world.sources.valuations is known
                await world.sources.reconcile(ticker(world, interval=10.0))
                assert world.sources.valuations is not known
                await world.sources.reconcile(None)
                sent = len(requested(world))
                page = await world.run(2 * INTERVAL)
            assert len(requested(world)) == sent
            assert not [name for name in page.samples if name.startswith("exchange_asset_price")]

    run(story)


def test_quotes_that_need_a_key_are_requested_with_the_account_and_one_rejected_costs_no_other():
    async def story() -> None:
        async with opened("trubit") as world:
            async with world.polling(valuation=quotes(world)):
                page = await world.run(INTERVAL)
            entries = world.simulator.ledger.entries(call="ticker")
            assert {entry.account for entry in entries} == {"victim"}
            labels = '{source="trubit:victim"'
            assert page.samples[f"exchange_price_source_quotes{labels}}}"] == "1"
            refused = f'exchange_price_source_refused_quotes{labels},reason="unparsable"}}'
            assert page.samples[refused] == "1"
            assert len(world.simulator.ledger.entries(call="token")) == 2, "one for each key"

    run(story)


def test_a_quote_of_trubit_is_of_one_direction():
    async def story() -> None:
        async with opened("trubit") as world:
            async with world.polling(valuation=quotes(world)):
                await world.run(INTERVAL)
            assert world.sources.valuations
            [state] = world.sources.valuations.sources.values()
            assert [rate.is_one_way for rate in state.book.rates.values()] == [True]

    run(story)


def test_a_refused_key_is_left_alone_by_its_quotes_too():
    async def story() -> None:
        async with opened("trubit") as world:
            async with world.polling(valuation=quotes(world)):
                await world.run(INTERVAL)
                world.simulated(world.victim).is_active = False
                began = world.now
                await world.run(10 * INTERVAL)
            sent = [time for time in requested(world) if time > began]
            assert len(sent) <= 6, "it was requested again and again"

    run(story)


def test_a_refused_key_is_not_sent_for_quotes_while_its_account_waits():
    async def story() -> None:
        async with opened("trubit") as world:
            with world.simulator.show("http_401", account="victim"):
                async with world.polling([world.victim], valuation=quotes(world)):
                    page = await world.run(15 * INTERVAL)
            began = [entry.began for entry in world.simulator.ledger.entries(*world.victim.key)]
            assert [round(time - began[0]) for time in began] == [0, 60, 360]
            failures = "exchange_price_source_failures_total"
            labels = 'source="trubit:victim",reason="authentication"'
            assert page.samples[f"{failures}{{{labels}}}"] == "1", "nothing was fetched after it"

    run(story)


def test_quotes_are_fetched_within_an_interval_once_the_key_works_again():
    async def story() -> None:
        async with opened("trubit") as world:
            fault = world.simulator.show("http_401", account="victim")
            async with world.polling([world.victim], valuation=quotes(world)):
                await world.run(5 * INTERVAL)
                fault.stop()
                await world.run(3 * INTERVAL)
                assert world.store.states[world.victim.key].up
                assert world.sources.valuations
                [state] = world.sources.valuations.sources.values()
                assert state.up

    run(story)


def test_a_key_that_may_not_read_balances_still_fetches_quotes():
    async def story() -> None:
        async with opened("trubit") as world:
            with world.simulator.show("own_permission", account="victim", call="balances"):
                async with world.polling([world.victim], valuation=quotes(world)):
                    page = await world.run(2 * INTERVAL)
            assert set(page.failures(world.victim.key)) == {"permission"}
            assert len(requested(world)) >= 2

    run(story)


def test_causes_that_alternate_are_each_logged_once():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world)):
                for fault in ("http_500", "html") * 5:
                    with world.simulator.show(fault, call="ticker"):
                        await world.run(INTERVAL)
            lines = [line for line in world.log.getvalue().splitlines() if "source is down" in line]
            assert ["reason=unavailable" in line for line in lines] == [True, False]

    run(story)


async def test_a_connection_that_can_not_be_made_leaves_no_closed_one_behind():
    class Way(Endpoint):
        is_broken = False

        def connect(self, account: Account) -> HttpClient:
            if self.is_broken:
                raise OSError("canary")
            return super().connect(account)

    account = make_account()
    good, broken = (Polled(account, Way(EXCHANGES["btcturk"], 60, Clock())) for _ in range(2))
    broken.endpoint.is_broken = True  # type: ignore[attr-defined]
    connection = Connection()
    first = await connection.to(good)
    with pytest.raises(OSError, match="canary"):
        await connection.to(broken)
    assert await connection.to(good) is not first
    await connection.aclose()


def test_a_source_says_once_that_it_is_down_and_once_that_it_is_up():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world)):
                await world.run(INTERVAL)
                with world.simulator.show("http_500", call="ticker"):
                    await world.run(4 * INTERVAL)
                await world.run(2 * INTERVAL)
            lines = [line for line in world.log.getvalue().splitlines() if "price source" in line]
            assert ["is up" in line for line in lines] == [True, False, True]
            assert "reason=unavailable" in lines[1]

    run(story)


def test_a_limit_of_the_ticker_does_not_slow_the_balances():
    async def story() -> None:
        async with opened("btcturk") as world:
            async with world.polling(valuation=ticker(world)):
                await world.run(INTERVAL)
                with world.simulator.show("http_429", call="ticker"):
                    before = (await world.scrape()).polls(world.victim.key)
                    after = (await world.run(3 * INTERVAL)).polls(world.victim.key)
            assert after - before >= 3

    run(story)


@pytest.mark.parametrize(("banned", "other"), [("ticker", "balances"), ("balances", "ticker")])
def test_a_ban_by_binance_holds_for_tickers_and_balances_alike(banned: CallKind, other: CallKind):
    async def story() -> None:
        async with opened("binance") as world:
            valuation = Valuation(("TRY",), (PriceSource("binance", world.simulator.url),))
            async with world.polling([world.victim], valuation=valuation):
                await world.run(INTERVAL)
                with world.simulator.show("http_418_ban", call=banned):
                    await world.run(INTERVAL + 10)
                before = len(world.simulator.ledger.entries(call=other))
                await world.run(5 * INTERVAL)
                assert len(world.simulator.ledger.entries(call=other)) == before

    run(story)


def test_the_date_of_a_cached_ticker_says_nothing_of_the_clock_that_balances_are_signed_by():
    def cached(response: Response, _call: object) -> Response:
        made = parsedate_to_datetime(dict(response.headers)["Date"]).timestamp() - 100
        date = "Date", formatdate(made, usegmt=True)
        return response.without("Date").adding(date, ("Age", "100"))

    async def story() -> None:
        async with opened("btcturk") as world:
            fault = Fault("cached", "A copy of 100 s ago.", response=cached)
            with world.simulator.show(fault, call="ticker"):
                async with world.polling(valuation=ticker(world, interval=10.0)):
                    page = await world.run(5 * INTERVAL)
            offset = f"exchange_account_clock_offset_seconds{{{_labels(world)}}}"
            assert abs(float(page.samples[offset])) < 1

    run(story)


def _labels(world: World) -> str:
    exchange, account = world.victim.key
    return f'exchange="{exchange}",account="{account}"'
