"""Compare the recorded series of the histories with what the rules make of the same histories."""

import re
from collections.abc import Callable
from functools import cache

import pytest
import yaml

from tests.dashboards.conftest import Prometheus
from tests.dashboards.files import ROOT
from tests.dashboards.play import SCENARIOS
from tests.dashboards.recorded import FAILURE_RATE, FAILURES_OF_AN_HOUR, RECORDS


@cache
def rules() -> dict[str, str]:
    """Return the expression of every recording rule."""
    files = (
        yaml.safe_load(path.read_text()) for path in (ROOT / "prometheus/rules").glob("*.yaml")
    )
    return {
        rule["record"]: rule["expr"]
        for file in files
        for group in file["groups"]
        for rule in group["rules"]
        if "record" in rule
    }


def expanded(expr: str) -> str:
    """Return an expression with each record that the histories lack replaced by its own."""
    every = rules()
    return re.sub(
        r"[a-z_]+(?::[a-z_0-9]+){2}",
        lambda name: name[0] if name[0] in RECORDS else f"({expanded(every[name[0]])})",
        expr,
    )


def now(prometheus: Prometheus, expr: str) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the present values of a query by their labels."""
    return {
        tuple(sorted((k, v) for k, v in one["metric"].items() if k != "__name__")): float(
            one["value"][1]
        )
        for one in prometheus.query(expr, instant=True)
    }


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_recorded_series_of_a_history_are_what_the_rules_make_of_it(
    history: Callable[[str], Prometheus], scenario: str, record: str
) -> None:
    prometheus = history(scenario)

    assert now(prometheus, record) == pytest.approx(
        now(prometheus, expanded(rules()[record])), rel=1e-12
    )


@pytest.mark.parametrize("record", [FAILURES_OF_AN_HOUR, FAILURE_RATE])
@pytest.mark.parametrize("scenario", ["healthy", "account_down", "exchange_down"])
def test_failures_are_recorded_for_the_reasons_that_the_rules_find(
    history: Callable[[str], Prometheus], scenario: str, record: str
) -> None:
    prometheus = history(scenario)

    assert set(now(prometheus, record)) == set(now(prometheus, rules()[record]))
