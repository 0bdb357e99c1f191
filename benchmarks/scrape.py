"""Measure scrapes of this exporter and of others that expose the same balances."""

import argparse
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks import balances, report
from benchmarks.balances import FAMILIES
from benchmarks.golang import GO_PACKAGES, go, has_go
from benchmarks.report import median, milliseconds, p99, times
from benchmarks.scraper import Scraper
from benchmarks.subjects import Process, python

SIZES = (1_500, 15_000, 150_000, 1_500_000)
OURS, BASELINE = "this exporter", "client_golang const metrics"
ENCODINGS = ("gzip", "identity")

_ROUNDS = 10
_REFRESHES = 7
# Both exchanges' limits let this exporter poll 40 accounts within Prometheus' usual 15 s.
_POLLED_BETWEEN_SCRAPES = 40


@dataclass(frozen=True, slots=True)
class Effort:
    """Say how often a scrape is measured: for `budget` seconds, but within bounds."""

    budget: float
    least: int
    most: int

    def count(self, cost: float) -> int:
        """Return how often to do what takes `cost` seconds."""
        return max(self.least, min(self.most, int(self.budget / cost)))


QUICK = Effort(budget=0.1, least=1, most=50)
FULL = Effort(budget=8.0, least=3, most=1000)


@dataclass(slots=True)
class Subject:
    """A running exporter and its measurements; times in seconds, memory in MB."""

    name: str
    process: Process
    scrapers: Mapping[str, Scraper]
    idle: float
    first: float = 0.0
    resident: float = 0.0
    resident_refreshed: float = 0.0
    elapsed: dict[str, list[float]] = field(default_factory=lambda: {e: [] for e in ENCODINGS})
    processor: dict[str, float] = field(default_factory=lambda: dict.fromkeys(ENCODINGS, 0.0))
    polled: list[float] = field(default_factory=list)
    refreshed: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, name: str, command: Sequence[str], stack: ExitStack) -> Self:
        """Start an exporter that has no balances yet."""
        process = stack.enter_context(Process(command))
        port = int(process.greeting[1])
        scrapers = {e: stack.enter_context(Scraper(port, gzip=e == "gzip")) for e in ENCODINGS}
        scrapers["gzip"].scrape()
        return cls(name, process, scrapers, idle=process.memory())

    def fill(self, path: Path) -> float:
        """Give it balances, and return what the next scrape takes."""
        self.process.tell("fill", path)
        self.scrapers["gzip"].reconnect()
        return self.scrapers["gzip"].scrape()

    def check(self, path: Path) -> None:
        """Prove that its page has a sample for each amount of a file, and the right ones."""
        lines = list(balances.read(path))
        line = next(line for line in reversed(lines) if line.total != "0")
        for scraper in self.scrapers.values():
            page = scraper.page()
            for family, amount in zip(FAMILIES, line[2:], strict=True):
                labels = f'account="{line.account}",asset="{line.asset}"'
                sample = re.search(rf"{family}{{[^}}]*{labels}[^}}]*}} (\S+)".encode(), page)
                if page.count(f"\n{family}{{".encode()) != len(lines) or sample is None:
                    raise AssertionError(f"{self.name} leaves out balances")
                if float(sample[1]) != float(amount):
                    raise AssertionError(f"{self.name} says {sample[1]!r}, not {amount}")

    def scrape(self, encoding: str, count: int) -> None:
        """Scrape some times, and note what it took and cost."""
        self.scrapers[encoding].reconnect()
        before = self.process.processor_time()
        self.elapsed[encoding] += [self.scrapers[encoding].scrape() for _ in range(count)]
        self.processor[encoding] += self.process.processor_time() - before

    def processor_per_scrape(self, encoding: str) -> float:
        """Return the seconds of CPU that a scrape cost it."""
        return self.processor[encoding] / len(self.elapsed[encoding])


