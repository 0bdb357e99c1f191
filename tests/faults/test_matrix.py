"""The fault matrix: each fault is reported correctly and affects nothing else.

All of it, at every exchange, is played by `python -m tests.faults`.
"""

import subprocess

import pytest

from exporter.simulator import FAULTS
from tests.faults.case import EXCHANGES, Case
from tests.faults.matrix import MATRIX, quick
from tests.faults.of_prices import OF_PRICES
from tests.faults.table import ON_RENEWAL, SHOWN
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, opened
from tests.programs import require

PLAYED = [pytest.param(case, exchange, id=f"{case}-{exchange}") for case, exchange in quick()]


@pytest.mark.parametrize(("case", "exchange"), PLAYED)
def test_a_fault_is_seen_as_it_is_and_nothing_else_suffers(case: Case, exchange: str):
    if reason := case.unplayable():
        pytest.skip(reason)
    case.play(exchange)


@pytest.mark.parametrize("fault", ["http_500", "total_null", "name_hostile", "balance_tiny"])
def test_promtool_has_nothing_to_say_of_the_pages(fault: str):
    async def pages() -> list[str]:
        async with opened("btcturk") as world, world.polling():
            with world.simulator.show(fault, account="victim"):
                await world.run(2 * INTERVAL)
            await world.run(INTERVAL)
            return [world.pages[0].text, world.pages[5].text, world.pages[-1].text]

    promtool = require("promtool")
    for text in run(pages):
        checked = subprocess.run(
            [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stderr) == (0, "")


def test_every_fault_that_the_simulator_knows_is_in_the_matrix():
    cases = (*SHOWN, *ON_RENEWAL, *OF_PRICES)
    names = {case.name.removeprefix("renewal_").removeprefix("ticker_") for case in cases}
    told_as_stories = {"token_expired", "http_418_ban"}
    of_quotes = {fault.name for fault in FAULTS.values() if fault.quotes}
    of_keys = {fault.name for fault in FAULTS.values() if fault.only == "permissions"}
    assert set(FAULTS) - names - of_quotes - of_keys == told_as_stories


def test_the_matrix_is_large_and_says_why_it_leaves_an_exchange_out():
    everywhere = [case for case in MATRIX if case.exchanges == EXCHANGES]
    assert len(everywhere) >= 170
    assert all(case.why for case in MATRIX if case.exchanges != EXCHANGES)
    assert len({str(case) for case in MATRIX}) == len(MATRIX)
