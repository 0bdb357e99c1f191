"""What a release is checked for, and the bill of materials that goes with it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from exporter import __version__
from release import check, licences, sbom
from release.changelog import CHANGELOG, entry
from release.chart import CHART
from release.dependencies import LOCK, dependencies
from tests.packaging.tools import tool

CHART_TEXT = "version: 1.2.3\nappVersion: 1.2.3\n"
CHANGES = "## [Unreleased]\n\n## [1.2.3] - 2026-01-02\n\n### Added\n- This.\n\n[1.2.3]: https://a\n"


def test_this_version_may_be_released_unless_it_is_still_developed():
    texts = (CHART / "Chart.yaml").read_text(), CHANGELOG.read_text()
    undated = [f"CHANGELOG.md has no entry `## [{__version__}] - YYYY-MM-DD`"]
    expected = undated if ".dev" in __version__ else []
    assert list(check.problems(f"v{__version__}", *texts)) == expected


def test_code_with_unreleased_changes_has_the_version_of_no_release():
    changes = CHANGELOG.read_text()
    unreleased = changes.partition("## [Unreleased]\n")[2].partition("\n## [")[0].strip()
    assert not unreleased or entry(changes, __version__) is None


def test_a_chart_in_development_has_a_semantic_version():
    chart = "version: 1.3.0-dev.0\nappVersion: 1.3.0.dev0\n"
    [found] = check.problems("v1.3.0.dev0", chart, CHANGES, "1.3.0.dev0")
    assert found.startswith("CHANGELOG.md has no entry")


@pytest.mark.parametrize(
    ("tag", "chart", "changes", "problem"),
    [
        ("v1.2.4", CHART_TEXT, CHANGES, "the tag is v1.2.4"),
        ("1.2.3", CHART_TEXT, CHANGES, "the tag is 1.2.3"),
        ("v1.2.3", CHART_TEXT.replace("3", "2", 1), CHANGES, "Chart.yaml: version is 1.2.2"),
        ("v1.2.3", CHART_TEXT, CHANGES.replace("2026-01-02", "soon"), "CHANGELOG.md has no entry"),
        ("v1.2.3", CHART_TEXT, "## [1.2.3] - 2026-01-02\n", "CHANGELOG.md has no entry"),
    ],
)
def test_two_versions_or_no_notes_stop_a_release(tag: str, chart: str, changes: str, problem: str):
    [found] = check.problems(tag, chart, changes, "1.2.3")
    assert found.startswith(problem)


def test_the_notes_are_the_entry_alone():
    assert entry(CHANGES, "1.2.3") == "### Added\n- This."


def test_the_notes_are_printed_without_anything_installed(tmp_path: Path):
    script = Path(check.__file__).with_name("changelog.py")
    command = [sys.executable, "-I", "-S", str(script), "0.1.0"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert ended.stdout.startswith("### ")


def test_every_dependency_may_be_shipped():
    assert [licences.problem(each) for each in dependencies(LOCK.read_text())].count(None) == len(
        dependencies(LOCK.read_text())
    )


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-3.0-only OR Apache-2.0", True),
        ("MIT AND GPL-3.0-only", False),
        ("LicenseRef-Proprietary", False),
    ],
)
def test_a_licence_is_allowed_if_one_of_its_choices_is(expression: str, allowed: object):
    assert licences.is_allowed(expression) is allowed


def test_the_bill_names_every_locked_package_with_its_hashes():
    bill = sbom.bill(dependencies(LOCK.read_text()), "1.2.3")
    found = {f"{each['name']}=={each['version']}" for each in bill["components"]}
    assert found == set(re.findall(r"(?m)^[\w.-]+==[^\s;]+", LOCK.read_text()))
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])


def test_the_bill_is_valid_and_the_same_each_time():
    bill = [sbom.bill(dependencies(LOCK.read_text()), "1.2.3") for _ in range(2)]
    assert bill[0] == bill[1]
    schema = tool("cyclonedx.schema")
    validator = tool("cyclonedx.validation.json").JsonStrictValidator(schema.SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(bill[0])) is None
