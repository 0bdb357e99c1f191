"""Run the monitoring stack's own tools: promtool, amtool and a real Alertmanager."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from stack import configuration, programs
from tests.alerts.files import ROOT
from tests.programs import require

Tool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a program with arguments, in the repository."""


def _tool(program: str) -> Tool:
    path = require(program)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [path, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
        )

    return run


@pytest.fixture(scope="session")
def promtool() -> Tool:
    return _tool("promtool")


@pytest.fixture(scope="session")
def amtool() -> Tool:
    return _tool("amtool")


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Start Alertmanager with the example configuration; return a client of its API."""
    require("prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("alertmanager")
    address = programs.free_address()
    configuration.copy(folder, configuration.EXPORTER, address, configuration.RECEIVERS)
    with (
        programs.alertmanager(folder, address),
        httpx.Client(base_url=f"http://{address}", trust_env=False) as client,
    ):
        yield client
