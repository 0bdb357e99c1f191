"""Show a person how every account is: the page at `/`."""

from collections.abc import Iterable, Mapping
from html import escape

from exporter.clock import Clock
from exporter.exposition import State

HEADERS: Mapping[str, str] = {"Content-Type": "text/html; charset=utf-8"}


def page(states: Iterable[State], clock: Clock, telemetry_path: str) -> bytes:
    """Return the page."""
    rows = "".join(f"<li>{escape(state.plan.account.name)}</li>" for state in states)
    return f"<ul>{rows}</ul><a href={telemetry_path}>metrics</a>{clock.wall()}".encode()
