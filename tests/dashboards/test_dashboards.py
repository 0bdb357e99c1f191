"""Check the dashboards by the rules of Grafana's dashboard-linter, and by our own."""

import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from operator import itemgetter
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.dashboards.files import (
    DIRECTORY,
    ROOT,
    UIDS,
    Json,
    annotations,
    dashboard,
    panels,
    substitute,
    targets,
)
from tests.exposed import exposed_metrics

ALL_TARGETS = [
    pytest.param(target, id=f"{uid}-{title}-{target['refId']}") for uid, title, target in targets()
]
ALL_PANELS = [
    pytest.param(panel, id=f"{uid}-{panel['title']}") for uid in UIDS for panel in panels(uid)
]
PANEL_TYPES = {"stat", "timeseries", "table", "bargauge", "gauge", "text"}

# Units that neither scale an amount nor round it away; "short" and most currencies do.
UNITS = {
    "none",
    "bool",
    "s",
    "bytes",
    "percentunit",
    "dtdurations",
    "dateTimeAsIso",
    "suffix:s",
    "locale",
    "currency:financial: :suffix",
}
DECIMALS = {"locale": {2, 8}, "currency:financial: :suffix": {2}}
"""Coins have the digits that they need, up to 8; currencies have two."""

OURS = exposed_metrics()
PROMETHEUS = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "ALERTS",
    "ALERTS_FOR_STATE",
}
IF_CONFIGURED = {
    "exchange_account_ignored_assets",
    "exchange_account_key_permission",
    "exchange_pending_deposit_balance",
    "exchange_pending_withdrawal_balance",
    "exchange_account_unpriced_assets",
    "exchange_account_value",
    "exchange_account_valued_assets",
    "exchange_api_paused_until_timestamp_seconds",
    "exchange_api_rate_limit_requests_per_minute",
    "exchange_api_request_duration_seconds_bucket",
    "exchange_api_requests_total",
    "exchange_asset_price",
    "exchange_asset_price_info",
    "exchange_asset_price_updated_timestamp_seconds",
    "exchange_price_source_failures_total",
    "exchange_price_source_last_success_timestamp_seconds",
    "exchange_price_source_quotes",
    "exchange_price_source_refused_quotes",
    "exchange_price_source_stale_after_seconds",
    "exchange_price_source_up",
    "exchange_reference_currency",
}
"""Metrics of valuation and of requests, which an exporter without accounts does not expose."""
BALANCES = {
    "exchange_total_balance",
    "exchange_free_balance",
    "exchange_locked_balance",
    "exchange_locked_orders_balance",
    "exchange_locked_withdrawals_balance",
}
TREASURY, ACCOUNT, EXPORTER = UIDS


