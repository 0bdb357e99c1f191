"""Prove that the alerts do not depend on how often Prometheus scrapes, nor on a lost scrape."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.conftest import Tool
from tests.alerts.files import TEST_FILES, read_yaml
from tests.alerts.scrapes import expand, firing_only, scraped_every, without_scrape

each_file = pytest.mark.parametrize(
    "path",
    [path for path in TEST_FILES if path.stem not in {"intervals", "totals"}],
    ids=lambda path: path.stem,
)


def run(promtool: Tool, path: Path, tests: list[dict[str, Any]], folder: Path) -> str:
    """Run tests in the place of a file's own; return what promtool found wrong."""
    document = read_yaml(path)
    rules = [str((path.parent / name).resolve()) for name in document["rule_files"]]
    copy = folder / path.name
    copy.write_text(yaml.safe_dump({**document, "rule_files": rules, "tests": tests}))
    result = promtool("test", "rules", copy)
    return "" if result.returncode == 0 else result.stdout + result.stderr


@pytest.mark.parametrize("seconds", [10, 30])
@each_file
def test_alerts_are_the_same_at_any_scrape_interval(
    promtool: Tool, path: Path, seconds: int, tmp_path: Path
) -> None:
    tests = [firing_only(scraped_every(test, seconds)) for test in read_yaml(path)["tests"]]
    assert run(promtool, path, tests, tmp_path) == ""


@pytest.mark.parametrize("before", [0, 1])
@each_file
def test_one_lost_scrape_neither_fires_nor_resolves_an_alert(
    promtool: Tool, path: Path, before: int, tmp_path: Path
) -> None:
    tests = [
        firing_only(without_scrape(test, int(at.removesuffix("m")) - before), at=at)
        for test in read_yaml(path)["tests"]
        for at in {case["eval_time"] for case in test.get("alert_rule_test", [])}
    ]
    assert run(promtool, path, tests, tmp_path) == ""


def test_the_notation_of_series_is_read_as_promtool_reads_it() -> None:
    assert expand("1x2 _x2 _ 60+60x1 -2 stale") == [
        "1.0", "1.0", "1.0", "_", "_", "_", "60.0", "120.0", "-2", "stale",
    ]  # fmt: skip
