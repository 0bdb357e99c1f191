"""Measure what a poll costs against Go, and how late polls are while others scrape."""

import argparse
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks import balances, report
from benchmarks.golang import GO_PACKAGES, go, has_go
from benchmarks.report import median, milliseconds, p99, times
from benchmarks.scraper import Scraper
from benchmarks.subjects import Process, python

SCRAPERS = 8
RESPONSES = {"one asset in ten held": balances.HELD, "every asset held": 1.0}
SIZES = (15_000, 150_000)
BASELINE = "Go: net/http and typed encoding/json"
STEPS = {
    BASELINE: ("go", "parse"),
    "Go: transfer alone": ("go", "transfer"),
    "this exporter: a whole poll": ("ours", "poll"),
    "httpx: transfer alone": ("ours", "transfer"),
    "this exporter: parsing alone": ("ours", "parse"),
    "this exporter: a whole poll, published unchanged": ("ours", "publish_unchanged"),
    "this exporter: a whole poll, and rendering its bytes": ("ours", "publish"),
}


def processor_per_poll(held: float, *, rounds: int, polls: int) -> tuple[int, dict[str, float]]:
    """Return the response's size in bytes, and the seconds of CPU that a poll costs in each way."""
    with ExitStack() as stack:
        exchange = stack.enter_context(Process(python("servers.loopback_exchange", str(held))))
        url = f"http://127.0.0.1:{exchange.greeting[1]}"
        pollers = {"ours": stack.enter_context(Process(python("servers.exporter_polls", url)))}
        if has_go():
            pollers["go"] = stack.enter_context(Process([go("poll"), f"{url}/balances"]))
        costs: dict[str, list[float]] = {name: [] for name in STEPS if STEPS[name][0] in pollers}
        for number in range(rounds + 1):
            for name, seconds in costs.items():
                who, step = STEPS[name]
                took = float(pollers[who].tell(step, polls)[1]) / polls
                if number:  # the first round only warms up
                    seconds.append(took)
    return int(exchange.greeting[2]), {name: median(values) for name, values in costs.items()}


def poll_durations(series: int, *, rounds: int, polls: int) -> dict[str, list[float]]:
    """Return how long polls took by what else the exporter did, in turns."""
    durations: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        exchange = stack.enter_context(
            Process(python("servers.loopback_exchange", str(balances.HELD)))
        )
        exporter = stack.enter_context(Process(python("servers.exporter_daemon")))
        exporter.tell("fill", balances.write(Path(folder, "balances"), series, seed=1))
        port, url = int(exporter.greeting[1]), f"http://127.0.0.1:{exchange.greeting[1]}"
        exporter.tell("poll", url, polls)
        for _ in range(rounds):
            for name, pause in (("nobody", None), ("once a second", 1.0), ("without pause", 0.0)):
                with scraping(port, pause):
                    took = map(float, exporter.tell("poll", url, polls))
                durations.setdefault(name, []).extend(took)
    return durations


@contextmanager
def scraping(port: int, pause: float | None) -> Iterator[None]:
    """Let eight clients scrape, each with a pause between its scrapes; None for no client."""
    stop = threading.Event()

    def scrape(number: int) -> None:
        with Scraper(port, gzip=True) as scraper, suppress(ConnectionError):
            stop.wait((pause or 0.0) * number / SCRAPERS)
            while not stop.is_set():
                scraper.scrape()
                stop.wait(pause)

    numbers = range(SCRAPERS if pause is not None else 0)
    threads = [threading.Thread(target=scrape, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def main() -> None:
    """Measure, and print two kinds of tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few polls: seconds")
    options = parser.parse_args()
    if not has_go():
        print(f"Without the client in Go, which needs: apt-get install {GO_PACKAGES}")
    print(report.machine())
    rounds, polls = (1, 20) if options.quick else (9, 300)
    for label, held in RESPONSES.items():
        size, costs = processor_per_poll(held, rounds=rounds, polls=polls)
        report.heading(f"CPU of a poll of {balances.ASSETS} assets, {size / 1000:.0f} KB, {label}")
        against = costs.get(BASELINE)
        report.table(
            ["what", "ms of CPU", "against Go"],
            [[n, milliseconds(c), times(c / against) if against else ""] for n, c in costs.items()],
        )
    for series in SIZES[:1] if options.quick else SIZES:
        report.heading(f"Duration of polls while {SCRAPERS} clients scrape {series:,} series")
        durations = poll_durations(series, rounds=rounds, polls=polls)
        idle = p99(durations["nobody"])
        report.table(
            ["scrapes of each client", "polls", "p50 ms", "p99 ms", "p99 against idle"],
            [
                [
                    name,
                    str(len(d)),
                    milliseconds(median(d)),
                    milliseconds(p99(d)),
                    times(p99(d) / idle),
                ]
                for name, d in durations.items()
            ],
        )


if __name__ == "__main__":
    main()
