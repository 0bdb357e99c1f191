"""Let a real Prometheus scrape this exporter and others, and ask it how long that took."""

import argparse
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from benchmarks import balances, report
from benchmarks.idle import free_port
from benchmarks.report import median
from benchmarks.scrape import BASELINE, OURS, commands
from benchmarks.subjects import Process

GAUGES = "prometheus_client gauges"
SIZES = (150_000, 1_500_000)

_INTERVAL = 10  # seconds, and as many to wait for an answer: Prometheus' default timeout
_CONFIG = """
global: {{scrape_interval: {interval}s, scrape_timeout: {interval}s}}
scrape_configs:
  - job_name: exporter
    static_configs: [targets: ["127.0.0.1:{port}"]]
"""


@contextmanager
def prometheus(target: int) -> Iterator[str]:
    """Run a Prometheus that scrapes a port, and yield its own address."""
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "prometheus.yml")
        config.write_text(_CONFIG.format(interval=_INTERVAL, port=target))
        flags = (
            f"--config.file={config}",
            f"--storage.tsdb.path={folder}/data",
            f"--web.listen-address={address}",
            "--log.level=error",
        )
        process = subprocess.Popen(["prometheus", *flags])
        try:
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait()


def scrapes(url: str, count: int) -> list[tuple[float, int]]:
    """Return the seconds and the samples of the first scrapes; a failed one has no samples."""
    for _ in range(count * 2 * _INTERVAL):
        time.sleep(1)
        took = _values(url, "scrape_duration_seconds")
        samples = _values(url, "scrape_samples_scraped")
        if len(samples) >= count:
            return [(seconds, int(number)) for seconds, number in zip(took, samples, strict=False)]
    raise TimeoutError("Prometheus did not scrape")


def _values(url: str, metric: str) -> list[float]:
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query={metric}[1h]") as answer:  # noqa: S310
            results = json.load(answer)["data"]["result"]
    except urllib.error.URLError:  # it does not listen yet
        return []
    return [float(value) for result in results for _, value in result["values"]]


def measure(command: Sequence[str], series: int, count: int) -> tuple[float, int]:
    """Return the median seconds, and the least samples, of a Prometheus' scrapes."""
    with tempfile.TemporaryDirectory() as folder, Process(command) as exporter:
        exporter.tell("fill", balances.write(Path(folder, "balances"), series, seed=1))
        with prometheus(int(exporter.greeting[1])) as url:
            results = scrapes(url, count)
    return median(seconds for seconds, _ in results), min(samples for _, samples in results)


def main() -> None:
    """Measure, and print a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one size, one scrape of each: a minute"
    )
    options = parser.parse_args()
    if which("prometheus") is None:
        parser.exit(1, "There is no Prometheus here: apt-get install prometheus\n")
    print(report.machine())
    known = commands()
    for series in SIZES[:1] if options.quick else SIZES:
        report.heading(f"A Prometheus that scrapes {series:,} series")
        rows = []
        for name in (OURS, BASELINE, GAUGES):
            if name in known:
                seconds, samples = measure(known[name], series, 1 if options.quick else 3)
                shown = f"{samples:,}" if samples else f"none within {_INTERVAL} s"
                rows.append([name, f"{seconds:.2f}", shown])
        report.table(["exporter", "s for a scrape", "samples"], rows)


if __name__ == "__main__":
    main()
