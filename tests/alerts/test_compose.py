"""Check that compose.yaml runs the stack closed, pinned and complete."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.files import ROOT, read_yaml

TEXT = (ROOT / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def override() -> dict[str, Any]:
    """Return the example in the comment, which puts real accounts in the simulation's place."""
    comment = re.search(r"(?m)^#   services:\n(?:#   .*\n)+", TEXT)
    assert comment
    document: dict[str, Any] = yaml.safe_load(re.sub(r"(?m)^#   ", "", comment[0]))
    return document


def test_the_whole_stack_is_there() -> None:
    assert set(SERVICES) == {"exporter", "prometheus", "alertmanager", "grafana"}


@each_service
def test_a_service_runs_with_a_read_only_file_system_and_without_privileges(
    service: dict[str, Any],
) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][0] == "CMD"


@each_service
def test_ports_are_open_to_this_machine_only(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@each_service
def test_images_are_built_here_or_pinned_to_a_release(service: dict[str, Any]) -> None:
    assert "build" in service or re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])


@each_service
def test_what_is_mounted_exists_and_can_only_be_read(service: dict[str, Any]) -> None:
    for volume in service.get("volumes", []):
        source, _, rest = volume.partition(":")
        if source.startswith("./"):
            assert (ROOT / source).is_dir(), source
            assert rest.endswith(":ro"), volume
        else:
            assert source in yaml.safe_load(TEXT)["volumes"]


def test_prometheus_runs_the_example_with_the_names_of_containers() -> None:
    example, composed = (
        read_yaml(Path("prometheus") / name)
        for name in ("prometheus.yml", "prometheus.compose.yml")
    )
    text = yaml.safe_dump(composed)
    for name, port in (("exporter", 10517), ("alertmanager", 9093)):
        assert name in SERVICES
        text = text.replace(f"{name}:{port}", f"127.0.0.1:{port}")
    assert yaml.safe_load(text) == example


def test_the_override_for_real_accounts_changes_only_the_exporter() -> None:
    document = override()
    exporter = document["services"].pop("exporter")
    assert document["services"] == {}
    assert set(exporter["secrets"]) == set(document["secrets"])
    assert not any(argument == "demo" for argument in exporter["command"])
