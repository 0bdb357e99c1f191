"""The exporter's configuration for simulated accounts."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from exporter.simulator import (
    Simulator,
    add_demo_accounts,
    config_text,
    simulated_exchanges,
)
from exporter.simulator.configuration import quoted


@pytest.fixture
async def demo(simulator: Simulator) -> Any:
    add_demo_accounts(simulator)
    return yaml.safe_load(config_text(simulator))


async def test_the_demo_has_two_accounts_at_each_exchange(demo: Any) -> None:
    names: dict[str, set[str]] = {}
    for account in demo["accounts"]:
        names.setdefault(account["exchange"], set()).add(account["name"])
    assert names.keys() == simulated_exchanges().keys()
    assert {len(each) for each in names.values()} == {2}


async def test_an_account_is_polled_at_the_simulator(simulator: Simulator, demo: Any) -> None:
    assert {account["base_url"] for account in demo["accounts"]} == {simulator.url}


async def test_an_account_has_its_credentials(simulator: Simulator, demo: Any) -> None:
    given_to = [account.credentials for account in simulator.accounts]
    assert [account["credentials"] for account in demo["accounts"]] == given_to


async def test_thresholds_are_texts(demo: Any) -> None:
    bounds = [entry for account in demo["accounts"] for entry in account.get("thresholds", [])]
    assert {"asset": "BTC", "free_min": "12", "total_max": "40"} in bounds
    assert all(isinstance(value, str) for bound in bounds for value in bound.values())


async def test_durations_are_the_given_ones(simulator: Simulator) -> None:
    text = config_text(simulator, interval="1s", stale_after="9s")
    assert yaml.safe_load(text)["defaults"] == {"interval": "1s", "stale_after": "9s"}


async def test_without_accounts_there_is_an_empty_list(simulator: Simulator) -> None:
    assert yaml.safe_load(config_text(simulator))["accounts"] == []


@given(st.text())
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    assert yaml.safe_load(quoted(text)) == text
