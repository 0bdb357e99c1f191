"""Check what the documents say of alerts against the alerts."""

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.alerts.conftest import Tool
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


def test_one_command_lets_alerts_copy_a_label_of_their_account(
    promtool: Tool, tmp_path: Path
) -> None:
    command = re.search(r"```sh\n(cat > team\.sed .+?)```", ALERTING.read_text(), re.DOTALL)
    assert command
    shutil.copytree(ROOT / "prometheus", tmp_path / "prometheus")
    subprocess.run(["sh", "-euc", command[1]], cwd=tmp_path, check=True)
    rules = sorted((tmp_path / "prometheus/rules").glob("*.yaml"))
    paid, other = (f'exchange="btcturk",account="{name}"' for name in ("payments-tr", "desk-tr"))
    test = {
        "interval": "1m",
        "input_series": [
            {"series": f"{name}{{{labels}}}", "values": "1x20"}
            for name, labels in (
                ("exchange_account_negative_assets", paid),
                ("exchange_account_negative_assets", other),
                ("exchange_account_info", f'{paid},team="payments"'),
            )
        ],
        "promql_expr_test": [
            {
                "expr": 'count by (account, team) (ALERTS{scope="balance"})',
                "eval_time": "15m",
                "exp_samples": [
                    {"labels": '{account="payments-tr", team="payments"}', "value": 1},
                    {"labels": '{account="desk-tr", team="none"}', "value": 1},
                ],
            }
        ],
    }
    document = {"rule_files": [str(path) for path in rules], "tests": [test]}
    path = tmp_path / "team.yaml"
    path.write_text(yaml.safe_dump({**document, "evaluation_interval": "1m"}))
    result = promtool("test", "rules", path)
    assert result.returncode == 0, result.stdout + result.stderr
    text = "".join(path.read_text() for path in rules)
    assert text.count(" team: ") == len(re.findall("scope: (?:account|balance)", text)) > 20