def measure(
    commands: Mapping[str, Sequence[str]], series: int, held: float, effort: Effort
) -> list[Subject]:
    """Run all exporters side by side, and scrape them in turns."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = [
            balances.write(Path(folder, str(seed)), series, seed=seed, held=held) for seed in (1, 2)
        ]
        subjects = [Subject.start(name, command, stack) for name, command in commands.items()]
        for subject in subjects:
            subject.first = subject.fill(files[0])
            subject.check(files[0])
        _scrape_in_turns(subjects, effort)
        _scrape_while_polling(subjects[0], series, effort)
        for subject in subjects:
            subject.resident = subject.process.memory()
        for number in range(_REFRESHES):
            for subject in subjects:
                if number < effort.count(10 * subject.first):
                    subject.refreshed.append(subject.fill(files[number % 2]))
        for subject in subjects:
            subject.resident_refreshed = subject.process.memory()
    return subjects


def _scrape_in_turns(subjects: Iterable[Subject], effort: Effort) -> None:
    """Scrape by turns, so that what disturbs the machine for a while disturbs all alike."""
    for number in range(_ROUNDS):
        for subject in subjects:
            for encoding in ENCODINGS:
                count = effort.count(subject.first)
                subject.scrape(
                    encoding, count * (number + 1) // _ROUNDS - count * number // _ROUNDS
                )


def _scrape_while_polling(ours: Subject, series: int, effort: Effort) -> None:
    """Scrape after some polls each time, until every account was polled twice, or more often."""
    accounts = -(-series // len(FAMILIES) // balances.ASSETS)
    polled = min(accounts, _POLLED_BETWEEN_SCRAPES)
    ours.scrapers["gzip"].reconnect()
    for _ in range(max(2 * accounts // polled, effort.count(10 * ours.first))):
        ours.process.tell("change", polled)
        ours.polled.append(ours.scrapers["gzip"].scrape())


def commands() -> Mapping[str, Sequence[str]]:
    """Return what to measure, with the command that starts it."""
    ours = {OURS: python("servers.exporter_daemon")}
    in_python = {
        "prometheus_client gauges": python("servers.labelled_gauges"),
        "prometheus_client collector": python("servers.custom_collector"),
    }
    in_go = (
        {BASELINE: [go("const_metrics")], "hand-written Go": [go("handwritten")]}
        if has_go()
        else {}
    )
    return ours | in_go | in_python


def figures(subject: Subject) -> dict[str, float]:
    """Return what is shown of an exporter: seconds, but MB where the name says so."""
    gzip, identity = (subject.elapsed[encoding] for encoding in ENCODINGS)
    return {
        "gzip p50": median(gzip),
        "gzip p99": p99(gzip),
        "gzip CPU": subject.processor_per_scrape("gzip"),
        "after polls": median(subject.polled or gzip),
        "all changed": median(subject.refreshed),
        "first": subject.first,
        "identity p50": median(identity),
        "identity p99": p99(identity),
        "identity CPU": subject.processor_per_scrape("identity"),
        "MB above idle": subject.resident - subject.idle,
        "MB": subject.resident,
        "MB, all changed": subject.resident_refreshed,
    }


def show(subjects: Sequence[Subject]) -> None:
    """Print a table of all figures, and behind each how many times ours it is."""
    ours = figures(subjects[0])
    rows = []
    for subject in subjects:
        cells = []
        for name, value in figures(subject).items():
            text = f"{value:,.0f}" if "MB" in name else milliseconds(value)
            cells.append(
                text if subject is subjects[0] else f"{text} ({times(value / ours[name])})"
            )
        rows.append([subject.name, *cells])
    report.table(["ms, or MB of RSS", *ours], rows)


def main() -> None:
    """Measure every size, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few scrapes: seconds")
    parser.add_argument("--series", type=int, action="append", help="only this size; repeatable")
    parser.add_argument("--only", action="append", default=[], help="part of a name; repeatable")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    sizes = options.series or (SIZES[:1] if options.quick else SIZES)
    if not has_go():
        print(f"Without the exporters in Go, which need: apt-get install {GO_PACKAGES}")
    chosen = {
        name: command
        for name, command in commands().items()
        if name == OURS or any(part in name for part in options.only or [""])
    }
    print(report.machine())
    for series in sizes:
        report.heading(f"{series:,} series, one asset in ten held")
        show(measure(chosen, series, balances.HELD, effort))
    in_go = {name: command for name, command in chosen.items() if "prometheus_client" not in name}
    for series in sizes:
        report.heading(f"{series:,} series, every amount of 8 to 16 decimals")
        show(measure(in_go, series, 1.0, effort))


if __name__ == "__main__":
    main()
