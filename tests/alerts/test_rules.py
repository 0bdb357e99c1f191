"""Check the rules by what operators expect of rules, and run their unit tests."""

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from exporter.commands.assets import RUNBOOKS_URL
from tests.alerts.conftest import Tool
from tests.alerts.files import (
    ALERTS,
    GROUPS,
    RECORDS,
    ROOT,
    RULE_FILES,
    RULES,
    RUNBOOKS,
    TEST_FILES,
    metrics,
    read_yaml,
    selectors,
)

each_alert = pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)

FOR_READERS = {
    "all:exchange_account_counted:sum",
    "all:exchange_account_never_seen:count",
    "exchange:exchange_account_counted:sum",
    "exchange:exchange_account_left_out:count",
}
"""Records that stand beside totals in queries of other people's, as n of m does."""

PEERS = {"ExchangePollsFailing", "ExchangeRateLimited"}
"""Alerts whose own expressions leave outages to ExchangeAccountDown."""

BOUNDED = "exchange_account_asset_bound:exchange_balance:bounded"

CASES: list[dict[str, Any]] = [
    case
    for path in TEST_FILES
    for test in read_yaml(path)["tests"]
    for case in test.get("alert_rule_test", [])
]


@pytest.mark.parametrize("path", RULE_FILES, ids=lambda path: path.stem)
def test_promtool_finds_nothing_wrong_with_the_rules(promtool: Tool, path: Path) -> None:
    result = promtool("check", "rules", "--lint=all", "--lint-fatal", path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.compose.yml"])
def test_promtool_accepts_the_example_configurations(promtool: Tool, name: str) -> None:
    result = promtool("check", "config", ROOT / "prometheus" / name)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: path.stem)
def test_the_rules_pass_their_unit_tests(promtool: Tool, path: Path) -> None:
    result = promtool("test", "rules", path)
    assert result.returncode == 0, result.stdout + result.stderr


@each_alert
def test_an_alert_fires_stays_quiet_resolves_and_copes_without_data(alert: dict[str, Any]) -> None:
    mine = [case for case in CASES if case["alertname"] == alert["alert"]]
    firing = [case for case in mine if case.get("exp_alerts")]
    assert len(mine) >= 4
    assert firing
    assert len(mine) - len(firing) >= 3 or alert["expr"].startswith("absent_over_time")


@each_alert
def test_an_alert_is_named_and_labelled_for_routing(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Exchange([A-Z][a-z]+)+", alert["alert"])
    assert len(alert["alert"]) <= 40
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["labels"]["scope"] in {"exporter", "account", "balance"}


@each_alert
def test_the_summary_is_a_sentence_without_templates(alert: dict[str, Any]) -> None:
    summary = alert["annotations"]["summary"]
    assert re.fullmatch(r"[A-Z][^{}]+\.", summary)


@each_alert
def test_the_description_is_templated_and_never_rounds_money(alert: dict[str, Any]) -> None:
    description = alert["annotations"]["description"]
    assert "{{" in description
    assert description.endswith(".")
    assert "humanize $" not in description


@each_alert
def test_an_alert_links_to_its_runbook_and_to_a_dashboard(alert: dict[str, Any]) -> None:
    annotations = alert["annotations"]
    assert annotations["runbook_url"] == f"{RUNBOOKS_URL}/{alert['alert']}.md"
    dashboard = annotations["dashboard"].removeprefix("/d/").partition("?")[0]
    assert dashboard in {"exchange-treasury", "exchange-account", "exchange-exporter"}


@each_alert
def test_a_runbook_says_what_it_means_and_what_to_do(alert: dict[str, Any]) -> None:
    text = (RUNBOOKS / f"{alert['alert']}.md").read_text()
    headings = re.findall(r"^##? .*", text, re.MULTILINE)
    assert headings == [
        f"# {alert['alert']}",
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
    ]
    sections = re.split(r"^##? .*", text, flags=re.MULTILINE)[2:]
    assert all(section.strip() for section in sections)


def test_no_runbook_has_lost_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("Exchange*.md")} == set(ALERTS)


def test_a_runbook_links_only_to_runbooks_that_exist() -> None:
    for path in RUNBOOKS.glob("*.md"):
        links = re.findall(r"\]\((\w+\.md)\)", path.read_text())
        assert [link for link in links if not (RUNBOOKS / link).exists()] == [], path.name


