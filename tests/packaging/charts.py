"""Render the Helm chart for tests."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from release.chart import CHART
from release.kustomization import documents
from tests.packaging.tools import tool

ROOT = Path(__file__).parents[2]
VALUE_SETS = sorted((CHART / "ci").glob("*-values.yaml"))

Object = dict[str, Any]


@cache
def values(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def render(
    given: Object, *, name: str = "exporter", namespace: str = "treasury"
) -> dict[tuple[str, str], Object]:
    """Return the objects of a release by kind and name."""
    helm = tool("helm_python")
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(given)
        rendered = chart.render(given, name=name, namespace=namespace)
    return {(each["kind"], each["metadata"]["name"]): each for each in documents(rendered)}


def only(objects: dict[tuple[str, str], Object], kind: str) -> Object:
    """Return the one object of a kind."""
    (found,) = [each for (each_kind, _), each in objects.items() if each_kind == kind]
    return found


def one_account(**more: object) -> Object:
    """Return values with one account, and with whatever else is given."""
    account = {
        "name": "treasury-tr",
        "exchange": "btcturk",
        "credentials": {"api_key": "${KEY}", "api_secret": "${SECRET}"},
    }
    return {"config": {"accounts": [account]}, **more}
