"""Measure the queries of a dashboard by what Prometheus says about them."""

import json
import urllib.parse
import urllib.request
from dataclasses import dataclass

from tests.dashboards.files import Json, annotations, panels, substitute
from tests.dashboards.play import END, HOUR

STEP = 120
MINIMUM = {"5m": 300, "30m": 1800}
"""Longer steps than those of the screen, which some queries ask for."""
VARIABLES = {
    "$__rate_interval": "8m",
    "$__interval": "2m",
    "$instance": ".*",
    "$one_exchange": "trubit",
    "$one_account": "client-001",
}
"""What Grafana puts in the place of variables, for a day on a screen of usual width."""

EVERY_BALANCE: Json = {
    "expr": "sum by (asset) (max by (exchange, account, asset) (exchange_total_balance))",
    "instant": True,
}
"""Adds up every balance once, as a dashboard would that does not draw what is recorded."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Say how long Prometheus evaluated a query, in seconds, and how many samples it read."""

    seconds: float
    samples: int

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of both."""
        return Cost(self.seconds + other.seconds, self.samples + other.samples)


def cost(url: str, target: Json) -> Cost:
    """Return what a query costs at a Prometheus."""
    now = {"time": END}
    step = MINIMUM.get(target.get("interval", ""), STEP)
    day = {"start": END - 24 * HOUR, "end": END, "step": step}
    query = {"query": substitute(target["expr"], VARIABLES), "stats": "all"}
    body = urllib.parse.urlencode(query | (now if target["instant"] else day)).encode()
    path = "query" if target["instant"] else "query_range"
    with urllib.request.urlopen(f"{url}/api/v1/{path}", body, timeout=300) as response:  # noqa: S310
        stats = json.load(response)["data"]["stats"]
    return Cost(stats["timings"]["evalTotalTime"], stats["samples"]["totalQueryableSamples"])


def refresh(uid: str) -> list[Json]:
    """Return every query of one refresh, with all folded rows open, and of its events."""
    queries = [target for panel in panels(uid) for target in panel["targets"]]
    events = [{"expr": expr, "instant": False} for expr in annotations(uid).values()]
    return [*queries, *events]


def refresh_cost(url: str, uid: str) -> Cost:
    """Return what one refresh of a dashboard costs."""
    return sum((cost(url, target) for target in refresh(uid)), Cost(0, 0))
