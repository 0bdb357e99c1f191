"""Read the dashboards, and run their queries as Grafana would."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
DIRECTORY = ROOT / "grafana/dashboards"
UIDS = ("exchange-treasury", "exchange-account", "exchange-exporter")

Json = dict[str, Any]

EVERYTHING = {
    "$__rate_interval": "16m",
    "$__interval": "4m",
    "$__range": "24h",
    "$datasource": "prometheus",
    "$job": "exchange-balances",
    "$instance": "exporter.*",
    "$exchange": ".*",
    "$account": ".*",
    "$one_exchange": "btcturk",
    "$one_account": "treasury-tr",
    "$asset": "USDT",
    "$currency": "TRY",
}
"""What Grafana puts in the place of variables when everything is selected."""


def dashboard(uid: str) -> Json:
    return dict(json.loads((DIRECTORY / f"{uid}.json").read_text(encoding="utf-8")))


def panels(uid: str) -> list[Json]:
    """Return the panels of a dashboard, also those in folded rows, without the headings of rows."""
    everything = [
        each for panel in dashboard(uid)["panels"] for each in (panel, *panel.get("panels", []))
    ]
    return [panel for panel in everything if panel["type"] != "row"]


def annotations(uid: str) -> dict[str, str]:
    """Return the queries of a dashboard's events by their names."""
    return {one["name"]: one["expr"] for one in dashboard(uid)["annotations"]["list"]}


def targets() -> Iterator[tuple[str, str, Json]]:
    """Return every query with its dashboard and panel."""
    for uid in UIDS:
        for panel in panels(uid):
            for target in panel["targets"]:
                yield uid, panel["title"], target


def substitute(text: str, values: Mapping[str, str] = {}) -> str:
    """Return a query with values in the place of its variables."""
    for variable, value in {**EVERYTHING, **values}.items():
        text = text.replace(variable, value)
    return text
