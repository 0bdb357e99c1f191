"""Put panels, variables and links together to a dashboard."""

from collections.abc import Sequence
from typing import Any

from .look import Json
from .panels import DATASOURCE, RUNBOOKS
from .queries import TOTAL, Accounts

TAG = "exchange-balances"
WIDTH = 24
"""Columns of Grafana's grid."""

Row = tuple[Any, ...]
"""A height and (width, panel) pairs."""


def source() -> Json:
    """Return the variable that chooses the data source."""
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "options": [],
        "current": {},
    }


def variable(
    name: str, label: str, query: str, *, several: bool = False, every: str | None = ".+"
) -> Json:
    """Return a variable whose choices come from the data; `several` offers All, and starts so.

    `every` is what All matches; None lists the choices instead.
    """
    everything = {"text": "All", "value": "$__all"}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "regex": "",
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": several,
        "includeAll": several,
        **({"allValue": every} if several and every else {}),
        "options": [],
        "current": everything if several else {},
    }


def exchange(*, several: bool) -> Json:
    """Return the variable `exchange`."""
    query = "label_values(exchange_account_up, exchange)"
    return variable("exchange", "Exchange", query, several=several)


def account(*, several: bool) -> Json:
    """Return the variable `account`, of the chosen exchanges."""
    matcher = 'exchange=~"$exchange"' if several else 'exchange="$exchange"'
    query = f"label_values(exchange_account_up{{{matcher}}}, account)"
    return variable("account", "Account", query, several=several)


def asset(accounts: Accounts) -> Json:
    """Return the variable `asset`: one that is held, the most widely held first."""
    held = f"max_over_time({accounts.select(TOTAL)}[1d]) != 0"
    query = f"query_result(sort_desc(count by (asset) ({held})))"
    return variable("asset", "Asset", query) | {"regex": '/asset="([^"]+)"/', "sort": 0}


def heading(title: str) -> Row:
    """Return the heading of the rows that follow."""
    return (1, (WIDTH, {"type": "row", "title": title, "collapsed": False, "panels": []}))


def place(rows: Sequence[Row]) -> list[Json]:
    """Return the panels of all rows with their places and numbers."""
    placed: list[Json] = []
    y = 0
    for height, *cells in rows:
        x = 0
        for width, panel in cells:
            grid = {"x": x, "y": y, "w": width, "h": height}
            placed.append({"id": len(placed) + 1, **panel, "gridPos": grid})
            x += width
        y += height
    return placed


LINKS: list[Json] = [
    {
        "type": "dashboards",
        "title": "",
        "tags": [TAG],
        "url": "",
        "icon": "external link",
        "tooltip": "",
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
    },
    {
        "type": "link",
        "title": "Runbooks",
        "tags": [],
        "url": RUNBOOKS,
        "icon": "doc",
        "tooltip": "What each alert means and what to do",
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": True,
    },
]


def dashboard(
    uid: str, title: str, description: str, variables: Sequence[Json], rows: Sequence[Row]
) -> Json:
    """Return a dashboard of the last day."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": [TAG],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 41,
        "version": 1,
        "refresh": "1m",
        "time": {"from": "now-24h", "to": "now"},
        "timepicker": {},
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "annotations": {"list": []},
        "templating": {"list": list(variables)},
        "links": LINKS,
        "panels": place(rows),
    }
