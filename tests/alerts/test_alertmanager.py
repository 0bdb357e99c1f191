"""Prove who hears of an alert, and what is silenced by what explains it."""

import re
import time
from itertools import count
from typing import Any

import httpx
import pytest

from tests.alerts.conftest import Tool
from tests.alerts.files import ALERTS, ROOT, read_yaml

CONFIG = ROOT / "alertmanager/alertmanager.yml"

EXPORTER = {"job": "exchange-balance-exporter", "instance": "exporter:10517"}
TREASURY = {"exchange": "btcturk", "account": "treasury-tr"}
PAYMENTS = {"exchange": "trubit", "account": "payments-mx"}

_NUMBERS = count()


def labels_of(name: str, **labels: str) -> dict[str, str]:
    """Return the labels that an alert has when it leaves Prometheus."""
    return {"alertname": name, **ALERTS[name]["labels"], **labels}


def test_amtool_accepts_the_configuration(amtool: Tool) -> None:
    result = amtool("check-config", CONFIG)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "labels", "receiver"),
    [
        ("ExchangeExporterDown", EXPORTER, "operations-pager"),
        ("ExchangeExporterAbsent", {}, "operations-pager"),
        ("ExchangeConfigReloadFailed", EXPORTER, "operations"),
        ("ExchangeClockOffset", {**EXPORTER, "exchange": "btcturk"}, "operations"),
        ("ExchangeAuthenticationFailing", TREASURY, "operations-pager"),
        ("ExchangeAccountDown", PAYMENTS, "operations-pager"),
        ("ExchangeAllAccountsDown", {"exchange": "btcturk"}, "operations-pager"),
        ("ExchangeAccountsOrphaned", {"exchange": "btcturk"}, "operations-pager"),
        ("ExchangeRateLimited", TREASURY, "operations"),
        ("ExchangePollsFailing", TREASURY, "operations"),
        ("ExchangeBalancesNegative", TREASURY, "treasury"),
        ("ExchangeBalancesInconsistent", PAYMENTS, "payments"),
        ("ExchangeDepositsDisabled", PAYMENTS, "payments"),
        ("ExchangeFreeBalanceLow", TREASURY, "treasury-pager"),
        ("ExchangeFreeBalanceLow", PAYMENTS, "payments-pager"),
        ("ExchangeTotalBalanceHigh", TREASURY, "treasury"),
        ("ExchangeTotalBalanceHigh", PAYMENTS, "payments"),
        ("ExchangeBalanceFell", TREASURY, "treasury"),
        ("ExchangeAllBalancesZero", PAYMENTS, "payments-pager"),
        ("ExchangeFundsLocked", TREASURY, "treasury"),
        ("ExchangeThresholdWithoutBalance", TREASURY, "treasury-pager"),
        ("ExchangeFundsLeftAndKeyRefused", TREASURY, "operations-pager,treasury-pager"),
        ("ExchangeFundsLeftAndKeyRefused", PAYMENTS, "operations-pager,payments-pager"),
    ],
)
def test_an_alert_reaches_those_responsible_for_it(
    amtool: Tool, name: str, labels: dict[str, str], receiver: str
) -> None:
    pairs = [f"{label}={value}" for label, value in labels_of(name, **labels).items()]
    result = amtool("config", "routes", "test", f"--config.file={CONFIG}", *pairs)
    assert result.stdout.strip() == receiver, result.stderr


def test_the_configuration_names_only_alerts_that_exist() -> None:
    named = re.findall(r"Exchange(?:[A-Z][a-z]+)+", CONFIG.read_text())
    assert set(named) <= ALERTS.keys()


def test_the_configuration_holds_no_secret() -> None:
    for receiver in read_yaml(CONFIG)["receivers"]:
        assert receiver.keys() == {"name", "webhook_configs"}
        assert all("127.0.0.1" in hook["url"] for hook in receiver["webhook_configs"])


def silenced(client: httpx.Client, *alerts: dict[str, str]) -> dict[str, bool]:
    """Fire alerts, and return which of them are inhibited once all before them are processed."""
    exchange = f"last-{next(_NUMBERS)}"
    last = [
        labels_of("ExchangeAllAccountsDown", exchange=exchange),
        labels_of("ExchangeAccountDown", exchange=exchange, account="a"),
    ]
    post(client, *alerts, *last)
    # Alertmanager inhibits by what it has processed, one alert after the other.
    deadline = time.monotonic() + 30
    while not (found := inhibited(client))[frozenset(last[1].items())]:
        assert time.monotonic() < deadline
    post(client, *alerts, *last, is_over=True)
    return {alert["alertname"]: found[frozenset(alert.items())] for alert in alerts}


def post(client: httpx.Client, *alerts: dict[str, str], is_over: bool = False) -> None:
    """Fire or end alerts."""
    end = "2001-01-01T00:00:00Z"
    times = {"startsAt": end, "endsAt": end} if is_over else {}
    content = [{"labels": alert, **times} for alert in alerts]
    client.post("/api/v2/alerts", json=content).raise_for_status()


def inhibited(client: httpx.Client) -> dict[frozenset[tuple[str, str]], bool]:
    """Return for each alert that fires, by its labels, whether it is inhibited."""
    fired: list[dict[str, Any]] = client.get("/api/v2/alerts").raise_for_status().json()
    return {
        frozenset(alert["labels"].items()): bool(alert["status"]["inhibitedBy"]) for alert in fired
    }


