"""Hold the dashboards to the rules of Grafana's dashboard-linter, and to our own."""

import re
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.dashboards.files import (
    DIRECTORY,
    ROOT,
    UIDS,
    Json,
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
AMOUNTS = {"locale", "currency:financial: :suffix"}

OURS = exposed_metrics()
PROMETHEUS = {"up", "scrape_duration_seconds", "scrape_samples_scraped"}


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


def alerts() -> set[str]:
    groups = (yaml.safe_load(path.read_text())["groups"] for path in rules())
    return {
        rule["alert"] for each in groups for g in each for rule in g["rules"] if "alert" in rule
    }


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
def test_a_dashboard_links_to_the_others_and_keeps_what_is_selected(uid: str) -> None:
    links = [link for link in dashboard(uid)["links"] if link["type"] == "dashboards"]

    assert [(link["tags"], link["includeVars"], link["keepTime"]) for link in links] == [
        (["exchange-balances"], True, True)
    ]


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
def test_variables_are_asked_again_when_the_time_range_changes(uid: str) -> None:
    for variable in dashboard(uid)["templating"]["list"][1:]:
        assert variable["refresh"] == 2
        assert variable["label"]
        inner = re.fullmatch(
            r"label_values\((.+), \w+\)|query_result\((.+)\)", variable["query"]["query"]
        )
        assert inner
        promql_parser.parse(substitute(inner[1] or inner[2]))


@pytest.mark.parametrize("uid", UIDS)
def test_panels_fill_the_grid_and_do_not_overlap(uid: str) -> None:
    places = [panel["gridPos"] for panel in dashboard(uid)["panels"]]
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
    everything = dashboard(uid)["panels"]

    assert len(panels(uid)) >= 12
    assert len(everything) <= 25
    assert len({panel["id"] for panel in everything}) == len(everything)
    assert len({panel["title"] for panel in everything}) == len(everything)


@pytest.mark.parametrize("uid", UIDS)
def test_the_first_row_answers_whether_it_is_all_right(uid: str) -> None:
    first = [panel for panel in dashboard(uid)["panels"] if panel["gridPos"]["y"] == 0]

    assert {panel["type"] for panel in first} <= {"stat", "gauge"}
    assert len(first) == 6


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_explains_itself(panel: Json) -> None:
    assert panel["type"] in PANEL_TYPES
    assert panel["title"]
    assert len(panel["description"]) > 60
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert panel["fieldConfig"]["defaults"]["noValue"]


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
        if look.get("unit") in AMOUNTS:
            assert look["decimals"] == 8


@pytest.mark.parametrize("panel", ALL_PANELS)
def test_a_panel_shows_gaps_as_gaps_and_no_value_of_the_past_as_present(panel: Json) -> None:
    custom = panel["fieldConfig"]["defaults"].get("custom", {})

    assert custom.get("spanNulls", False) is False
    if panel["type"] != "timeseries":
        assert all(target["instant"] and not target["range"] for target in panel["targets"])


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_counter_stands_only_under_rate_or_increase(target: Json) -> None:
    for metric, around in selectors(target["expr"]):
        if metric.endswith("_total"):
            assert around[-1] in {"rate", "increase"}
        else:
            assert not {"rate", "increase"} & set(around)


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_rate_over_time_follows_the_resolution(target: Json) -> None:
    windows = set(re.findall(r"(?:rate|increase)\(\w+\{[^}]*\}\[(.+?)\]", target["expr"]))

    # A present value has no resolution: it is asked of the last hour or of the selected time.
    assert windows <= ({"1h", "$__range"} if target["instant"] else {"$__rate_interval"})


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_query_selects_by_the_variables(target: Json) -> None:
    """Demand no matcher on job and instance: an account is the same whichever exporter reads it."""
    bare = OURS & set(re.findall(r"\w+(?![\w{])", target["expr"]))
    matchers = re.findall(r"\w+{(.*?)}", target["expr"])

    assert bare <= {"exchange_exporter_build_info"}  # says which targets are exporters
    assert all("$" in matcher for matcher in matchers)


@pytest.mark.parametrize("target", ALL_TARGETS)
def test_a_sum_of_balances_stands_beside_its_condition(target: Json) -> None:
    expr = target["expr"]
    if re.search(r"sum by \(asset\) \(max by|sum\(\(sum by", expr):
        assert "exchange_account_up" in expr
        assert "exchange_account_complete" in expr


def test_every_metric_that_is_used_exists() -> None:
    assert metrics_in_use() <= OURS | PROMETHEUS


def test_every_alert_has_a_panel_that_links_to_its_runbook() -> None:
    links = {
        link["url"].rsplit("/", 1)[1].removesuffix(".md")
        for uid in UIDS
        for panel in panels(uid)
        for link in panel["links"]
    }

    assert links == alerts()


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
