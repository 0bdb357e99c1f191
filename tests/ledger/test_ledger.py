"""Every number on every page is one that the exchange gave, whole, lately, and counted."""

from typing import Any

import pytest

from exporter.simulator import Entry
from exporter.simulator.rows import Row
from tests.ledger.drive import check
from tests.ledger.model import polls_of, samples_of
from tests.ledger.schedule import draw

SEEDS = range(24)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_page_of_a_random_schedule_agrees_with_the_ledger(seed: int):
    try:
        assert check(seed) > 0
    except AssertionError as error:
        error.add_note(f"replay: python -m tests.ledger --seed {seed} --seeds 1")
        raise


def test_a_schedule_is_always_the_same_for_its_seed():
    assert draw(7) == draw(7) != draw(8)


def entry(began: float, call: str = "balances", **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "number": 0, "began": began, "ended": began, "at": began, "exchange": "trubit",
        "account": "a", "call": call, "path": "/", "status": 200, "rows": (), "faults": (),
    }  # fmt: skip
    return Entry(**(fields | changes))


def test_a_token_and_the_balances_after_it_are_one_poll():
    polls = polls_of([entry(0, "token"), entry(1), entry(60)], (), timeout=10)
    assert [len(poll.entries) for poll in polls] == [2, 1]


def test_a_poll_does_not_cross_a_reload():
    polls = polls_of([entry(0, ended=None), entry(5)], (5,), timeout=10)
    assert [poll.began for poll in polls] == [0, 5]


def test_a_row_that_is_no_plain_decimal_gives_nothing_to_publish():
    good = {"asset": "BTC", "total": "1,5", "free": "1", "locked": "0.5"}
    rows = tuple(Row(good | change) for change in ({}, {"asset": "ETH", "total": "1e3"}))
    assert {asset for _, asset in samples_of(entry(0, rows=rows))} == {"BTC"}
