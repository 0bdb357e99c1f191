"""Measure how soon a daemon responds, and how much memory it uses then.

It has an account at each simulated exchange, and values them.
"""

import argparse
import compileall
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import report
from benchmarks.report import median, milliseconds
from benchmarks.scraper import Scraper
from benchmarks.subjects import ROOT, resident

EXPORTER = (sys.executable, "-m", "exporter")
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +(\S+)")
_SHOWN_IMPORTS = 12


@contextmanager
def simulated_exchanges() -> Iterator[Path]:
    """Run the simulated exchanges, and yield a configuration for an account at each."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config.yaml")
        flags = ("--accounts=1", "--log.level=error", f"--write-config={config}")
        with running("simulate", *flags) as process:
            wait(config.exists, process)
            yield config


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the exporter's command."""
    process = subprocess.Popen([*EXPORTER, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def wait(is_done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for something that a process does, unless it ends."""
    while not is_done():
        if process.poll() is not None:
            raise ChildProcessError(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.002)


def start(config: Path, settle: float) -> tuple[float, float]:
    """Return the seconds from exec to the first scrape's last byte, and the MB held later."""
    port = free_port()
    flags = (f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}")
    began = time.perf_counter()
    with running(*flags, "--log.level=error") as process, Scraper(port, gzip=True) as scraper:
        wait(lambda: _responds(scraper), process)
        first_response = time.perf_counter() - began
        time.sleep(settle)
        scraper.scrape()
        return first_response, resident(process.pid)


def imports() -> list[tuple[str, float]]:
    """Return what each package costs to import in seconds, the costliest first."""
    command = [sys.executable, "-X", "importtime", "-c", "import exporter.cli"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    costs: dict[str, float] = {}
    for own, name in _IMPORT.findall(run.stderr):
        package = name.partition(".")[0]
        costs[package] = costs.get(package, 0.0) + int(own) / 1e6
    return sorted(costs.items(), key=lambda cost: -cost[1])


def _responds(scraper: Scraper) -> bool:
    try:
        scraper.scrape()
    except ConnectionRefusedError:
        return False
    return True


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one start: seconds")
    options = parser.parse_args()
    print(report.machine())
    compileall.compile_dir(ROOT / "exporter", quiet=1)  # as an installation does
    with simulated_exchanges() as config:
        starts, settle = (1, 1.0) if options.quick else (9, 5.0)
        first_response, memory = zip(*(start(config, settle) for _ in range(starts)), strict=True)
    report.heading("A daemon with an account at each exchange")
    report.table(
        ["", "median", "worst"],
        [
            [
                "ms from exec to the first scrape",
                *map(milliseconds, (median(first_response), max(first_response))),
            ],
            [
                "MB of RSS after polls and a scrape",
                *(f"{m:.1f}" for m in (median(memory), max(memory))),
            ],
        ],
    )
    report.heading("Imports of a start, by package")
    costs = imports()
    total = sum(cost for _, cost in costs)
    report.table(
        ["package", "ms"],
        [[name, milliseconds(cost)] for name, cost in [("all", total), *costs[:_SHOWN_IMPORTS]]],
    )


if __name__ == "__main__":
    main()
