"""Let a real Prometheus scrape this exporter and others, and read from it how long that took."""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import balances, report, subjects
from benchmarks.idle import free_port
from benchmarks.report import median
from benchmarks.scrape import BASELINE, OURS, commands
from benchmarks.subjects import Process

GAUGES = "prometheus_client gauges"
SIZES = (15_000, 150_000, 1_500_000)

_SCRAPES = 4
_PATIENCE = 300.0  # seconds: on a small machine, a first scrape keeps Prometheus busy
_TIMEOUT = 10  # seconds: Prometheus' default
_CONFIG = """
global: {{scrape_interval: {timeout}s, scrape_timeout: {timeout}s}}
scrape_configs:
  - job_name: exporter
    static_configs: [targets: [{targets}]]
"""


@contextmanager
def prometheus(ports: Iterable[int], timeout: int) -> Iterator[str]:
    """Run a Prometheus that scrapes ports every `timeout` seconds, and yield its own address."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "prometheus.yml")
        targets = ", ".join(f"'127.0.0.1:{port}'" for port in ports)
        config.write_text(_CONFIG.format(timeout=timeout, targets=targets))
        flags = (
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
            "--log.level=error",
        )
        process = subprocess.Popen([subjects.prometheus() or "prometheus", *flags])
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


def scrapes(url: str, count: int) -> list[tuple[float, int]]:
    """Return the seconds and the samples of the first scrapes; a failed one has no samples."""
    given_up_at = time.monotonic() + _PATIENCE
    while time.monotonic() < given_up_at:
        time.sleep(1)
        took = _values(url, "scrape_duration_seconds")
        samples = _values(url, "scrape_samples_scraped")
        if len(took) == len(samples) >= count:
            return [(seconds, int(number)) for seconds, number in zip(took, samples, strict=True)]
    raise TimeoutError("Prometheus did not scrape")


def durations(url: str) -> dict[int, list[float]]:
    """Return the seconds that the successful scrapes of each port took, without the first."""
    took: dict[int, list[float]] = {}
    for port, seconds in _results(url, "scrape_duration_seconds"):
        took[port] = seconds[1:]
    return took


def _values(url: str, metric: str) -> list[float]:
    return [value for _, values in _results(url, metric) for value in values]


def _results(url: str, metric: str) -> list[tuple[int, list[float]]]:
    """Return the port and the values of each target's metric; none before Prometheus listens."""
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query={metric}[1h]") as response:  # noqa: S310
            results = json.load(response)["data"]["result"]
    except urllib.error.URLError:
        return []
    return [
        (
            int(result["metric"]["instance"].rpartition(":")[2]),
            [float(value) for _, value in result["values"]],
        )
        for result in results
    ]


def measure(command: Sequence[str], series: int, count: int, timeout: int) -> tuple[str, str, str]:
    """Return what a Prometheus' first scrape took, the median of the others, and the samples."""
    with tempfile.TemporaryDirectory() as folder, Process(command) as exporter:
        exporter.tell("fill", balances.write(Path(folder, "balances"), series, seed=1))
        with prometheus([int(exporter.greeting[1])], timeout) as url:
            results = scrapes(url, count)
    (first, _), *others = results
    later = f"{median(seconds for seconds, _ in others):.2f}" if others else ""
    samples = min(samples for _, samples in results)
    return f"{first:.2f}", later, f"{samples:,}" if samples else f"none within {timeout} s"


def main() -> None:
    """Measure, and print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="this exporter alone, and a small size"
    )
    options = parser.parse_args()
    if subjects.prometheus() is None:
        parser.exit(1, "There is no Prometheus here: apt-get install prometheus\n")
    print(report.machine())
    known = commands()
    count, timeout = (1, 1) if options.quick else (_SCRAPES, _TIMEOUT)
    for series in SIZES[:1] if options.quick else SIZES:
        report.heading(f"A Prometheus that scrapes {series:,} series")
        report.table(
            ["exporter", "first scrape, s", "later ones, s", "samples"],
            [
                [name, *measure(known[name], series, count, timeout)]
                for name in ((OURS,) if options.quick else (OURS, BASELINE, GAUGES))
                if name in known
            ],
        )


if __name__ == "__main__":
    main()
