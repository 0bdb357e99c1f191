"""Make the parts of a dashboard as plain dictionaries, with one look for each kind of panel."""

from collections.abc import Mapping, Sequence
from typing import Any

from .queries import NOT_WHOLE, ready

Json = dict[str, Any]

RUNBOOKS = "https://github.com/exchange-balance-exporter/exchange-balance-exporter/blob/main/docs/runbooks"
"""Where the runbooks are read."""

TAG = "exchange-balances"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Colour says state and nothing else; what is only a figure has the colour of text.
GOOD, WARNING, BAD, QUIET = "green", "orange", "red", "text"
TOTAL, FREE, LOCKED = "blue", "semi-dark-blue", "purple"

# The one unit of Grafana (12.1 and later) that writes an amount in full: every digit grouped, as
# many decimals as asked for, and never "5.68K" or "1e-8". Its symbol is a space.
AMOUNT = "currency:financial: :suffix"
# The same on the axes of charts, without the zeros at the end.
PLAIN_AMOUNT = "locale"
DECIMALS = 8
WORDS = "dtdurations"
"""A duration as words: "2 minutes"."""

NO_ACCOUNT = "no account is seen"


def steps(*limits: tuple[float | None, str]) -> Json:
    """Return thresholds from (lowest value, colour) pairs; the first value is None."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": color} for value, color in limits],
    }


def values(words: Mapping[float, tuple[str, str]]) -> Json:
    """Return a mapping of values to (text, colour)."""
    return {
        "type": "value",
        "options": {
            f"{value:g}": {"text": text, "color": color, "index": index}
            for index, (value, (text, color)) in enumerate(words.items())
        },
    }


def nan(text: str, color: str = WARNING) -> Json:
    """Return a mapping of NaN, which stands for a sum that would lie."""
    return {
        "type": "special",
        "options": {"match": "nan", "result": {"text": text, "color": color, "index": 90}},
    }


def query(expr: str, legend: str = "", *, instant: bool = False, table: bool = False) -> Json:
    """Return a query; a table's is always instant."""
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": "table" if table else "time_series",
        "instant": instant or table,
        "range": not (instant or table),
        "legendFormat": legend or "__auto",
    }


def now(expr: str, legend: str = "") -> Json:
    """Return a query for the present value alone."""
    return query(expr, legend, instant=True)


def panel(kind: str, title: str, description: str, **fields: Any) -> Json:
    """Return what all panels have in common."""
    targets = fields.pop("targets")
    for index, target in enumerate(targets):
        target["refId"] = chr(ord("A") + index)
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets,
        **fields,
    }


def runbook(name: str) -> list[Json]:
    """Return the link to an alert's runbook."""
    return [{"title": f"Runbook: {name}", "url": f"{RUNBOOKS}/{name}.md", "targetBlank": True}]


def stat(
    title: str,
    description: str,
    *targets: Json,
    unit: str = "none",
    decimals: int | None = 0,
    color: Json | None = None,
    mappings: Sequence[Json] = (),
    empty: str = NO_ACCOUNT,
    text: str = "value",
    size: int = 28,
    overrides: Sequence[Json] = (),
    links: Sequence[Json] = (),
) -> Json:
    """Return a headline of present values; `text="name"` shows the legend instead of the value."""
    return panel(
        "stat",
        title,
        description,
        targets=list(targets),
        links=list(links),
        fieldConfig={
            "defaults": {
                "unit": unit,
                **({} if decimals is None else {"decimals": decimals}),
                "noValue": empty,
                "mappings": list(mappings),
                "thresholds": color or steps((None, QUIET)),
                "color": {"mode": "thresholds"},
            },
            "overrides": list(overrides),
        },
        options={
            "reduceOptions": {"calcs": ["last"], "fields": "", "values": False},
            "orientation": "auto",
            "textMode": text,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "center",
            "wideLayout": False,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
            "text": {"valueSize": size, "titleSize": 14},
        },
    )


def gauge(
    title: str, description: str, *targets: Json, color: Json, links: Sequence[Json] = ()
) -> Json:
    """Return a share of what is allowed, from 0 to 100 %."""
    made = stat(title, description, *targets, unit="percentunit", color=color, links=links)
    made["type"] = "gauge"
    made["fieldConfig"]["defaults"] |= {"min": 0, "max": 1}
    made["options"] = {
        "reduceOptions": made["options"]["reduceOptions"],
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "sizing": "auto",
        "minVizWidth": 75,
        "minVizHeight": 75,
    }
    return made


