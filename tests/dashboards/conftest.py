"""Serve histories by real Prometheus servers, one for each scenario that a test needs."""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.dashboards.files import Json
from tests.dashboards.history import build
from tests.dashboards.play import END, HOUR, MINUTE
from tests.programs import require, wait_for

STEP = 4 * MINUTE


class Prometheus:
    """Respond the queries of a panel from a history."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expr: str, *, instant: bool) -> list[Json]:
        """Return the series of a query, now or over the last day."""
        times = {"time": END} if instant else {"start": END - 24 * HOUR, "end": END, "step": STEP}
        path = "query" if instant else "query_range"
        body = urllib.parse.urlencode({"query": expr, **times}).encode()
        with urllib.request.urlopen(  # noqa: S310 - only our own
            f"{self.url}/api/v1/{path}", body, timeout=30
        ) as response:
            result = json.load(response)["data"]["result"]
        return [{"values": [series["value"]], **series} if instant else series for series in result]


@contextmanager
def serve(scenario: str, folder: Path) -> Iterator[Prometheus]:
    """Run a Prometheus over a scenario's history."""
    require("promtool")
    build(scenario, folder / "tsdb", STEP)
    with run_prometheus(folder) as url:
        yield Prometheus(url)


@contextmanager
def run_prometheus(folder: Path) -> Iterator[str]:
    """Run a Prometheus over the blocks in a folder's `tsdb`, and return its address."""
    program = require("prometheus")
    (folder / "prometheus.yml").write_text("global: {}\n")
    log = folder / "prometheus.log"
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        "--storage.tsdb.retention.time=100y",
        "--web.listen-address=127.0.0.1:0",
    ]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        address = wait_for(
            lambda: re.search(r"Listening on\S* .*?address=(\S+:\d+)", log.read_text())
        )[1]
        wait_for(
            lambda: urllib.request.urlopen(f"http://{address}/-/ready", timeout=5).close() or 1
        )
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Prometheus]]:
    """Return the Prometheus of a scenario; it starts when it is first needed."""
    with ExitStack() as stack:
        yield cache(
            lambda scenario: stack.enter_context(serve(scenario, tmp_path_factory.mktemp(scenario)))
        )
