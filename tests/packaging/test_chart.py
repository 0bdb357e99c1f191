"""Check the Helm chart: it renders valid objects, closed by default, and says what it needs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__
from exporter.exchanges import EXCHANGES
from release import chart, kustomization
from release.chart import CHART
from release.check import semantic
from tests.packaging.charts import (
    ROOT,
    VALUE_SETS,
    Object,
    one_account,
    only,
    render,
    values,
)
from tests.packaging.tools import tool

KUBERNETES = ("1.28.0", "1.33.0", "1.37.0")

each_value_set = pytest.mark.parametrize("path", VALUE_SETS, ids=lambda path: path.stem)


def environment(objects: dict[tuple[str, str], Object]) -> dict[str, Any]:
    container = only(objects, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def error(given: Object) -> str:
    helm = tool("helm_python")
    with pytest.raises(helm.HelmError) as caught:
        render(given)
    return str(caught.value)


def test_the_generated_files_are_up_to_date() -> None:
    for path, text in chart.files(CHART).items():
        assert path.read_text() == text, f"{path}: run make chart"


def test_the_kustomization_is_that_of_the_chart() -> None:
    tool("helm_python")
    for name, text in kustomization.files(kustomization.render()).items():
        assert (kustomization.FOLDER / name).read_text() == text, f"{name}: run make chart"


def test_the_kustomizations_name_files_that_exist() -> None:
    for path in kustomization.FOLDER.rglob("kustomization.yaml"):
        document = yaml.safe_load(path.read_text())
        named = [*document.get("resources", []), *document.get("components", [])]
        for generator in document.get("configMapGenerator", []):
            named += generator["files"]
        assert [name for name in named if not (path.parent / name).exists()] == []


def test_there_are_enough_value_sets() -> None:
    assert len(VALUE_SETS) >= 8


@each_value_set
def test_a_value_set_lints_without_a_warning(path: Path) -> None:
    report = tool("helm_python").lint(CHART, values(path), strict=True)
    assert [each for each in report["messages"] if each["severity"] > 1] == []
    assert report["errors"] == []


@each_value_set
@pytest.mark.parametrize("version", KUBERNETES)
def test_a_value_set_renders_objects_that_kubernetes_accepts(path: Path, version: str) -> None:
    validate = tool("kubernetes_validate")
    for (kind, _), each in render(values(path)).items():
        if "." not in each["apiVersion"].partition("/")[0] or "k8s.io" in each["apiVersion"]:
            validate.validate(each, version, strict=True)
        else:
            assert kind in {"ServiceMonitor", "PrometheusRule", "CiliumNetworkPolicy"}


@each_value_set
def test_no_object_runs_as_root_or_may_write(path: Path) -> None:
    pod = only(render(values(path)), "StatefulSet")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    security = pod["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}


def test_the_chart_has_the_version_of_the_exporter() -> None:
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (metadata["version"], metadata["appVersion"]) == (semantic(__version__), __version__)


def test_a_mistyped_value_is_rejected() -> None:
    assert "shard" in error(one_account(shard=2))
    assert "flavor" in error(one_account(networkPolicy={"flavor": "calico"}))


def test_probes_use_the_port_without_login() -> None:
    container = only(render(one_account()), "StatefulSet")["spec"]["template"]["spec"][
        "containers"
    ][0]
    for probe, path in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
        assert container[probe]["httpGet"] == {"path": path, "port": "health"}
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    twin = environment(render(one_account()))["EXCHANGE_BALANCE_EXPORTER_WEB_HEALTH_LISTEN_ADDRESS"]
    assert twin == f":{ports['health']}"


def test_large_limits_are_written_as_whole_numbers() -> None:
    monitor = {"enabled": True, "sampleLimit": 5_000_000}
    found = only(render(one_account(serviceMonitor=monitor)), "ServiceMonitor")
    assert found["spec"]["sampleLimit"] == 5_000_000


def test_a_pod_is_the_shard_of_its_index() -> None:
    found = environment(render(one_account(shards=4)))
    assert found["EXCHANGE_BALANCE_EXPORTER_TOTAL_SHARDS"] == "4"
    assert found["EXCHANGE_BALANCE_EXPORTER_SHARD_SHARED_EGRESS"] == "true"
    field = found["EXCHANGE_BALANCE_EXPORTER_SHARD"]["fieldRef"]["fieldPath"]
    assert field == "metadata.labels['apps.kubernetes.io/pod-index']"


def test_one_pod_is_no_shard() -> None:
    assert not any("SHARD" in name for name in environment(render(one_account())))


def test_a_changed_configuration_rolls_the_pods_only_if_they_do_not_reload() -> None:
    def checksum(mode: str, interval: str) -> str | None:
        given = one_account(reload={"mode": mode})
        given["config"]["defaults"] = {"interval": interval}
        template = only(render(given), "StatefulSet")["spec"]["template"]
        return template["metadata"]["annotations"].get("checksum/config")  # type: ignore[no-any-return]

    assert checksum("auto", "30s") is None
    assert checksum("restart", "30s") != checksum("restart", "60s")


def test_the_configuration_is_that_of_the_values() -> None:
    objects = render(one_account())
    text = objects["ConfigMap", "exporter-exchange-balance-exporter"]["data"]["config.yaml"]
    assert yaml.safe_load(text) == one_account()["config"]


def egress(given: Object) -> list[Object]:
    rules: list[Object] = only(render(given), "NetworkPolicy")["spec"]["egress"]
    return rules


def test_the_policy_allows_names_and_the_ports_of_the_exchanges_in_use() -> None:
    given = one_account()
    given["config"]["accounts"][0]["base_url"] = "https://exchange.example.com:8443"
    names, exchanges = egress(given)
    assert {each["port"] for each in names["ports"]} == {53}
    assert [each["port"] for each in exchanges["ports"]] == [8443]
    assert "10.0.0.0/8" in exchanges["to"][0]["ipBlock"]["except"]


def test_behind_a_proxy_nothing_else_can_be_reached() -> None:
    proxy = {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": [{"port": 3128}]}
    given = one_account(networkPolicy={"egress": {"dns": [], "proxies": [proxy]}})
    given["config"]["defaults"] = {"network": {"proxy_url": "http://u:${P}@proxy:3128"}}
    assert egress(given) == [proxy]
    del given["networkPolicy"]
    assert "accounts use a proxy" in error(given)


def test_an_account_beside_the_proxy_can_still_reach_its_exchange() -> None:
    proxy = {"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}], "ports": [{"port": 3128}]}
    given = one_account(networkPolicy={"egress": {"dns": [], "proxies": [proxy]}})
    assert len(egress(given)) == 2


def fqdns(given: Object) -> list[str]:
    policy = only(render({**given, "networkPolicy": {"flavor": "cilium"}}), "CiliumNetworkPolicy")
    return [each["matchName"] for each in policy["spec"]["egress"][1]["toFQDNs"]]


@pytest.mark.parametrize("name", sorted(EXCHANGES))
def test_cilium_allows_exactly_the_host_of_an_exchange(name: str) -> None:
    given = one_account()
    given["config"]["accounts"][0]["exchange"] = name
    assert fqdns(given) == [EXCHANGES[name].base_url.removeprefix("https://").partition("/")[0]]


def test_cilium_allows_a_proxy_in_place_of_the_exchange() -> None:
    given = one_account()
    given["config"]["defaults"] = {"network": {"proxy_url": "http://u:${P}@proxy.infra:3128"}}
    assert fqdns(given) == ["proxy.infra"]


def test_an_exchange_without_a_known_host_must_be_named() -> None:
    given = one_account()
    given["config"]["accounts"][0]["exchange"] = "ccxt:kraken"
    assert "name the hosts of ccxt:kraken" in error(given)
    render({**given, "networkPolicy": {"egress": {"hosts": ["api.kraken.com"]}}})


def test_the_rules_of_the_chart_are_those_of_this_version() -> None:
    given = one_account(prometheusRule={"enabled": True}, serviceMonitor={"enabled": True})
    rule = only(render(given), "PrometheusRule")
    expected = [
        group
        for path in sorted((ROOT / "prometheus/rules").glob("*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    assert rule["spec"]["groups"] == expected
    monitor = only(render(given), "ServiceMonitor")
    relabelings = monitor["spec"]["endpoints"][0]["relabelings"]
    jobs = [each["replacement"] for each in relabelings if each.get("targetLabel") == "job"]
    assert all(job in jobs for job in re.findall(r'job=\\?"([^"\\]+)', json.dumps(expected)))


def test_another_job_and_other_runbooks_are_everywhere() -> None:
    given = one_account(
        prometheusRule={"enabled": True, "runbooksUrl": "https://wiki.example.com/r/"},
        serviceMonitor={"enabled": True, "job": "balances"},
        dashboards={"enabled": True, "runbooksUrl": "https://wiki.example.com/r"},
    )
    text = json.dumps(list(render(given).values()))
    assert "blob/main/docs/runbooks" not in text
    assert 'job=\\"exchange-balance-exporter\\"' not in text
    assert "https://wiki.example.com/r/ExchangeExporterDown.md" in text


def test_dashboards_are_those_of_this_version() -> None:
    objects = render(one_account(dashboards={"enabled": True}))
    found = {
        name: json.loads(text)
        for (kind, _), each in objects.items()
        if kind == "ConfigMap" and "grafana_dashboard" in each["metadata"]["labels"]
        for name, text in each["data"].items()
    }
    folder = ROOT / "grafana/dashboards"
    assert found == {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_the_service_monitor_finds_the_service() -> None:
    objects = render(one_account(serviceMonitor={"enabled": True}))
    wanted = only(objects, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= only(objects, "Service")["metadata"]["labels"].items()
    selector = only(objects, "Service")["spec"]["selector"]
    template = only(objects, "StatefulSet")["spec"]["template"]
    assert selector.items() <= template["metadata"]["labels"].items()


def test_every_value_is_used_by_a_template() -> None:
    text = "\n".join(path.read_text() for path in (CHART / "templates").iterdir())
    for value in chart.read_values((CHART / "values.yaml").read_text()):
        last = value.path.rpartition(".")[2]
        assert re.search(rf"\.{last}\b", text), value.path
