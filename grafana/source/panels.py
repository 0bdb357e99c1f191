"""Make panels as plain dictionaries, with one look for each kind."""

# ruff: noqa: PLR0913 (a panel has many options, all of them by keyword)

from collections.abc import Sequence

from .look import (
    AXIS_WIDTH,
    BAD,
    BY_NAME,
    GOOD,
    NO_ACCOUNT,
    NOTHING,
    QUIET,
    TOTAL,
    WARNING,
    Json,
    fixed,
    override,
    steps,
    words,
)
from .queries import COUNTED, Accounts, Selection

RUNBOOKS = (
    "https://github.com/exchange-balance-exporter/exchange-balance-exporter/blob/main/docs/runbooks"
)
"""Where the runbooks are read: the base of `runbook_url` in the alerts."""

Shade = tuple[Json, str]
"""A query, and the colour of the time in which it has a value."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def query(expr: str, legend: str = "") -> Json:
    """Return a query over the selected time, in steps of a minute or more.

    The step makes `$__rate_interval` four minutes or more, so that a rate has two samples at every
    scrape interval up to two minutes, whatever the data source says.
    """
    return {
        "datasource": DATASOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": "time_series",
        "instant": False,
        "range": True,
        "interval": "1m",
        "legendFormat": legend or "__auto",
    }


def now(expr: str, legend: str = "") -> Json:
    """Return a query for the present values alone."""
    return query(expr, legend) | {"instant": True, "range": False, "interval": ""}


def runbooks(*alerts: str) -> list[Json]:
    """Return links to the runbooks of alerts."""
    return [
        {"title": f"Runbook: {alert}", "url": f"{RUNBOOKS}/{alert}.md", "targetBlank": True}
        for alert in alerts
    ]


def panel(
    kind: str,
    title: str,
    description: str,
    targets: Sequence[Json],
    *,
    defaults: Json,
    overrides: Sequence[Json] = (),
    options: Json,
    links: Sequence[Json] = (),
    **more: object,
) -> Json:
    """Return what all kinds of panels have in common; its queries become A, B and so on."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": [
            {**target, "refId": chr(ord("A") + index)} for index, target in enumerate(targets)
        ],
        "links": list(links),
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        **more,
    }


PRESENT = {"calcs": ["last"], "fields": "", "values": False}


def none_failed(counter: str, window: str = "$__rate_interval") -> Json:
    """Return a line at 0 that exists only while a counter is known not to have risen.

    It is not in the legend: a green entry beside failures reads as good news.
    """
    return query(f"sum(increase({counter}[{window}])) == 0", "none")


def good_line(ref: str) -> Json:
    """Return the override of `none_failed`."""
    hidden = {"legend": True, "tooltip": False, "viz": False}
    return override(
        ref,
        color=fixed(GOOD),
        custom__drawStyle="line",
        custom__lineWidth=2,
        custom__fillOpacity=0,
        custom__hideFrom=hidden,
    )


