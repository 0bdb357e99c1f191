"""`assets` writes what belongs to a version, with the links and the job of whoever runs it."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from exporter.commands.assets import JOB, RUNBOOKS_URL, source
from tests.programs import require, run

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def written(folder: Path, *flags: str) -> dict[str, str]:
    """Return what the command wrote, and see that it named each file."""
    ended = run("assets", str(folder), *flags)
    assert ended.returncode == 0, ended.stderr
    paths = [Path(line) for line in ended.stdout.splitlines()]
    assert sorted(paths) == sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_it_writes_every_file_that_belongs_to_the_version(tmp_path: Path):
    found = written(tmp_path)
    for folder, target in (
        ("prometheus/rules", "prometheus/rules"),
        ("grafana/dashboards", "grafana/dashboards"),
        ("grafana/provisioning", "grafana/provisioning"),
        ("docs/runbooks", "runbooks"),
        ("packaging/systemd", "systemd"),
        ("alertmanager", "alertmanager"),
    ):
        for path in (ROOT / folder).rglob("*.*"):
            assert found[f"{target}/{path.relative_to(ROOT / folder)}"] == path.read_text()
    assert found["config.example.yaml"] == (ROOT / "config.example.yaml").read_text()
    assert "rules/*.yaml" in found["prometheus/prometheus.yml"]


def test_a_wheel_has_them_at_the_same_paths():
    assert source() == ROOT
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    for path, inside in wheel.items():
        assert inside == f"exporter/assets/{path}"
        assert (ROOT / path).exists()


def test_the_default_links_lead_to_the_repository():
    assert RUNBOOKS_URL.startswith(f"{PROJECT['project']['urls']['Repository']}/blob/main/")


@pytest.mark.parametrize("form", ["files", "prometheusrule", "configmap"])
def test_links_and_job_are_changed_everywhere(tmp_path: Path, form: str):
    flags = "--runbooks-url=https://wiki.example.com/r/", "--job=balances", f"--format={form}"
    text = "\n".join(written(tmp_path, *flags).values())
    assert RUNBOOKS_URL not in text
    assert "https://wiki.example.com/r/ExchangeExporterDown.md" in text
    assert not re.search(rf'job\S*[=:] *\\?"?{JOB}\b', text)
    assert 'job="balances"' in text


def test_the_prometheus_rule_has_every_group(tmp_path: Path):
    found = written(tmp_path, "--format=prometheusrule")
    rule = yaml.safe_load(found["prometheusrule.yaml"])
    assert (rule["apiVersion"], rule["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert rule["spec"]["groups"] == [
        group
        for path in sorted((ROOT / "prometheus/rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]


def test_the_config_maps_have_the_rules_and_the_dashboards(tmp_path: Path):
    maps = [yaml.safe_load(text) for text in written(tmp_path, "--format=configmap").values()]
    data = {name: text for each in maps for name, text in each["data"].items()}
    for path in (ROOT / "prometheus/rules").glob("*.yaml"):
        assert data[path.name] == path.read_text()
    for path in (ROOT / "grafana/dashboards").glob("*.json"):
        assert json.loads(data[path.name]) == json.loads(path.read_text())
    assert len({each["metadata"]["name"] for each in maps}) == len(maps)


def test_prometheus_takes_the_written_rules(tmp_path: Path):
    written(tmp_path, "--job=balances")
    promtool = require("promtool")
    subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus/prometheus.yml"], check=True
    )


def test_it_writes_over_the_files_of_another_version(tmp_path: Path):
    (tmp_path / "config.example.yaml").write_text("old")
    assert written(tmp_path)["config.example.yaml"] != "old"


@pytest.mark.parametrize("flag", ["--runbooks-url=wiki", '--job=a"b', "--format=json"])
def test_a_wrong_flag_is_rejected(tmp_path: Path, flag: str):
    assert run("assets", str(tmp_path), flag).returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    ended = run("assets", str(tmp_path / "file"))
    assert ended.returncode == 1
    assert ended.stderr == f"{tmp_path / 'file'}: Not a directory\n"
