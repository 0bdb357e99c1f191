"""Every benchmark runs in its quickest form and prints its tables; no figure is judged."""

import subprocess
import sys
from pathlib import Path

from benchmarks.golang import GO_PACKAGES, has_go
from tests.programs import lack, require

ROOT = Path(__file__).parent.parent.parent


def run(script: str, *arguments: str) -> str:
    """Return what a benchmark prints."""
    command = [sys.executable, "-m", f"benchmarks.{script}", "--quick", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def require_go() -> None:
    if not has_go():
        lack(GO_PACKAGES)


def test_scrapes_are_compared_with_the_python_library():
    assert "prometheus_client collector |" in run("scrape", "--only", "collector")


def test_scrapes_are_compared_with_the_go_library():
    require_go()
    assert "client_golang const metrics |" in run("scrape", "--only", "const")


def test_polls_are_compared_with_go():
    require_go()
    printed = run("poll")
    assert "Go: net/http and typed encoding/json |" in printed
    assert "once a second |" in printed


def test_the_start_and_the_idle_daemon_are_measured():
    printed = run("idle")
    assert "ms from exec to the first scrape |" in printed
    assert "| all | " in printed


def test_a_prometheus_ingests_what_is_compared():
    require("prometheus")
    assert "this exporter |" in run("ingest")


def test_the_daemon_is_compared_end_to_end_with_the_same_job_in_go():
    require_go()
    require("prometheus")
    printed = run("end_to_end")
    assert "| CPU of a poll, ms |" in printed
    assert "Go and client_golang | Go / ours |" in printed


def test_the_rules_are_measured():
    require("prometheus")
    assert "| exchange-totals |" in run("rules")