def stat(
    title: str,
    description: str,
    *targets: Json,
    unit: str = "none",
    decimals: int = 0,
    color: Json | None = None,
    mappings: Sequence[Json] = (),
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
        targets,
        links=links,
        defaults={
            "unit": unit,
            "decimals": decimals,
            "noValue": NOTHING,
            "mappings": list(mappings),
            "thresholds": color or steps((None, QUIET)),
            "color": {"mode": "thresholds"},
        },
        overrides=overrides,
        options={
            "reduceOptions": PRESENT,
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
    return panel(
        "gauge",
        title,
        description,
        targets,
        links=links,
        defaults={
            "unit": "percentunit",
            "decimals": 0,
            "min": 0,
            "max": 1,
            "noValue": NOTHING,
            "thresholds": color,
            "color": {"mode": "thresholds"},
        },
        options={
            "reduceOptions": PRESENT,
            "orientation": "auto",
            "showThresholdLabels": False,
            "showThresholdMarkers": True,
            "sizing": "auto",
            "minVizWidth": 75,
            "minVizHeight": 75,
        },
    )


def bars(
    title: str,
    description: str,
    *targets: Json,
    color: Json,
    unit: str = "none",
    decimals: int = 0,
    overrides: Sequence[Json] = (),
    links: Sequence[Json] = (),
) -> Json:
    """Return horizontal bars of present figures, one for each series."""
    return panel(
        "bargauge",
        title,
        description,
        targets,
        links=links,
        defaults={
            "unit": unit,
            "decimals": decimals,
            "min": 0,
            "noValue": NOTHING,
            "thresholds": color,
            "color": {"mode": "thresholds"},
        },
        overrides=overrides,
        options={
            "reduceOptions": PRESENT,
            "orientation": "horizontal",
            "displayMode": "basic",
            "valueMode": "text",
            "namePlacement": "auto",
            "showUnfilled": True,
            "sizing": "auto",
            "minVizHeight": 16,
            "minVizWidth": 8,
            "maxVizHeight": 300,
            "text": {"titleSize": 14, "valueSize": 18},
            "legend": {"showLegend": False, "displayMode": "list", "placement": "bottom"},
        },
    )


def chart(
    title: str,
    description: str,
    *targets: Json,
    unit: str = "none",
    decimals: int | None = None,
    style: str = "line",
    last: bool = False,
    color: Json | None = None,
    shades: Sequence[Shade] = (),
    overrides: Sequence[Json] = (),
    links: Sequence[Json] = (),
    **axis: float | None,
) -> Json:
    """Return values over time: a `line`, `steps`, `bars`, or what stacks: `area` and `blocks`.

    Gaps stay gaps, and `shades` say why they are there. `last` adds the last values to the legend.
    `axis` may set soft_min and soft_max, which give way to values beyond them, such as a negative
    balance.
    """
    return panel(
        "timeseries",
        title,
        description,
        [*targets, *(shade for shade, _ in shades)],
        links=links,
        defaults={
            "unit": unit,
            "noValue": NOTHING,
            "color": color or BY_NAME,
            **({} if decimals is None else {"decimals": decimals}),
            "custom": _drawn(style, **axis),
        },
        overrides=[
            *overrides,
            *(
                _shade(chr(ord("A") + index), color)
                for index, (_, color) in enumerate(shades, start=len(targets))
            ),
        ],
        options={
            "legend": {
                "showLegend": True,
                "displayMode": "list",
                "placement": "bottom",
                "calcs": ["last"] if last else [],
            },
            "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": False},
        },
    )


def _drawn(
    style: str,
    *,
    soft_min: float | None = 0,
    soft_max: float | None = None,
) -> Json:
    return {
        "drawStyle": "bars" if style == "bars" else "line",
        "lineInterpolation": "stepAfter" if style in {"steps", "blocks"} else "linear",
        "lineWidth": 2 if style in {"line", "steps"} else 1,
        "fillOpacity": {"bars": 70, "area": 25, "blocks": 70}.get(style, 0),
        "gradientMode": "none",
        "spanNulls": False,
        "showPoints": "never",
        "axisPlacement": "auto",
        "axisBorderShow": False,
        "axisWidth": AXIS_WIDTH,
        "axisSoftMin": soft_min,
        "axisSoftMax": soft_max,
        "stacking": {"mode": "normal" if style in {"area", "blocks"} else "none", "group": "A"},
        "thresholdsStyle": {"mode": "off"},
    }


def not_known(accounts: Accounts) -> Shade:
    """Return what shades the time in which no account was known."""
    return query(f"vector(1) unless on () count({accounts.select(COUNTED)})", NO_ACCOUNT), QUIET


def outages(accounts: Accounts) -> list[Shade]:
    """Return what shades the time in which an account was missing, so that no money left."""
    missing = f"1 + 0 * (({accounts.outage} > 0) < 3)"
    down = f"1 + 0 * ({accounts.outage} == 3)"
    return [
        (query(missing, "an account is missing"), WARNING),
        (query(down, "an exporter is down"), BAD),
        not_known(accounts),
    ]


def changed(accounts: Selection) -> Shade:
    """Return what shades the moments at which sums changed without money that moved."""
    return query(f"1 + 0 * {accounts.changed}", "an account was added or removed"), TOTAL


def _shade(ref: str, color: str) -> Json:
    """Draw a query as a shaded span over the whole height, on an axis of its own."""
    return override(
        ref,
        color=fixed(color),
        unit="bool",
        min=0,
        max=1,
        mappings=[words({1: ("yes", color)})],
        custom__axisPlacement="hidden",
        custom__drawStyle="line",
        custom__lineWidth=0,
        custom__fillOpacity={QUIET: 6, WARNING: 14, TOTAL: 40}.get(color, 20),
        custom__lineInterpolation="stepAfter",
        custom__stacking={"mode": "none", "group": "A"},
    )
