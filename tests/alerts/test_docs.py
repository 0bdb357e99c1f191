"""Hold what the documents say of alerts to the alerts."""

import re
import subprocess
from pathlib import Path

from tests.alerts.files import ALERTS, ROOT, RUNBOOKS

PLACEHOLDER = "https://github.com/exchange-balance-exporter/exchange-balance-exporter/blob/main"
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


def test_one_command_puts_another_address_of_the_runbooks_everywhere(tmp_path: Path) -> None:
    readme = (RUNBOOKS / "README.md").read_text()
    command = re.search(r"```sh\n(sed -i .+?)```", readme, re.DOTALL)
    assert command
    copies = list(copy_files_with_placeholder(tmp_path))
    subprocess.run(["sh", "-euc", command[1]], cwd=tmp_path, check=True)
    assert copies
    assert [copy for copy in copies if PLACEHOLDER in copy.read_text()] == []


def copy_files_with_placeholder(folder: Path) -> list[Path]:
    """Copy every file that holds the placeholder, but the two that are about it."""
    about = {RUNBOOKS / "README.md", Path(__file__)}
    sources = {
        path
        for top in ("alertmanager", "docs", "grafana", "prometheus", "tests")
        for kind in ("json", "md", "py", "y*ml")
        for path in (ROOT / top).rglob(f"*.{kind}")
        if PLACEHOLDER in path.read_text(errors="replace")
    }
    copies = []
    for source in sources - about:
        copies.append(folder / source.relative_to(ROOT))
        copies[-1].parent.mkdir(parents=True, exist_ok=True)
        copies[-1].write_text(source.read_text())
    return copies
