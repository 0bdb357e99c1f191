"""Bound what a refresh of each dashboard costs, relative to a query of the same run.

`python -m benchmarks.dashboards` measures it at 500 accounts x 300 assets.
"""

from collections.abc import Iterator

import pytest

from tests.dashboards.conftest import run_prometheus
from tests.dashboards.files import UIDS
from tests.dashboards.large import Size, build
from tests.dashboards.speed import EVERY_BALANCE, Cost, cost, refresh
from tests.programs import require

SMALL = Size(accounts=40, assets=50, step=240)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    require("promtool")
    folder = tmp_path_factory.mktemp("speed")
    build(SMALL, folder / "tsdb")
    with run_prometheus(folder) as url:
        yield url


@pytest.fixture(scope="module")
def added_up_over_a_day(prometheus: str) -> Cost:
    """Return what one chart costs that adds up every balance, which a dashboard must not."""
    return cost(prometheus, [EVERY_BALANCE | {"instant": False}])


@pytest.mark.parametrize("uid", UIDS)
def test_a_refresh_costs_no_more_than_a_few_charts_over_every_balance_would(
    prometheus: str, added_up_over_a_day: Cost, uid: str
) -> None:
    assert cost(prometheus, refresh(uid)).seconds < 10 * added_up_over_a_day.seconds
