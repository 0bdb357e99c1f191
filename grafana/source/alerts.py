"""Make the table of firing alerts, with links to their runbooks and dashboards."""

from . import queries as q
from .look import BAD, QUIET, WARNING, Json
from .panels import RUNBOOKS
from .states import ACCOUNT_LINK
from .tables import column, duration, state, table

SEVERITIES: dict[float, tuple[str, str]] = {
    3: ("critical", BAD),
    2: ("warning", WARNING),
    1: ("info", QUIET),
    0: ("pending", QUIET),
    -1: ("none is firing", QUIET),
    -2: ("no recording rules", WARNING),
}
RUNBOOK_LINK = [
    {
        "title": "Open the runbook",
        "url": RUNBOOKS + "/${__data.fields.Alert:percentencode}.md",
        "targetBlank": True,
    }
]
LABELS = "alertname, exchange, account, asset, bound, instance"


def _alerts(metric: str, matchers: str, more: str = "") -> str:
    every = f'alertname=~"Exchange.+"{matchers}{more}'
    return f"max by ({LABELS}) ({metric}{{{every}}})"


def firing(matchers: str) -> Json:
    """Return the table of alerts; `matchers` also select those without an exchange or account."""
    severity = " or ".join(
        f"{rank:g} * " + _alerts("ALERTS", matchers, f', alertstate="firing", severity="{name}"')
        for rank, (name, _) in SEVERITIES.items()
        if rank > 0
    )
    pending = "0 * " + _alerts("ALERTS", matchers, ', alertstate="pending"')
    quiet = f"vector(-1) and on () {q.RULES}"
    return table(
        "Alerts",
        "Alerts that are firing, the most severe first, and those that are about to. Click an alert"
        " for its runbook, an account for its detail. No recording rules: Prometheus evaluates no"
        " rules, so no alert can fire.",
        [
            f"{severity} or {pending} or on () {quiet} or on () vector(-2)",
            f"time() - ({_alerts('ALERTS_FOR_STATE', matchers)} > 0)",
        ],
        [
            state("A", "Severity", 150, SEVERITIES),
            column("alertname", "Alert", 300, links=RUNBOOK_LINK),
            column("exchange", "Exchange", 110),
            column("account", "Account", None, links=ACCOUNT_LINK),
            column("asset", "Asset", 90),
            column("bound", "Bound", 110),
            column("instance", "Exporter", 180),
            duration("B", "Since", 200),
        ],
        sort=[("Severity", True), ("Since", False)],
    )
