"""Run programs for tests: the exporter itself, Prometheus and its tools."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.faults.canaries import Canaries

PACKAGES = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "chromium": "chromium",
}

_SECRETS = re.compile(r'(?:api_key|api_secret|token): "([^"]{16,})"')


def require(program: str) -> str:
    """Return a program's path, or do without the test."""
    return shutil.which(program) or lack(PACKAGES[program])


def lack(packages: str) -> NoReturn:
    """Skip a test that needs Debian's packages; where CI is set, everything must be tested."""
    message = f"apt-get install {packages}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


class Exporter:
    """A running exporter: its process, its output, and where it listens."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: Path, errors: Path) -> None:
        self.process = process
        self.output = output
        self.errors = errors
        self._pages: list[str] = []

    @property
    def log(self) -> str:
        return self.errors.read_text()

    @property
    def url(self) -> str:
        """Return the address without a slash at its end, as soon as the log says it."""
        found = wait_for(lambda: re.search(r" addresses=(http://\S+?)/", self.log))
        return str(found[1])

    def get(self, path: str) -> str:
        self._pages.append(fetch(self.url + path))
        return self._pages[-1]

    def stop(self, *, within: float = 5.0) -> int:
        self.process.terminate()
        return self.process.wait(within)

    def check_secrets(self, canaries: Canaries) -> None:
        """Look for secrets in all that came out, and in the command line."""
        canaries.check(self.output.read_text(), "standard output")
        canaries.check(self.log, "the log")
        canaries.check("\n".join(self._pages), "a page")
        if self.process.poll() is None:
            command = Path(f"/proc/{self.process.pid}/cmdline").read_text()
            canaries.check(command, "the command line")


@contextmanager
def exporter(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[Exporter]:
    """Run the exporter with warnings as errors until the end of the block.

    Then no secret of its configuration may have come out.
    """
    canaries = _secrets_of(arguments)
    output, errors = folder / "stdout", folder / "stderr"
    command = [sys.executable, "-W", "error", "-m", "exporter", *arguments]
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, env=os.environ | (environment or {})
        )
    running = Exporter(process, output, errors)
    try:
        yield running
        running.check_secrets(canaries)
    finally:
        process.kill()
        process.wait()


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the exporter to its end; no secret of its configuration may come out."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "exporter", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | environment,
        check=False,
    )
    _secrets_of(arguments).check(ended.stdout + ended.stderr, "the output")
    return ended


def _secrets_of(arguments: Iterable[str]) -> Canaries:
    """Register the secrets of the configuration that a command line names."""
    canaries = Canaries()
    for argument in arguments:
        path = Path(argument.removeprefix("--config.file="))
        if argument.startswith("--config.file=") and path.is_file():
            for secret in _SECRETS.findall(path.read_text()):
                canaries.know("a secret of the configuration", secret)
    return canaries


@contextmanager
def prometheus(folder: Path, *urls: str, interval: str = "500ms") -> Iterator["Prometheus"]:
    """Run a real Prometheus that scrapes exporters."""
    program = require("prometheus")
    targets = [url.removeprefix("http://") for url in urls]
    config = folder / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n"
        "scrape_configs:\n"
        "  - job_name: exchange\n"
        f"    static_configs: [{{targets: {json.dumps(targets)}}}]\n"
    )
    errors = folder / "prometheus.log"
    with errors.open("wb") as err:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                "--web.listen-address=127.0.0.1:0",
                "--log.level=info",
            ],
            stdout=subprocess.DEVNULL,
            stderr=err,
        )
    try:
        found = wait_for(
            lambda: re.search(r"Listening on\S* .*?address=(\S+:\d+)", errors.read_text())
        )
        yield Prometheus(f"http://{found[1]}")
    finally:
        process.kill()
        process.wait()


class Prometheus:
    """Query a running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the instant vector of an expression."""
        quoted = urllib.parse.quote(expression)
        response = json.loads(fetch(f"{self.url}/api/v1/query?query={quoted}"))
        return list(response["data"]["result"])

    def value(self, expression: str) -> float | None:
        """Return the only value of an expression, or None without one."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else None


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - only our own
        return str(response.read().decode())


def wait_for(probe: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return what a probe finds as soon as it finds something; errors on the way don't count."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := probe():
                return found
        except OSError:
            pass
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.05)
