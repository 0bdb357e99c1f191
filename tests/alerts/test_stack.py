"""Run the demo of the whole stack as a person would, and stop it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.pages import as_text
from stack.programs import free_address
from tests.alerts.files import ALERTS, ROOT
from tests.programs import fetch, require, wait_for

ANY_PORTS = ("--exporter-port=0", "--prometheus-port=0", "--alertmanager-port=0")


class Demo:
    """A running demo, and the addresses that it printed."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self.process = process
        self.folder = folder
        assert process.stdout
        text = ""
        while "Ctrl-C" not in text:
            line = process.stdout.readline()
            assert line, text
            text += line
        self.exporter, self.prometheus, self.alertmanager = re.findall(r"http://[\d.:]+", text)

    def ask_prometheus(self, what: str) -> Any:
        return json.loads(fetch(f"{self.prometheus}/api/v1/{what}"))["data"]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    require("prometheus")
    require("prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("demo-stack")
    with subprocess.Popen(
        [sys.executable, "-m", "stack", *ANY_PORTS, "--fault=http_401:account=payments-mx"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
    ) as process:
        try:
            yield Demo(process, folder)
        finally:
            process.terminate()


def test_the_exporter_shows_the_injected_fault(demo: Demo) -> None:
    failing = (
        'exchange_account_poll_failures_total{exchange="trubit",account="payments-mx",'
        'reason="authentication"} 1\n'
    )
    wait_for(lambda: failing in fetch(f"{demo.exporter}/metrics"))
    assert 'exchange_account_up{exchange="btcturk",account="treasury-tr"} 1\n' in fetch(
        f"{demo.exporter}/metrics"
    )


def test_prometheus_scrapes_the_exporter_and_has_all_our_alerts(demo: Demo) -> None:
    targets = wait_for(lambda: demo.ask_prometheus("targets")["activeTargets"])
    assert [target["scrapeUrl"] for target in targets] == [f"{demo.exporter}/metrics"]
    groups = demo.ask_prometheus("rules?type=alert")["groups"]
    assert {rule["name"] for group in groups for rule in group["rules"]} == set(ALERTS)


def test_prometheus_sends_to_alertmanager_which_has_our_routes(demo: Demo) -> None:
    found = wait_for(lambda: demo.ask_prometheus("alertmanagers")["activeAlertmanagers"])
    assert [one["url"] for one in found] == [f"{demo.alertmanager}/api/v2/alerts"]
    status = json.loads(fetch(f"{demo.alertmanager}/api/v2/status"))
    assert "payments-pager" in status["config"]["original"]


def test_ctrl_c_stops_everything_and_leaves_nothing_behind(demo: Demo) -> None:
    assert demo.stop() == 0
    assert list(demo.folder.iterdir()) == []
    for url in (demo.exporter, demo.prometheus, demo.alertmanager):
        with pytest.raises(OSError, match="refused"):
            fetch(url)


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "stack", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


def test_a_missing_program_is_named_with_what_to_do(tmp_path: Path) -> None:
    ended = run(*ANY_PORTS, PATH=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr == (
        "alertmanager is not installed. On Debian and Ubuntu:"
        " apt-get install prometheus prometheus-alertmanager\n"
    )


def test_a_program_that_can_not_run_is_named_with_its_last_words() -> None:
    require("prometheus-alertmanager")
    ended = run(*ANY_PORTS, "--fault=nonsense")
    assert ended.returncode == 1
    assert "exporter has stopped:" in ended.stderr
    assert "fault nonsense: unknown" in ended.stderr


def test_a_port_that_is_taken_is_left_to_whoever_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert free_address(port) != f"127.0.0.1:{port}"
    assert free_address(port) == f"127.0.0.1:{port}"


def test_a_page_is_printed_for_people() -> None:
    firing = {
        "status": "firing",
        "labels": {"alertname": "ExchangeExporterDown"},
        "annotations": {"description": "No account of exporter:10517 is watched. " * 2},
    }
    over = {"status": "resolved", "labels": {"alertname": "ExchangeClockOffset"}}
    page = {"status": "firing", "receiver": "operations-pager", "alerts": [firing, over]}
    assert as_text(page).splitlines() == [
        "FIRING, to operations-pager",
        "  ExchangeExporterDown. No account of exporter:10517 is watched. No account of",
        "  exporter:10517 is watched.",
        "  ExchangeClockOffset is over.",
    ]


def test_make_passes_faults_on() -> None:
    made = subprocess.run(
        ["make", "--dry-run", "demo-stack", "FAULT=late http_401:account=payments-mx"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "-m stack --fault=late --fault=http_401:account=payments-mx" in made.stdout
