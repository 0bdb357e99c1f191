"""Mark events on every chart, so that each step in a curve has its cause beside it."""

# ruff: noqa: PLR0913 (an event has many texts, all of them by keyword)

from collections.abc import Sequence

from .look import Json
from .panels import DATASOURCE
from .queries import COUNTED

ACCOUNTS = "all:exchange_account_counted:count"
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


_A_STEP_AGO = "offset $__interval"
# Without any account a step ago, or now, Prometheus has a gap, and no account was added or removed.
_NO_GAP = f"and on () {ACCOUNTS} and on () {ACCOUNTS} {_A_STEP_AGO}"


def events(accounts: str = "", alerts: str = "") -> Sequence[Json]:
    """Return the annotations of a dashboard; the matchers select accounts and alerts."""
    firing = f'ALERTS{{alertname=~"Exchange.+", alertstate="firing"{alerts}}}'
    known = f"{COUNTED}{{{accounts}}}"
    build = f"group by (version, revision) ({BUILD})"
    return [
        _event(
            "Deploys",
            "blue",
            f"{build} unless {build.replace(BUILD, f'{BUILD} {_A_STEP_AGO}')} {_NO_GAP}",
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
            f"{known} unless {known} {_A_STEP_AGO} {_NO_GAP}",
            title="Account added: {{account}}",
            text="{{exchange}}",
        ),
        _event(
            "Accounts removed",
            "dark-yellow",
            f"{known} {_A_STEP_AGO} unless {known} {_NO_GAP}",
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
