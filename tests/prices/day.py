"""Value accounts through hours of faults in virtual time, each scrape held against the oracle.

python -m tests.prices.day --hours 24 --seed 1
"""

import argparse
import random
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from decimal import Decimal
from fractions import Fraction

from exporter.model import Account
from exporter.prices.settings import PriceSource, Valuation
from exporter.simulator import FAULTS, GROUPS
from tests.faults.virtual_time import run
from tests.faults.world import Page, World, opened
from tests.prices.oracle import price, quotes_known

CURRENCIES = ("TRY", "USDT")
_STEP = 61.7  # seconds between scrapes: never in step with polls or fetches
_OF_TICKERS = [fault.name for fault in GROUPS["prices"]]
_OF_RESPONSES = ["http_500", "http_429_soon", "html", "close", "cut_json", "http_302", "silence"]
_OF_ACCOUNTS = ["http_500", "total_null", "balance_negative", "gone", "none", "silence"]


def check(seed: int, hours: float) -> int:
    """Run some hours from a seed; return how many values and withheld values were checked."""
    checked: int = run(lambda: _run(seed, hours))
    return checked


async def _run(seed: int, hours: float) -> int:
    dice = random.Random(seed)
    random.seed(seed)
    checked = 0
    async with opened("btcturk", seed=seed, ledger_size=100_000) as world:
        accounts = [_moving(world, number) for number in range(3)]
        source = PriceSource("btcturk", world.simulator.url)
        valuation = Valuation(CURRENCIES, (source,))
        async with world.polling(accounts, valuation=valuation):
            end = world.now + hours * 3600
            while world.now < end:
                with ExitStack() as faults:
                    for injected in _drawn(dice):
                        faults.enter_context(world.simulator.show(**injected))  # type: ignore[arg-type]
                    for _ in range(dice.randint(1, 8)):
                        page = await world.run(_STEP)
                        checked += _check(world, page, accounts)
                page = await world.run(_STEP)
                checked += _check(world, page, accounts)
        await world.check_everything()
    return checked


def _moving(world: World, number: int) -> Account:
    account = world.add(f"moving-{number}", "btcturk")
    simulated = world.simulated(account)
    exchange = world.simulator.exchanges["btcturk"]
    simulated.portfolio = exchange.moving(f"day/{number}", 19)
    return account


def _drawn(dice: random.Random) -> Iterator[Mapping[str, object]]:
    """Yield what is shown at once: at most one fault of the ticker and one of an account."""
    share = dice.choice((0.3, 0.6, 1.0))
    if dice.random() < 0.8:
        fault = dice.choice(_OF_TICKERS + _OF_RESPONSES)
        yield {"fault": fault, "call": "ticker", "probability": share}
    if dice.random() < 0.3:
        name = f"moving-{dice.randrange(3)}"
        yield {"fault": dice.choice(_OF_ACCOUNTS), "account": name, "probability": share}


def _check(world: World, page: Page, accounts: list[Account]) -> int:
    entries = [e for e in world.simulator.ledger.entries(call="ticker") if _was_read(e.faults)]
    quotes = quotes_known(entries, world.now)
    for account in accounts:
        held = _held(page, account)
        is_served = page.number("exchange_account_complete", account.key) == 1
        for currency in CURRENCIES:
            prices = {asset: price(asset, currency, quotes) for asset in held}
            missing = [asset for asset, each in prices.items() if each is None]
            value = page.value("exchange_account_value", account.key, currency=currency)
            assert (value is not None) == (is_served and not missing), (currency, missing)
            if value is not None:
                exact = sum((held[a] * (p or 0) for a, p in prices.items()), Fraction(0))
                assert abs(Fraction(value) - exact) <= Fraction(1, 10**8), f"{value}: {exact}"
    return len(accounts) * len(CURRENCIES)


def _held(page: Page, account: Account) -> dict[str, Fraction]:
    """Return what an account holds as the page says, without zeros."""
    series = re.compile(
        rf'exchange_total_balance{{exchange="btcturk",account="{account.name}",asset="([^"]+)"}}'
    )
    found = ((series.fullmatch(name), value) for name, value in page.samples.items())
    totals = {match[1]: Fraction(Decimal(value)) for match, value in found if match}
    return {asset: total for asset, total in totals.items() if total}


def _was_read(faults: tuple[str, ...]) -> bool:
    return not any(FAULTS[name].deliver or FAULTS[name].response for name in faults)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{check(options.seed, options.hours)} values checked, 0 wrong")
