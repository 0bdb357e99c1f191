"""Put panels, variables and links together to a dashboard."""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from .look import Json
from .panels import DATASOURCE, RUNBOOKS
from .queries import HELD, LAST_SEEN, STATE, Accounts

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


ALL = ".*"
"""What matches everything, and an absent label too: see `queries.ACCOUNTS_SELECTED`."""


def exchange() -> Json:
    """Return the variable `exchange`, which selects several."""
    query = f"label_values({STATE}, exchange)"
    return variable("exchange", "Exchange", query, several=True, every=ALL)


def account() -> Json:
    """Return the variable `account`, which selects several of the chosen exchanges."""
    query = f'label_values({STATE}{{exchange=~"$exchange"}}, account)'
    return variable("account", "Account", query, several=True, every=ALL)


def one_exchange() -> Json:
    """Return the variable of a single exchange.

    It has a name of its own, so that no link takes it for the selection of another dashboard.
    """
    return variable("one_exchange", "Exchange", f"label_values({STATE}, exchange)")


def one_account() -> Json:
    """Return the variable of a single account of that exchange."""
    query = f'label_values({STATE}{{exchange="$one_exchange"}}, account)'
    return variable("one_account", "Account", query)


def asset(accounts: Accounts) -> Json:
    """Return the variable `asset`: one that is or was last held, the most widely held first."""
    held = f"{accounts.select(HELD)} or {accounts.select(LAST_SEEN)}"
    query = f"query_result(sort_desc(count by (asset) ({held})))"
    return variable("asset", "Asset", query) | {"regex": '/asset="([^"]+)"/', "sort": 0}


def currency() -> Json:
    """Return the variable `currency`: those of the configured valuation, in that order."""
    query = "query_result(sort(min by (currency) (exchange_reference_currency)))"
    found = variable("currency", "Currency", query)
    return found | {"regex": '/currency="([^"]+)"/', "sort": 0}


def heading(title: str) -> Row:
    """Return the heading of the rows that follow."""
    return (1, (WIDTH, {"type": "row", "title": title, "collapsed": False, "panels": []}))


def folded(title: str, *rows: Row) -> Row:
    """Return a heading that hides its rows until somebody opens it; until then it costs nothing."""
    return (1, (WIDTH, {"type": "row", "title": title, "collapsed": True, "panels": list(rows)}))


def place(rows: Sequence[Row]) -> list[Json]:
    """Return the panels of all rows with their places and numbers."""
    return _placed(rows, y=0, numbers=count(1))


def _placed(rows: Sequence[Row], y: int, numbers: Iterator[int]) -> list[Json]:
    placed: list[Json] = []
    for height, *cells in rows:
        x = 0
        for width, panel in cells:
            grid = {"x": x, "y": y, "w": width, "h": height}
            within = _within(panel, y + height, numbers)
            placed.append({"id": next(numbers), **panel, **within, "gridPos": grid})
            x += width
        y += height
    return placed


def _within(panel: Json, y: int, numbers: Iterator[int]) -> Json:
    """Return the placed panels of a folded heading, as those of a heading that is open."""
    return {"panels": _placed(panel["panels"], y, numbers)} if panel.get("panels") else {}


PAGES = {
    "exchange-treasury": "Treasury overview",
    "exchange-account": "Account detail",
    "exchange-exporter": "Exporter health",
}


def _link(title: str, url: str, *, keep_time: bool) -> Json:
    return {
        "type": "link",
        "title": title,
        "tags": [],
        "url": url,
        "icon": "dashboard" if keep_time else "doc",
        "tooltip": "" if keep_time else "What each alert means and what to do",
        "asDropdown": False,
        "includeVars": False,
        "keepTime": keep_time,
        "targetBlank": not keep_time,
    }


def links(uid: str) -> list[Json]:
    """Return links to the other dashboards and the runbooks.

    They keep the data source and the time, and nothing else: a selection that came along by a link
    would pass for the whole.
    """
    others = [
        _link(title, f"/d/{other}?${{datasource:queryparam}}", keep_time=True)
        for other, title in PAGES.items()
        if other != uid
    ]
    return [*others, _link("Runbooks", RUNBOOKS, keep_time=False)]


def dashboard(
    uid: str,
    description: str,
    variables: Sequence[Json],
    rows: Sequence[Row],
    events: Sequence[Json],
) -> Json:
    """Return a dashboard of the last day."""
    return {
        "uid": uid,
        "title": PAGES[uid],
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
        "annotations": {"list": list(events)},
        "templating": {"list": list(variables)},
        "links": links(uid),
        "panels": place(rows),
    }
