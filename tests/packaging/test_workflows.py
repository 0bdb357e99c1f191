"""The workflows: valid, pinned, and with no more rights than they need."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.packaging.tools import program

FOLDER = Path(__file__).parents[2] / ".github/workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@each_workflow
def test_a_workflow_has_the_shape_that_github_expects(path: Path):
    check = [program("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path)]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0


def test_no_workflow_can_be_turned_against_us():
    zizmor = [program("zizmor"), "--offline", "--pedantic", "--quiet", *map(str, WORKFLOWS)]
    ended = subprocess.run(zizmor, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


@each_workflow
def test_actions_and_images_are_pinned_by_digest(path: Path):
    for uses in re.findall(r"uses: (.*)", path.read_text()):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", uses)
    for image in re.findall(r"image: (.*)", path.read_text()):
        assert re.fullmatch(r"\S+@sha256:[0-9a-f]{64}", image)


@each_workflow
def test_a_workflow_starts_without_rights(path: Path):
    assert yaml.safe_load(path.read_text())["permissions"] == {}


def test_only_the_job_that_publishes_may_act_for_pypi():
    jobs = yaml.safe_load((FOLDER / "release.yml").read_text())["jobs"]
    assert [name for name, job in jobs.items() if "environment" in job] == ["pypi"]
    assert jobs["pypi"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (FOLDER / "release.yml").read_text()