@each_alert
def test_one_lost_scrape_in_a_minute_is_bridged_by_every_window(alert: dict[str, Any]) -> None:
    for selector in selectors(alert["expr"]):
        name = selector.partition("{")[0]
        window = re.search(r"\[(\d+)([mhdw])", selector)
        if window:
            assert window[2] != "m" or int(window[1]) >= 3, selector
        else:  # what a rule recorded looks back by itself; a subquery has a window of its own
            assert (
                name in RECORDS
                or alert.get("for") == "10m"
                or re.search(rf"{re.escape(name)}\S*\[\d+[mhdw]:", alert["expr"])
            ), selector


def test_recorded_series_are_named_level_metric_operation() -> None:
    names = [re.fullmatch(r"(\w+):(\w+):(\w+)", name) for name in RECORDS]
    assert all(names)
    levels = {name[1] for name in names if name}
    assert levels == {
        "all", "asset", "exchange", "exchange_account", "exchange_account_asset",
        "exchange_account_asset_bound", "exchange_account_reason", "exchange_asset",
        "exchange_reason", "currency", "exchange_account_currency", "exchange_asset_currency",
        "exchange_currency",
        "instance", "instance_exchange_account",
    }  # fmt: skip


def test_every_threshold_has_its_alert_and_its_absence_twin() -> None:
    bounds = {f"{kind}_{side}" for kind in ("free", "total", "locked") for side in ("min", "max")}
    compared = {
        bound
        for alert in ALERTS.values()
        for bound in re.findall(r'balance_threshold\{bound="(\w+)"\}', alert["expr"])
    }
    kinds = set(re.findall(r'bound=~"(\w+)_\.\+"', RECORDS[BOUNDED]["expr"]))
    assert compared == bounds == {f"{kind}_{side}" for kind in kinds for side in ("min", "max")}
    twin = ALERTS["ExchangeThresholdWithoutBalance"]["expr"]
    assert selectors(twin) == ["exchange_balance_threshold{}[3m]", f"{BOUNDED}{{}}[3m]"]


def test_every_record_is_read_by_a_rule_or_a_dashboard() -> None:
    dashboards = " ".join(path.read_text() for path in (ROOT / "grafana/dashboards").glob("*.json"))
    read = set().union(*(metrics(rule["expr"]) for rule in RULES))
    unread = {name for name in RECORDS if name not in read and name not in dashboards}
    assert unread == FOR_READERS


@each_alert
def test_an_alert_about_an_account_does_not_depend_on_the_exporter(alert: dict[str, Any]) -> None:
    """Its labels have no `instance`, so that a redeployment fires nothing again."""
    if alert["labels"]["scope"] != "exporter":
        fired = [
            label
            for case in CASES
            if case["alertname"] == alert["alert"]
            for label in case.get("exp_alerts", [])
        ]
        assert fired
        assert not any({"job", "instance"} & one["exp_labels"].keys() for one in fired)


def test_an_alert_that_mutes_others_keeps_firing_for_longer_than_they_do() -> None:
    named = [
        (source, target)
        for rule in read_yaml("alertmanager/alertmanager.yml")["inhibit_rules"]
        for source in exchange_alerts(rule["source_matchers"])
        for target in exchange_alerts(rule["target_matchers"])
    ]
    assert len(named) > 10
    wrong = [(source, target) for source, target in named if outlasts(target) >= outlasts(source)]
    assert wrong == [("ExchangeAccountsOrphaned", "ExchangeTooFewAccounts")], "they end together"


def exchange_alerts(matchers: list[str]) -> list[str]:
    """Return the alerts that matchers name; all others are those of a scope."""
    text = " ".join(matcher for matcher in matchers if "!" not in matcher)
    return [name for name in re.findall(r"Exchange\w+", text) if name not in PEERS]


def outlasts(name: str) -> int:
    """Return for how many minutes an alert keeps firing."""
    return int(ALERTS[name].get("keep_firing_for", "0m").removesuffix("m").replace("1h", "60"))


def test_groups_are_small_and_names_are_unique() -> None:
    names = [group["name"] for group in GROUPS]
    assert all(re.fullmatch(r"exchange-[a-z]+", name) for name in names)
    assert max(sum("alert" in rule for rule in group["rules"]) for group in GROUPS) <= 20
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert len(ALERTS) + len(RECORDS) == len(RULES)


def test_a_dead_exporter_is_reported_before_its_accounts() -> None:
    """The order of the waits, shortest first; each starts with what was scraped last."""
    names = ("ExchangeExporterDown", "ExchangeAccountDown", "ExchangeBalancesStale")
    waits = [int(ALERTS[name]["for"].removesuffix("m")) for name in names]
    assert all(earlier < later for earlier, later in pairwise(waits))