def test_a_dead_exporter_mutes_what_it_reported_about_itself(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeExporterDown", **EXPORTER),
        labels_of("ExchangeConfigReloadFailed", **EXPORTER),
        labels_of("ExchangeExporterAbsent"),
        labels_of("ExchangeEventLoopLag", **{**EXPORTER, "instance": "other:10517"}),
    ) == {
        "ExchangeExporterDown": False,
        "ExchangeConfigReloadFailed": True,
        "ExchangeExporterAbsent": True,
        "ExchangeEventLoopLag": False,
    }


def test_a_dead_exporter_mutes_nothing_about_accounts(alertmanager: httpx.Client) -> None:
    """Its own accounts have no alerts then: rules see to that."""
    assert silenced(
        alertmanager,
        labels_of("ExchangeExporterDown", **EXPORTER),
        labels_of("ExchangeAccountDown", **TREASURY),
        labels_of("ExchangeFreeBalanceLow", **PAYMENTS, asset="BTC"),
        labels_of("ExchangeTooFewAccounts", exchange="btcturk"),
    ) == {
        "ExchangeExporterDown": False,
        "ExchangeAccountDown": False,
        "ExchangeFreeBalanceLow": False,
        "ExchangeTooFewAccounts": False,
    }


def test_accounts_that_nobody_watches_are_reported_once(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAccountsOrphaned", exchange="btcturk"),
        labels_of("ExchangeTooFewAccounts", exchange="btcturk"),
    ) == {"ExchangeAccountsOrphaned": False, "ExchangeTooFewAccounts": True}
    assert silenced(
        alertmanager,
        labels_of("ExchangeExporterAbsent"),
        labels_of("ExchangeAccountsOrphaned", exchange="btcturk"),
    ) == {"ExchangeExporterAbsent": False, "ExchangeAccountsOrphaned": True}


def test_an_exchange_that_is_down_mutes_its_accounts(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAllAccountsDown", exchange="btcturk"),
        labels_of("ExchangeAccountDown", **TREASURY),
        labels_of("ExchangeBalancesStale", **TREASURY),
        labels_of("ExchangePollsFailing", **TREASURY),
        labels_of("ExchangeBalancesMissing", **PAYMENTS),
    ) == {
        "ExchangeAllAccountsDown": False,
        "ExchangeAccountDown": True,
        "ExchangeBalancesStale": True,
        "ExchangePollsFailing": True,
        "ExchangeBalancesMissing": False,
    }


MEASURED = [
    name
    for name, alert in ALERTS.items()
    if alert["labels"]["scope"] == "balance" and "ThresholdWithout" not in name
]
"""Every alert about money but the one that says that it can't be checked."""


@pytest.mark.parametrize("why", ["ExchangeAccountDown", "ExchangeAuthenticationFailing"])
@pytest.mark.parametrize("name", MEASURED)
def test_an_account_that_is_down_mutes_no_balance_that_was_measured(
    alertmanager: httpx.Client, why: str, name: str
) -> None:
    assert silenced(
        alertmanager, labels_of(why, **TREASURY), labels_of(name, **TREASURY, asset="BTC")
    ) == {why: False, name: False}


@pytest.mark.parametrize("why", ["ExchangeAccountDown", "ExchangeAuthenticationFailing"])
def test_an_account_that_is_down_mutes_that_its_balances_are_absent(
    alertmanager: httpx.Client, why: str
) -> None:
    assert silenced(
        alertmanager,
        labels_of(why, **TREASURY),
        labels_of("ExchangeBalancesStale", **TREASURY),
        labels_of("ExchangeThresholdWithoutBalance", **TREASURY, asset="BTC"),
        labels_of("ExchangeFreeBalanceLow", **PAYMENTS, asset="USDT"),
    ) == {
        why: False,
        "ExchangeBalancesStale": True,
        "ExchangeThresholdWithoutBalance": True,
        "ExchangeFreeBalanceLow": False,
    }


def test_a_refused_key_is_said_once_and_not_as_an_account_that_is_down(
    alertmanager: httpx.Client,
) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAuthenticationFailing", **TREASURY),
        labels_of("ExchangeAccountDown", **TREASURY),
        labels_of("ExchangePollsFailing", **TREASURY),
    ) == {
        "ExchangeAuthenticationFailing": False,
        "ExchangeAccountDown": True,
        "ExchangePollsFailing": True,
    }


def test_everything_at_zero_is_one_message(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAllBalancesZero", **TREASURY),
        labels_of("ExchangeBalanceFell", **TREASURY, asset="BTC"),
        labels_of("ExchangeFreeBalanceLow", **TREASURY, asset="ETH"),
        labels_of("ExchangeFundsLeftAndKeyRefused", **TREASURY, asset="BTC"),
    ) == {
        "ExchangeAllBalancesZero": False,
        "ExchangeBalanceFell": True,
        "ExchangeFreeBalanceLow": True,
        "ExchangeFundsLeftAndKeyRefused": False,
    }


def test_of_one_asset_the_worst_is_enough_but_a_fall_is_always_said(
    alertmanager: httpx.Client,
) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeFreeBalanceLow", **TREASURY, asset="BTC"),
        labels_of("ExchangeLockedBalanceHigh", **TREASURY, asset="BTC"),
        labels_of("ExchangeTotalBalanceHigh", **TREASURY, asset="ETH"),
        labels_of("ExchangeBalanceFell", **TREASURY, asset="BTC"),
        labels_of("ExchangeAssetVanished", **TREASURY, asset="BTC"),
    ) == {
        "ExchangeFreeBalanceLow": False,
        "ExchangeLockedBalanceHigh": True,
        "ExchangeTotalBalanceHigh": False,
        "ExchangeBalanceFell": False,
        "ExchangeAssetVanished": False,
    }
