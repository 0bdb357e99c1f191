"""Run the monitoring stack's own tools: promtool, amtool and a real Alertmanager."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.alerts.files import ROOT

Tool = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a program with arguments, in the repository."""


def _find(program: str, package: str) -> str:
    path = shutil.which(program)
    if path:
        return path
    missing = f"{program} is missing: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def _tool(program: str, package: str) -> Tool:
    path = _find(program, package)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [path, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
        )

    return run


@pytest.fixture(scope="session")
def promtool() -> Tool:
    return _tool("promtool", "prometheus")


@pytest.fixture(scope="session")
def amtool() -> Tool:
    return _tool("amtool", "prometheus-alertmanager")


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Start Alertmanager with the example configuration; return a client of its API."""
    program = _find("prometheus-alertmanager", "prometheus-alertmanager")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        program,
        f"--config.file={ROOT / 'alertmanager/alertmanager.yml'}",
        f"--storage.path={tmp_path_factory.mktemp('alertmanager')}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            with httpx.Client(base_url=f"http://{address}", trust_env=False) as client:
                _wait_until_ready(client)
                yield client
        finally:
            process.terminate()


def _wait_until_ready(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            if client.get("/-/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail("Alertmanager did not become ready within 10 s")
