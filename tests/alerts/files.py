"""Read the rules, and the files around them, as data."""

import re
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "prometheus/rules").glob("*.yaml"))
TEST_FILES = sorted((ROOT / "prometheus/tests").glob("*.yaml"))
RUNBOOKS = ROOT / "docs/runbooks"


def read_yaml(path: Path | str) -> Any:
    """Read a YAML file below the repository."""
    return yaml.safe_load((ROOT / path).read_text())


GROUPS: list[dict[str, Any]] = [group for path in RULE_FILES for group in read_yaml(path)["groups"]]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
ALERTS: dict[str, dict[str, Any]] = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RECORDS: dict[str, dict[str, Any]] = {rule["record"]: rule for rule in RULES if "record" in rule}


def selectors(expression: str) -> list[str]:
    """Return every selector of a PromQL expression, as `name{matchers}[range]`."""
    text = str(promql_parser.parse(expression))
    return re.findall(r"[a-zA-Z_:][\w:]*\{[^}]*\}(?:\[[^]]*\])?", text)


def metrics(expression: str) -> set[str]:
    """Return the names of all metrics in a PromQL expression."""
    return {selector.partition("{")[0] for selector in selectors(expression)}
