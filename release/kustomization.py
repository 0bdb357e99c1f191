"""Write the plain kustomization from the chart: what it renders, without the marks of Helm.

It needs helm-python-sdk, which `make packaging` installs. Rules and dashboards are not in it: the
command `assets` writes those of the installed version as objects of Kubernetes.
"""

import sys
from typing import Any

import yaml

from release.chart import CHART

FOLDER = CHART.parents[1] / "kustomize"
NAME = "exchange-balance-exporter"

_BASE = ("ServiceAccount", "Service", "StatefulSet", "PodDisruptionBudget", "NetworkPolicy")
_HELM_LABELS = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")
_VALUES: dict[str, Any] = {
    "fullnameOverride": NAME,
    "existingConfigMap": NAME,
    "secrets": ["exchange-keys"],
    "serviceMonitor": {"enabled": True},
}
_HEADER = "# Generated from the Helm chart by `make chart`.\n"


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as blocks, so that people can read them."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


def documents(rendered: dict[str, str]) -> list[dict[str, Any]]:
    """Return the objects of a rendered chart, in the order of its templates."""
    texts = (text for path, text in sorted(rendered.items()) if path.endswith(".yaml"))
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def files(rendered: dict[str, str]) -> dict[str, str]:
    """Return the text of each file below the folder of the kustomization."""
    objects = [_without_helm(each) for each in documents(rendered)]
    base = [each for each in objects if each["kind"] in _BASE]
    monitoring = [each for each in objects if each["kind"] == "ServiceMonitor"]
    return {
        "base/kustomization.yaml": _text(_base_kustomization(base)),
        "monitoring/kustomization.yaml": _text(_monitoring_kustomization(monitoring)),
        **{f"base/{each['kind'].lower()}.yaml": _text(each) for each in base},
        **{f"monitoring/{each['kind'].lower()}.yaml": _text(each) for each in monitoring},
    }


def _base_kustomization(base: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(f"{each['kind'].lower()}.yaml" for each in base),
        "configMapGenerator": [
            {"name": NAME, "files": ["config.yaml"], "options": {"disableNameSuffixHash": True}}
        ],
    }


def _monitoring_kustomization(monitoring: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": sorted(f"{each['kind'].lower()}.yaml" for each in monitoring),
    }


def _without_helm(each: dict[str, Any]) -> dict[str, Any]:
    """Drop Helm's labels and the namespace, which kustomize sets."""
    metadata = each["metadata"]
    metadata.pop("namespace", None)
    spec = each.get("spec", {})
    for labelled in (metadata, spec.get("template", {}).get("metadata", {})):
        for label in _HELM_LABELS:
            labelled.get("labels", {}).pop(label, None)
    if each["kind"] == "ServiceMonitor":
        del spec["namespaceSelector"]
    return each


def _text(document: dict[str, Any]) -> str:
    return _HEADER + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000)


def render() -> dict[str, str]:
    """Return what the chart renders for the kustomization."""
    import helm_python  # noqa: PLC0415 - only this needs it

    with helm_python.Chart.load(CHART) as chart:
        return dict(chart.render(_VALUES, name="exporter", namespace="default"))


def main() -> int:
    """Write the files."""
    for name, text in files(render()).items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
