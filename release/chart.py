"""Write what the Helm chart says twice: schema, table of values, hosts of the exchanges."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from exporter.exchanges import EXCHANGES

CHART = Path(__file__).parents[1] / "packaging/helm/exchange-balance-exporter"

_BEGIN, _END = "<!-- values -->\n", "<!-- end of values -->\n"

_OPEN = {
    "config",
    "dashboards.labels",
    "dnsConfig",
    "livenessProbe",
    "podSecurityContext",
    "readinessProbe",
    "resources",
    "securityContext",
}
"""Mappings that Kubernetes or the exporter itself checks."""

_CONSTRAINTS: dict[str, dict[str, Any]] = {
    "dnsPolicy": {"enum": ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]},
    "healthPort": {"minimum": 1024, "maximum": 65535},
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "log.format": {"enum": ["logfmt", "json"]},
    "log.level": {"enum": ["debug", "info", "warning", "warn", "error"]},
    "networkPolicy.flavor": {"enum": ["kubernetes", "cilium"]},
    "podDisruptionBudget.maxUnavailable": {"type": ["integer", "string"]},
    "port": {"minimum": 1024, "maximum": 65535},
    "reload.mode": {"enum": ["auto", "restart"]},
    "secrets": {"items": {"type": "string", "minLength": 1}, "uniqueItems": True},
    "serviceMonitor.sampleLimit": {"minimum": 0},
    "serviceMonitor.scheme": {"enum": ["http", "https"]},
    "shards": {"minimum": 1, "maximum": 1000},
    "web.telemetryPath": {"pattern": "^/[!-~]+$"},
}

_TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Value:
    """Describe one value of values.yaml; `path` has dots between its keys."""

    path: str
    default: Any
    text: str


def read_values(text: str) -> list[Value]:
    """Return every documented value, in the order of the file; raises for one without comment."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise TypeError("values.yaml: expected a mapping")
    return list(_values(node, text.splitlines(), ""))


def _values(node: yaml.MappingNode, lines: list[str], prefix: str) -> Iterator[Value]:
    for key, value in node.value:
        path = prefix + key.value
        is_group = isinstance(value, yaml.MappingNode) and value.value and path not in _OPEN
        text = _comment_above(lines, key.start_mark.line)
        if is_group and not text:
            yield from _values(value, lines, f"{path}.")
        elif text:
            yield Value(path, yaml.SafeLoader("").construct_object(value, deep=True), text)
        else:
            raise ValueError(f"values.yaml: {path} has no comment that begins with --")


def _comment_above(lines: list[str], line: int) -> str:
    """Return the comment directly above a line without its marks, empty if it is none of ours."""
    comment: list[str] = []
    while line and (found := re.fullmatch(r"\s*# (.*)", lines[line - 1])):
        comment.insert(0, found[1])
        line -= 1
        if found[1].startswith("-- "):
            return " ".join(comment).removeprefix("-- ")
    return " ".join(comment)


def schema(values: list[Value]) -> dict[str, Any]:
    """Return the JSON Schema of the values."""
    root = _object({"global": {"type": "object"}})
    for value in values:
        place = root
        *groups, name = value.path.split(".")
        for group in groups:
            place = place["properties"].setdefault(group, _object({}))
        place["properties"][name] = {
            "description": value.text,
            "type": _TYPES[type(value.default)],
            **_CONSTRAINTS.get(value.path, {}),
        }
    return {"$schema": "https://json-schema.org/draft-07/schema#", **root}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def table(values: list[Value]) -> str:
    """Return the values as a table in Markdown."""
    rows = [
        f"| `{value.path}` | `{json.dumps(value.default)}` | {value.text} |\n" for value in values
    ]
    return "".join(["| value | default | meaning |\n|---|---|---|\n", *rows])


def files(chart: Path) -> dict[Path, str]:
    """Return the text that each generated file should have."""
    values = read_values((chart / "values.yaml").read_text())
    readme = (chart / "README.md").read_text()
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    hosts = {name: exchange.base_url for name, exchange in sorted(EXCHANGES.items())}
    return {
        chart / "README.md": f"{before}{_BEGIN}{table(values)}{_END}{after}",
        chart / "values.schema.json": json.dumps(schema(values), indent=2) + "\n",
        chart / "files/exchanges.json": json.dumps(hosts, indent=2) + "\n",
    }


def main(chart: Path = CHART) -> int:
    """Write the files, or with --check name those that are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if one differs")
    is_check = parser.parse_args().check
    stale = {
        path: text
        for path, text in files(chart).items()
        if not path.exists() or path.read_text() != text
    }
    for path, text in stale.items():
        if is_check:
            print(f"{path.name} is not up to date: run make chart")
        else:
            path.write_text(text)
    return 1 if stale and is_check else 0


if __name__ == "__main__":
    sys.exit(main())