def bars(
    title: str,
    description: str,
    *targets: Json,
    unit: str = "none",
    decimals: int = 0,
    color: Json | None = None,
    top: float | None = None,
    overrides: Sequence[Json] = (),
    empty: str = NO_ACCOUNT,
) -> Json:
    """Return horizontal bars, one for each series."""
    made = stat(
        title,
        description,
        *targets,
        unit=unit,
        decimals=decimals,
        color=color,
        overrides=overrides,
    )
    made["type"] = "bargauge"
    made["fieldConfig"]["defaults"] |= {"min": 0, "noValue": empty}
    if top is not None:
        made["fieldConfig"]["defaults"]["max"] = top
    made["options"] = {
        "reduceOptions": made["options"]["reduceOptions"],
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "text",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizHeight": 16,
        "minVizWidth": 8,
        "maxVizHeight": 28,
        "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom", "calcs": []},
    }
    return made


def override(ref: str, **properties: Any) -> Json:
    """Return a field override for one query; `__` in a name stands for a dot."""
    return {
        "matcher": {"id": "byFrameRefID", "options": ref},
        "properties": [
            {"id": name.replace("__", "."), "value": value} for name, value in properties.items()
        ],
    }


def fixed(color: str) -> Json:
    """Return a colour that does not depend on the value."""
    return {"mode": "fixed", "fixedColor": color}


def band(ref: str, color: str) -> Json:
    """Return the override that draws a query as a shaded time span behind the lines."""
    return override(
        ref,
        color=fixed(color),
        unit="bool",
        min=0,
        max=1,
        custom__axisPlacement="hidden",
        custom__drawStyle="line",
        custom__lineWidth=0,
        custom__fillOpacity=18,
        custom__lineInterpolation="stepAfter",
        custom__stacking={"mode": "none", "group": "band"},
        custom__thresholdsStyle={"mode": "off"},
        mappings=[values({1: ("yes", color)})],
    )


def chart(
    title: str,
    description: str,
    *targets: Json,
    unit: str = "none",
    decimals: int | None = None,
    low: float | None = 0,
    high: float | None = None,
    soft_low: float | None = None,
    stacked: bool = False,
    stepped: bool = False,
    bar: bool = False,
    fill: int = 0,
    overrides: Sequence[Json] = (),
    outages: bool = False,
    empty: str = NO_ACCOUNT,
    links: Sequence[Json] = (),
) -> Json:
    """Return lines over time.

    Gaps stay gaps. With `outages`, the time spans in which an account was missing are shaded, so
    that an outage is never taken for money that left.
    """
    targets, overrides = list(targets), list(overrides)
    if outages:
        for shade, color in (
            (query(f"1 + 0 * {NOT_WHOLE}", "withheld: an account is down or incomplete"), BAD),
            (query(f"vector(1) unless on () count({ready()})", "no account is seen"), QUIET),
        ):
            targets.append(shade)
            overrides.append(band(chr(ord("A") + len(targets) - 1), color))
    defaults: Json = {
        "unit": unit,
        "noValue": empty,
        "color": {"mode": "palette-classic"},
        "custom": {
            "drawStyle": "bars" if bar else "line",
            "lineInterpolation": "stepAfter" if stepped else "linear",
            "lineWidth": 1 if stacked or bar else 2,
            "fillOpacity": 70 if bar else 25 if stacked else fill,
            "gradientMode": "none",
            "spanNulls": False,
            "showPoints": "never",
            "pointSize": 4,
            "axisPlacement": "auto",
            "axisBorderShow": False,
            "axisColorMode": "text",
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off"},
        },
    }
    if decimals is not None:
        defaults["decimals"] = decimals
    if low is not None:
        defaults["min"] = low
    if soft_low is not None:
        defaults["custom"]["axisSoftMin"] = soft_low
    if high is not None:
        defaults["max"] = high
    return panel(
        "timeseries",
        title,
        description,
        targets=list(targets),
        links=list(links),
        fieldConfig={"defaults": defaults, "overrides": list(overrides)},
        options={
            "legend": {
                "showLegend": True,
                "displayMode": "list",
                "placement": "bottom",
                "calcs": [],
            },
            "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": False},
        },
    )


def column(field: str, title: str, width: int | None = None, **properties: Any) -> Json:
    """Return a table's column: a label or `Value #A`, its heading, its width in pixels."""
    if width:
        properties = {"custom__width": width, **properties}
    properties = {"noValue": "–", **properties}
    return {"field": field, "title": title, "properties": properties}