def selectors(expr: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return every metric of a query with the functions that stand around it."""
    found, around = [], []

    def enter(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.Call):
            around.append(node.func.name)
        if isinstance(node, promql_parser.VectorSelector):
            found.append((str(node.name), tuple(around)))
        if isinstance(node, promql_parser.MatrixSelector):
            found.append((str(node.vector_selector.name), tuple(around)))

    def leave(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.Call):
            around.pop()

    promql_parser.walk(promql_parser.parse(substitute(expr)), enter, leave)
    return found


def metrics_in_use() -> set[str]:
    return {metric for _, _, target in targets() for metric, _ in selectors(target["expr"])}


def rule_names(kind: str) -> set[str]:
    """Return the names of all rules of a kind, `alert` or `record`."""
    groups = (yaml.safe_load(path.read_text())["groups"] for path in rules())
    return {rule[kind] for each in groups for g in each for rule in g["rules"] if kind in rule}


def rules() -> list[Path]:
    return list((ROOT / "prometheus/rules").glob("*.yaml"))


def test_the_dashboards_are_what_their_source_makes() -> None:
    command = [sys.executable, "-m", "grafana.source", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_there_is_no_dashboard_without_a_source() -> None:
    assert {path.stem for path in DIRECTORY.glob("*.json")} == set(UIDS)


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_can_be_found_and_not_be_changed_by_accident(uid: str) -> None:
    made = dashboard(uid)

    assert made["uid"] == uid
    assert made["title"]
    assert made["tags"] == ["exchange-balances"]
    assert made["editable"] is False
    assert made["timezone"] == "browser"
    assert made["time"] == {"from": "now-24h", "to": "now"}
    assert made["refresh"] == "1m"
    assert "id" not in made


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_links_to_the_others_without_its_selection(uid: str) -> None:
    links = {link["url"]: link for link in dashboard(uid)["links"]}

    assert not any(link["includeVars"] for link in links.values())
    assert {url for url in links if url.startswith("/d/")} == {
        f"/d/{other}?${{datasource:queryparam}}" for other in UIDS if other != uid
    }
    assert all(link["keepTime"] for url, link in links.items() if url.startswith("/d/"))


def test_no_link_selects_accounts_of_a_dashboard_that_adds_up() -> None:
    selecting = [url for uid in UIDS for url in cell_links(uid) if "var-" in url]

    assert selecting
    for url in selecting:
        assert not re.search(r"var-(exchange|account)\b", url)


def test_the_account_detail_shares_no_selection_with_the_others() -> None:
    names = {
        uid: {variable["name"] for variable in dashboard(uid)["templating"]["list"]} for uid in UIDS
    }

    assert {"one_exchange", "one_account"} <= names[ACCOUNT]
    assert names[ACCOUNT] & names[TREASURY] == {"datasource", "asset", "currency"}
    assert names[ACCOUNT] & names[EXPORTER] == {"datasource"}


def cell_links(uid: str) -> list[str]:
    """Return the links of the cells of a dashboard's tables."""
    overrides = [each for panel in panels(uid) for each in panel["fieldConfig"]["overrides"]]
    properties = [each for one in overrides for each in one["properties"]]
    return [link["url"] for one in properties if one["id"] == "links" for link in one["value"]]


@pytest.mark.parametrize("uid", UIDS)
def test_the_data_source_is_chosen_first_and_named_nowhere(uid: str) -> None:
    made = dashboard(uid)
    first = made["templating"]["list"][0]

    assert (first["name"], first["type"], first["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    used = [one["datasource"] for one in [*panels(uid), *made["templating"]["list"][1:]]]
    used += [target["datasource"] for panel in panels(uid) for target in panel["targets"]]
    assert {(one["type"], one["uid"]) for one in used} == {("prometheus", "${datasource}")}


@pytest.mark.parametrize("uid", UIDS)
def test_variables_are_queried_again_when_the_time_range_changes(uid: str) -> None:
    for variable in dashboard(uid)["templating"]["list"][1:]:
        assert variable["refresh"] == 2
        assert variable["label"]
        inner = re.fullmatch(
            r"label_values\((.+), \w+\)|query_result\((.+)\)", variable["query"]["query"]
        )
        assert inner
        promql_parser.parse(substitute(inner[1] or inner[2]))


def grids(uid: str) -> list[list[Json]]:
    """Return the places of the panels that are shown, and of those of each folded row."""
    shown = dashboard(uid)["panels"]
    folded = [panel["panels"] for panel in shown if panel.get("panels")]
    return [[panel["gridPos"] for panel in each] for each in (shown, *folded)]


@pytest.mark.parametrize("places", [grid for uid in UIDS for grid in grids(uid)])
def test_panels_fill_the_grid_and_do_not_overlap(places: list[Json]) -> None:
    widths = Counter[int]()
    for place in places:
        widths[place["y"]] += place["w"]

    assert set(widths.values()) == {24}
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart


@pytest.mark.parametrize("uid", UIDS)
def test_a_dashboard_is_neither_empty_nor_crowded(uid: str) -> None:
    shown, *_ = grids(uid)
    everything = panels(uid)

    assert len(everything) >= 12
    assert len(shown) <= 31
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)


@pytest.mark.parametrize("uid", UIDS)
def test_the_first_screen_shows_whether_all_is_well(uid: str) -> None:
    first = [panel for panel in dashboard(uid)["panels"] if panel["gridPos"]["y"] < 4]

    assert {panel["type"] for panel in first} <= {"stat", "gauge"}
    assert len(first) >= 6


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_explains_itself(panel: Json) -> None:
    assert panel["type"] in PANEL_TYPES
    assert panel["title"]
    assert len(panel["description"]) > 60
    assert panel["description"].endswith(".")
    assert panel["targets"]


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_what_a_panel_says_without_data_is_true_of_a_failed_query_too(panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    cells = [
        each["value"]
        for one in panel["fieldConfig"]["overrides"]
        for each in one["properties"]
        if each["id"] == "noValue"
    ]

    assert defaults["noValue"] == "nothing to show"
    assert set(cells) <= {"—"}


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_shows_amounts_in_full(panel: Json) -> None:
    config = panel["fieldConfig"]
    looks = [config["defaults"]] + [
        {one["id"]: one["value"] for one in override["properties"]}
        for override in config["overrides"]
    ]

    assert config["defaults"]["unit"] in UNITS
    for look in looks:
        assert look.get("unit", "none") in UNITS
        if look.get("unit") in DECIMALS:
            assert look["decimals"] in DECIMALS[look["unit"]]


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_shows_gaps_as_gaps_and_no_value_of_the_past_as_present(panel: Json) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})

    assert custom.get("spanNulls", False) is False
    if panel["type"] != "timeseries":
        assert all(target["instant"] and not target["range"] for target in panel["targets"])


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_counter_stands_only_under_rate_or_increase(target: Json) -> None:
    for metric, around in selectors(target["expr"]):
        if metric.endswith(("_total", "_bucket")):
            assert around[-1] in {"rate", "increase"}
        else:
            assert not {"rate", "increase"} & set(around)


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_rate_over_time_follows_the_resolution(target: Json) -> None:
    windows = set(re.findall(r"(?:rate|increase)\(\w+\{[^}]*\}\[(.+?)\]", target["expr"]))

    # A present value has no resolution: it is about the last minutes or about the selected time.
    assert windows <= ({"5m", "1h", "$__range"} if target["instant"] else {"$__rate_interval"})


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_rate_has_two_samples_at_every_supported_scrape_interval(target: Json) -> None:
    """A minimum step of a minute makes Grafana's `$__rate_interval` four minutes or more."""
    assert target["interval"] in ({""} if target["instant"] else {"1m", "1h"})


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_query_selects_by_the_variables(target: Json) -> None:
    """Demand no matcher on job and instance: an account is the same whichever exporter reads it."""
    bare = (OURS | IF_CONFIGURED) & set(re.findall(r"(?<![\w:])\w+(?![\w{:])", target["expr"]))
    matchers = re.findall(r"\w+{(.*?)}", target["expr"])

    # These say whether there is an exporter, and whether it values anything at all.
    assert bare <= {"exchange_exporter_build_info", "exchange_reference_currency"}
    assert all("$" in matcher for matcher in matchers)


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_balances_are_added_up_only_over_the_accounts_that_are_counted(target: Json) -> None:
    sums = re.findall(
        r"sum by \(exchange, asset\) \(max by \(exchange, account, asset\) \((.+?)\)\)",
        target["expr"],
    )

    assert all("on (job, instance, exchange, account) instance_exchange" in each for each in sums)


@pytest.mark.parametrize(
    "target", [target for uid, _, target in targets() if uid != ACCOUNT], ids=itemgetter("expr")
)
def test_no_query_over_accounts_reads_every_balance(target: Json) -> None:
    """Demand one asset or a selection of accounts: sums over all accounts are recorded."""
    for metric, matchers in re.findall(r"(?<![\w:])(exchange_\w+)\{(.*?)\}", target["expr"]):
        if metric in BALANCES:
            assert 'asset="$asset"' in matchers or 'all!~"$account"' in matchers


def test_every_metric_that_is_used_exists() -> None:
    assert metrics_in_use() <= OURS | PROMETHEUS | IF_CONFIGURED | rule_names("record")


def test_every_runbook_that_a_panel_links_to_exists() -> None:
    links = {
        link["url"].rsplit("/", 1)[1].removesuffix(".md")
        for uid in UIDS
        for panel in panels(uid)
        for link in panel["links"]
    }

    assert links
    assert links <= rule_names("alert")


@pytest.mark.parametrize("uid", [TREASURY, ACCOUNT])
def test_every_alert_that_fires_is_listed_with_its_runbook(uid: str) -> None:
    assert any(url.endswith("/${__data.fields.Alert:percentencode}.md") for url in cell_links(uid))


@pytest.mark.parametrize("uid", UIDS)
def test_charts_mark_deploys_restarts_reloads_accounts_and_alerts(uid: str) -> None:
    assert set(annotations(uid)) == {
        "Deploys",
        "Restarts",
        "Reloads",
        "Accounts added",
        "Accounts removed",
        "Alerts",
    }
    for expr in annotations(uid).values():
        promql_parser.parse(substitute(expr))


@pytest.mark.parametrize(
    "panel", [panel for uid in UIDS for panel in panels(uid) if panel["type"] == "table"]
)
def test_a_table_shows_the_worst_first(panel: Json) -> None:
    first = panel["options"]["sortBy"][0]
    headings = set(panel["transformations"][1]["options"]["renameByName"].values())

    assert first["displayName"] in headings
    for word in ("State", "Severity", "Now"):
        if word in headings:
            assert (first["displayName"], first["desc"]) == (word, worst_is_highest(panel, word))


def test_a_rate_limit_that_is_paused_stands_above_those_in_use() -> None:
    (limits,) = (one for one in panels(EXPORTER) if one["title"] == "Rate limits")

    assert [(each["displayName"], each["desc"]) for each in limits["options"]["sortBy"]] == [
        ("Paused for", True),
        ("Used", True),
    ]


def worst_is_highest(panel: Json, heading: str) -> bool:
    """Return whether red stands for the highest value of a column of states."""
    (override,) = (
        one for one in panel["fieldConfig"]["overrides"] if one["matcher"]["options"] == heading
    )
    (mappings,) = (one["value"] for one in override["properties"] if one["id"] == "mappings")
    colors = {float(value): each["color"] for value, each in mappings[0]["options"].items()}
    return bool(colors[max(colors)] != "green")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("datasources/prometheus.yaml", "datasources"),
        ("dashboards/exchange-balances.yaml", "providers"),
    ],
)
def test_provisioning_files_can_be_read(path: str, key: str) -> None:
    read = yaml.safe_load((ROOT / "grafana/provisioning" / path).read_text())

    assert read["apiVersion"] == 1
    assert len(read[key]) == 1
