"""Measure the queries of a dashboard by what Prometheus says about them."""

import json
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass

from tests.dashboards.files import Json, annotations, dashboard, panels, substitute
from tests.dashboards.play import END, HOUR

STEP = 120
MINIMUM = {"1h": HOUR}
"""Longer steps than those of the screen, which some queries use."""
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
    """Say what queries cost Prometheus: seconds of CPU time, and samples that it read."""

    seconds: float
    samples: int


def cost(url: str, targets: Sequence[Json]) -> Cost:
    """Return what queries cost a Prometheus that has nothing else to do.

    CPU time, because other programs of the machine don't change it.
    """
    before = cpu_seconds(url)
    samples = sum(samples_of(url, target) for target in targets)
    return Cost(cpu_seconds(url) - before, samples)


def cpu_seconds(url: str) -> float:
    """Return the CPU time that a Prometheus has used."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as response:  # noqa: S310
        lines = response.read().decode().splitlines()
    (line,) = (line for line in lines if line.startswith("process_cpu_seconds_total "))
    return float(line.split()[1])


def samples_of(url: str, target: Json) -> int:
    """Return how many samples a query reads."""
    now = {"time": END}
    step = MINIMUM.get(target.get("interval", ""), STEP)
    day = {"start": END - 24 * HOUR, "end": END, "step": step}
    query = {"query": substitute(target["expr"], VARIABLES), "stats": "all"}
    body = urllib.parse.urlencode(query | (now if target["instant"] else day)).encode()
    path = "query" if target["instant"] else "query_range"
    with urllib.request.urlopen(f"{url}/api/v1/{path}", body, timeout=300) as response:  # noqa: S310
        return int(json.load(response)["data"]["stats"]["samples"]["totalQueryableSamples"])


def refresh(uid: str, *, unfolded: bool = True) -> list[Json]:
    """Return every query of one refresh and of its events, as it opens or with all rows open."""
    shown = panels(uid) if unfolded else dashboard(uid)["panels"]
    queries = [target for panel in shown for target in panel.get("targets", [])]
    events = [{"expr": expr, "instant": False} for expr in annotations(uid).values()]
    return [*queries, *events]