def amount(ref: str, title: str, width: int | None = 180) -> Json:
    """Return a column of amounts in full; NaN there stands for a sum that would lie."""
    return column(
        f"Value #{ref}",
        title,
        width,
        unit=AMOUNT,
        decimals=DECIMALS,
        custom__align="right",
        mappings=[nan("withheld")],
        custom__cellOptions={"type": "color-text"},
        thresholds=steps((None, QUIET)),
    )


def state(
    ref: str, title: str, width: int, words: Mapping[float, tuple[str, str]]
) -> Json:
    """Return a column of states, each a coloured word."""
    return column(
        f"Value #{ref}",
        title,
        width,
        mappings=[values(words), nan("–", QUIET)],
        custom__align="left",
        custom__cellOptions={"type": "color-text"},
    )


def share(ref: str, title: str, width: int, color: Json) -> Json:
    """Return a column of shares, drawn as bars from 0 to 100 %."""
    return column(
        f"Value #{ref}",
        title,
        width,
        unit="percentunit",
        decimals=1,
        min=0,
        max=1,
        mappings=[nan("withheld")],
        thresholds=color,
        custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
    )


def table(
    title: str,
    description: str,
    targets: Sequence[str],
    columns: Sequence[Json],
    *,
    sort: str,
    descending: bool = False,
    hide: Sequence[str] = (),
    empty: str = NO_ACCOUNT,
    links: Sequence[Json] = (),
) -> Json:
    """Return a table of present values: the queries are joined on their common labels."""
    shown = [column["field"] for column in columns]
    refs = [f"Value #{chr(ord('A') + index)}" for index in range(len(targets))]
    hidden = {"Time", "Value", *hide, *refs} - set(shown)
    rename = {column["field"]: column["title"] for column in columns}
    if len(targets) == 1:
        rename = {("Value" if key == "Value #A" else key): name for key, name in rename.items()}
        shown = ["Value" if field == "Value #A" else field for field in shown]
        hidden -= {"Value"} if "Value" in shown else set()
    return panel(
        "table",
        title,
        description,
        targets=[query(expr, table=True) for expr in targets],
        links=list(links),
        transformations=[
            {"id": "merge", "options": {}},
            {
                "id": "organize",
                "options": {
                    "excludeByName": dict.fromkeys(sorted(hidden), True),
                    "indexByName": {field: index for index, field in enumerate(shown)},
                    "renameByName": rename,
                },
            },
        ],
        fieldConfig={
            "defaults": {
                "unit": "none",
                "noValue": empty,
                "color": {"mode": "thresholds"},
                "thresholds": steps((None, QUIET)),
                "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
            },
            "overrides": [
                {
                    "matcher": {"id": "byName", "options": column["title"]},
                    "properties": [
                        {"id": name.replace("__", "."), "value": value}
                        for name, value in column["properties"].items()
                    ],
                }
                for column in columns
                if column["properties"]
            ],
        },
        options={
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": sort, "desc": descending}],
            "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        },
    )


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


def variable(name: str, label: str, text: str, *, several: bool, regex: str = "") -> Json:
    """Return a variable whose choices come from the data; `several` offers All, and starts so."""
    every = {"text": "All", "value": "$__all"}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": text,
        "query": {"query": text, "refId": "StandardVariableQuery"},
        "regex": regex,
        "refresh": 2,
        "sort": 0 if regex else 1,
        "hide": 0,
        "multi": several,
        "includeAll": several,
        **({"allValue": ".+"} if several else {}),
        "options": [],
        "current": every if several else {},
    }


def row(title: str) -> Json:
    """Return the heading of the rows that follow."""
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def dashboard(
    uid: str, title: str, description: str, variables: Sequence[Json], lines: Sequence[Any]
) -> Json:
    """Return a dashboard.

    Each line is a heading made by `row`, or (height, (width, panel), ...) with 24 columns in all.
    """
    placed: list[Json] = []
    y = 0
    for line in lines:
        if isinstance(line, dict):
            placed.append({**line, "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
            y += 1
            continue
        height, *cells = line
        x = 0
        for width, made in cells:
            placed.append({**made, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        y += height
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
        "links": [
            {
                "type": "dashboards",
                "title": "",
                "tags": [TAG],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            },
            {
                "type": "link",
                "title": "Runbooks",
                "url": RUNBOOKS,
                "tags": [],
                "asDropdown": False,
                "includeVars": False,
                "keepTime": False,
                "targetBlank": True,
                "icon": "doc",
                "tooltip": "What to do for each alert",
            },
        ],
        "panels": [{"id": index, **made} for index, made in enumerate(placed, start=1)],
    }
