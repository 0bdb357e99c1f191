"""Hold what the documents say of alerts to the alerts."""

import re

from tests.alerts.files import ALERTS, ROOT

ALERTING = ROOT / "docs/alerting.md"


def table() -> list[str]:
    """Return the table of all alerts in Markdown, in the order of the rules."""
    return [
        f"| [{alert['alert']}](runbooks/{alert['alert']}.md) | {alert['labels']['severity']} "
        f"| {alert['annotations']['summary']} |"
        for scope in ("exporter", "account", "balance")
        for alert in ALERTS.values()
        if alert["labels"]["scope"] == scope
    ]


def test_the_table_of_alerts_is_that_of_the_rules() -> None:
    rows = re.findall(r"^\| \[Exchange.*", ALERTING.read_text(), re.MULTILINE)
    assert rows == table(), "\n".join(["it should be:", *table()])


def test_the_table_of_bounds_is_that_of_the_rules() -> None:
    said = dict(
        re.findall(r"^\| `(\w+_m\w+)` \|.*\| (\w+) \|$", ALERTING.read_text(), re.MULTILINE)
    )
    assert said == {
        bound: alert["labels"]["severity"]
        for alert in ALERTS.values()
        for bound in re.findall(r'threshold\{bound="(\w+)"\}', alert["expr"])
    }
    assert ALERTING.read_text().count(f"\n{len(ALERTS)} alerts, ") == 1


def test_links_of_the_document_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", ALERTING.read_text()):
        assert (ALERTING.parent / target).exists(), target
