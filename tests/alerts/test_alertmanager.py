"""Prove who hears of an alert, and what is silenced by what explains it."""

import re
from typing import Any

import httpx
import pytest

from tests.alerts.conftest import Tool
from tests.alerts.files import ALERTS, ROOT, read_yaml

CONFIG = ROOT / "alertmanager/alertmanager.yml"

EXPORTER = {"job": "exchange-balance-exporter", "instance": "exporter:10517"}
TREASURY = {"exchange": "btcturk", "account": "treasury-tr"}
PAYMENTS = {"exchange": "trubit", "account": "payments-mx"}


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
        ("ExchangeAllAccountsDown", {**EXPORTER, "exchange": "btcturk"}, "operations-pager"),
        ("ExchangeRateLimited", TREASURY, "operations"),
        ("ExchangeFreeBalanceLow", TREASURY, "treasury-pager"),
        ("ExchangeFreeBalanceLow", PAYMENTS, "payments-pager"),
        ("ExchangeTotalBalanceHigh", TREASURY, "treasury"),
        ("ExchangeTotalBalanceHigh", PAYMENTS, "payments"),
        ("ExchangeBalanceFell", TREASURY, "treasury"),
        ("ExchangeAllBalancesZero", PAYMENTS, "payments-pager"),
        ("ExchangeFundsLocked", TREASURY, "treasury"),
        ("ExchangeThresholdWithoutBalance", TREASURY, "treasury-pager"),
    ],
)
def test_an_alert_reaches_those_who_answer_for_it(
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
    """Fire alerts in an account of this call's own; return which of them are inhibited."""
    names = [alert["alertname"] for alert in alerts]
    client.post("/api/v2/alerts", json=[{"labels": alert} for alert in alerts]).raise_for_status()
    answer: list[dict[str, Any]] = client.get("/api/v2/alerts").raise_for_status().json()
    found = {
        alert["labels"]["alertname"]: bool(alert["status"]["inhibitedBy"])
        for alert in answer
        if alert["labels"] in alerts
    }
    end = "2001-01-01T00:00:00Z"
    over = [{"labels": alert, "startsAt": end, "endsAt": end} for alert in alerts]
    client.post("/api/v2/alerts", json=over).raise_for_status()
    assert found.keys() == set(names)
    return found


def test_a_dead_exporter_silences_all_that_it_said(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeExporterDown", **EXPORTER),
        labels_of("ExchangeAccountDown", **EXPORTER, **TREASURY),
        labels_of("ExchangeFreeBalanceLow", **EXPORTER, **TREASURY, asset="BTC"),
        labels_of("ExchangeConfigReloadFailed", **EXPORTER),
        labels_of("ExchangeExporterAbsent"),
        labels_of("ExchangeTooFewAccounts", exchange="btcturk"),
    ) == {
        "ExchangeExporterDown": False,
        "ExchangeAccountDown": True,
        "ExchangeFreeBalanceLow": True,
        "ExchangeConfigReloadFailed": True,
        "ExchangeExporterAbsent": True,
        "ExchangeTooFewAccounts": True,
    }


def test_a_dead_exporter_does_not_silence_another_one(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeExporterDown", **EXPORTER),
        labels_of("ExchangeAccountDown", **{**EXPORTER, "instance": "other:10517"}, **TREASURY),
    ) == {"ExchangeExporterDown": False, "ExchangeAccountDown": False}


def test_an_exchange_that_is_down_silences_its_accounts(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAllAccountsDown", **EXPORTER, exchange="btcturk"),
        labels_of("ExchangeAccountDown", **EXPORTER, **TREASURY),
        labels_of("ExchangeBalancesStale", **EXPORTER, **TREASURY),
        labels_of("ExchangeBalancesMissing", **EXPORTER, **PAYMENTS),
    ) == {
        "ExchangeAllAccountsDown": False,
        "ExchangeAccountDown": True,
        "ExchangeBalancesStale": True,
        "ExchangeBalancesMissing": False,
    }


def test_an_account_that_is_down_silences_its_balances(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAccountDown", **EXPORTER, **TREASURY),
        labels_of("ExchangeBalancesStale", **EXPORTER, **TREASURY),
        labels_of("ExchangeThresholdWithoutBalance", **EXPORTER, **TREASURY, asset="BTC"),
        labels_of("ExchangeFreeBalanceLow", **EXPORTER, **PAYMENTS, asset="USDT"),
    ) == {
        "ExchangeAccountDown": False,
        "ExchangeBalancesStale": True,
        "ExchangeThresholdWithoutBalance": True,
        "ExchangeFreeBalanceLow": False,
    }


def test_a_refused_key_is_said_once_and_not_as_an_account_that_is_down(
    alertmanager: httpx.Client,
) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAuthenticationFailing", **EXPORTER, **TREASURY),
        labels_of("ExchangeAccountDown", **EXPORTER, **TREASURY),
    ) == {"ExchangeAuthenticationFailing": False, "ExchangeAccountDown": True}


def test_everything_at_zero_is_one_message(alertmanager: httpx.Client) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeAllBalancesZero", **TREASURY),
        labels_of("ExchangeBalanceFell", **TREASURY, asset="BTC"),
        labels_of("ExchangeFreeBalanceLow", **EXPORTER, **TREASURY, asset="ETH"),
    ) == {
        "ExchangeAllBalancesZero": False,
        "ExchangeBalanceFell": True,
        "ExchangeFreeBalanceLow": True,
    }


def test_of_one_asset_the_worst_is_enough_but_a_fall_is_always_said(
    alertmanager: httpx.Client,
) -> None:
    assert silenced(
        alertmanager,
        labels_of("ExchangeFreeBalanceLow", **EXPORTER, **TREASURY, asset="BTC"),
        labels_of("ExchangeLockedBalanceHigh", **EXPORTER, **TREASURY, asset="BTC"),
        labels_of("ExchangeTotalBalanceHigh", **EXPORTER, **TREASURY, asset="ETH"),
        labels_of("ExchangeBalanceFell", **TREASURY, asset="BTC"),
    ) == {
        "ExchangeFreeBalanceLow": False,
        "ExchangeLockedBalanceHigh": True,
        "ExchangeTotalBalanceHigh": False,
        "ExchangeBalanceFell": False,
    }
