"""The fault matrix: whatever goes wrong, it is seen as it is, and nothing else suffers.

All of it, at both exchanges, is played by `python -m tests.faults`.
"""

import pytest

from exporter.simulator import FAULTS
from tests.faults.case import EXCHANGES, Case
from tests.faults.matrix import MATRIX, quick
from tests.faults.table import ON_RENEWAL, SHOWN

PLAYED = [pytest.param(case, exchange, id=f"{case}-{exchange}") for case, exchange in quick()]


@pytest.mark.parametrize(("case", "exchange"), PLAYED)
def test_a_fault_is_seen_as_it_is_and_nothing_else_suffers(case: Case, exchange: str):
    if reason := case.unplayable():
        pytest.skip(reason)
    case.play(exchange)


def test_every_fault_that_the_simulator_knows_is_in_the_matrix():
    names = {case.name.removeprefix("renewal_") for case in (*SHOWN, *ON_RENEWAL)}
    told_as_stories = {"token_expired"}
    assert set(FAULTS) - names == told_as_stories


def test_the_matrix_is_large_and_says_why_it_leaves_an_exchange_out():
    both = [case for case in MATRIX if case.exchanges == EXCHANGES]
    assert len(both) >= 178
    assert all(case.why for case in MATRIX if case.exchanges != EXCHANGES)
    assert len({str(case) for case in MATRIX}) == len(MATRIX)
