"""Mark events on every chart, so that each step in a curve has its cause beside it."""

# ruff: noqa: PLR0913 (an event has many texts, all of them by keyword)

from collections.abc import Sequence

from .look import Json
from .panels import DATASOURCE
from .queries import COUNTED

BUILD = "exchange_exporter_build_info"
_OURS = f"and on (job, instance) {BUILD}"


def _event(
    name: str, color: str, expr: str, *, title: str, text: str, at_value: bool = False
) -> Json:
    """Return an annotation; `at_value` reads its time in milliseconds from the value."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": color,
        "expr": expr,
        "step": "1m",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": "",
        "useValueForTime": "on" if at_value else False,
    }


def _appeared(series: str, labels: str) -> str:
    """Return what was not there a step ago, unless nothing was: then Prometheus has a gap."""
    before = f"group by ({labels}) ({series} offset $__interval)"
    return f"group by ({labels}) ({series}) unless {before} and on () group({before})"


def _vanished(series: str, labels: str) -> str:
    before = f"group by ({labels}) ({series} offset $__interval)"
    return f"{before} unless group by ({labels}) ({series}) and on () group({series})"


def events(accounts: str = "", alerts: str = "") -> Sequence[Json]:
    """Return the annotations of a dashboard; the matchers select accounts and alerts."""
    firing = f'ALERTS{{alertname=~"Exchange.+", alertstate="firing"{alerts}}}'
    known = f"{COUNTED}{{{accounts}}}"
    return [
        _event(
            "Deploys",
            "blue",
            _appeared(BUILD, "version, revision"),
            title="Version {{version}} deployed",
            text="revision {{revision}}",
        ),
        _event(
            "Restarts",
            "purple",
            f"1000 * process_start_time_seconds {_OURS}",
            title="Exporter started",
            text="{{instance}}",
            at_value=True,
        ),
        _event(
            "Reloads",
            "light-blue",
            "1000 * exchange_exporter_config_last_reload_success_timestamp_seconds",
            title="Configuration loaded",
            text="{{instance}}",
            at_value=True,
        ),
        _event(
            "Accounts added",
            "yellow",
            _appeared(known, "exchange, account"),
            title="Account added: {{account}}",
            text="{{exchange}}",
        ),
        _event(
            "Accounts removed",
            "dark-yellow",
            _vanished(known, "exchange, account"),
            title="Account removed: {{account}}",
            text="{{exchange}}",
        ),
        _event(
            "Alerts",
            "red",
            f"group by (alertname, severity, exchange, account, asset) ({firing})",
            title="{{alertname}}",
            text="{{severity}} {{account}} {{asset}}",
        ),
    ]
