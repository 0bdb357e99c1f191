"""Every benchmark runs in its quickest form and prints its tables; no figure is judged."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from benchmarks.subjects import GO_PACKAGES, has_go

ROOT = Path(__file__).parent.parent.parent


def run(script: str, *arguments: str) -> str:
    """Return what a benchmark prints."""
    command = [sys.executable, "-m", f"benchmarks.{script}", "--quick", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def needs(packages: str, *, are_there: bool) -> None:
    """Skip a test where its packages are missing, but never where everything must be tested."""
    if not are_there:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing(f"apt-get install {packages}")


def test_scrapes_are_compared_with_the_python_library():
    assert "prometheus_client collector |" in run("scrape", "--only", "collector")


def test_scrapes_are_compared_with_the_go_library():
    needs(GO_PACKAGES, are_there=has_go())
    assert "client_golang const metrics |" in run("scrape", "--only", "const")


def test_polls_are_compared_with_go():
    needs(GO_PACKAGES, are_there=has_go())
    printed = run("poll")
    assert "Go: net/http and typed encoding/json |" in printed
    assert "once a second |" in printed


def test_the_start_and_the_idle_daemon_are_measured():
    printed = run("idle")
    assert "ms from exec to the first scrape |" in printed
    assert "asyncio |" in printed


def test_a_prometheus_ingests_what_is_compared():
    needs("prometheus", are_there=which("prometheus") is not None)
    assert "this exporter |" in run("ingest")
