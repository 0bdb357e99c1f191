"""Write the files that belong to this version: rules, dashboards, runbooks, examples, units."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import yaml

RUNBOOKS_URL = (
    "https://github.com/exchange-balance-exporter/exchange-balance-exporter/blob/main/docs/runbooks"
)
"""Base of the links from alerts and dashboards to runbooks, as in the files of the repository."""

JOB = "exchange-balance-exporter"
"""Job of the exporter in Prometheus, as in the files of the repository."""

_PACKAGE = Path(__file__).parents[1]
_FOLDERS = {
    "alertmanager": "alertmanager",
    "docs/runbooks": "runbooks",
    "grafana/dashboards": "grafana/dashboards",
    "grafana/provisioning": "grafana/provisioning",
    "packaging/systemd": "systemd",
    "prometheus/rules": "prometheus/rules",
}
"""Folders of the repository, each with the folder that it is written to."""

_FILES = ("config.example.yaml", "prometheus/prometheus.yml")
_NAME_OF_CONFIGMAP = "exchange-balance-exporter"


class Format(StrEnum):
    """Say how the files are written."""

    FILES = "files"
    PROMETHEUSRULE = "prometheusrule"
    CONFIGMAP = "configmap"


@dataclass(frozen=True, slots=True)
class Choices:
    """Say what differs from the files of the repository."""

    runbooks_url: str = RUNBOOKS_URL
    job: str = JOB
    format: Format = Format.FILES

    def apply(self, text: str) -> str:
        """Return a file's text with the links and the job that were chosen."""
        text = text.replace(RUNBOOKS_URL, self.runbooks_url.rstrip("/"))
        text = re.sub(rf'(job=\\?"){JOB}(\\?")', rf"\g<1>{self.job}\g<2>", text)
        return text.replace(f"job_name: {JOB}\n", f"job_name: {self.job}\n")


def write(folder: Path, choices: Choices) -> Iterator[Path]:
    """Write everything below a folder, over what is there, and yield each path.

    Raises `OSError`.
    """
    for name, text in _RENDERERS[choices.format](choices).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        yield path


def source() -> Path:
    """Return the folder of the files: in the installed package, or the root of the clone."""
    installed = _PACKAGE / "assets"
    return installed if installed.is_dir() else _PACKAGE.parent


def _files(choices: Choices) -> Mapping[str, str]:
    root = source()
    found = {name: root / name for name in _FILES}
    for folder, target in _FOLDERS.items():
        for path in sorted((root / folder).rglob("*")):
            if path.is_file():
                found[f"{target}/{path.relative_to(root / folder)}"] = path
    return {name: choices.apply(path.read_text("utf-8")) for name, path in sorted(found.items())}


def _prometheusrule(choices: Choices) -> Mapping[str, str]:
    groups = [
        group for text in _rules(choices).values() for group in yaml.safe_load(text)["groups"]
    ]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": _NAME_OF_CONFIGMAP},
        "spec": {"groups": groups},
    }
    return {"prometheusrule.yaml": _yaml(rule)}


def _configmaps(choices: Choices) -> Mapping[str, str]:
    files = _files(choices)
    rules = _configmap("rules", _rules(choices))
    dashboards = {
        Path(name).stem: {Path(name).name: text}
        for name, text in files.items()
        if name.startswith("grafana/dashboards/")
    }
    return {
        "rules.yaml": _yaml(rules),
        **{
            f"{name}.yaml": _yaml(_configmap(name, data, {"grafana_dashboard": "1"}))
            for name, data in dashboards.items()
        },
    }


def _rules(choices: Choices) -> Mapping[str, str]:
    return {
        Path(name).name: text
        for name, text in _files(choices).items()
        if name.startswith("prometheus/rules/")
    }


def _configmap(
    name: str, data: Mapping[str, str], labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"{_NAME_OF_CONFIGMAP}-{name.removeprefix('exchange-')}",
            "labels": {"app.kubernetes.io/name": _NAME_OF_CONFIGMAP, **(labels or {})},
        },
        "data": dict(data),
    }


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks, so that people can read them."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def _yaml(document: Mapping[str, object]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


_RENDERERS: Mapping[Format, Callable[[Choices], Mapping[str, str]]] = {
    Format.FILES: _files,
    Format.PROMETHEUSRULE: _prometheusrule,
    Format.CONFIGMAP: _configmaps,
}
