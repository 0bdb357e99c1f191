"""Measure the daemon as users run it: it polls simulated exchanges over HTTP and is scraped.

A program in Go that does the same job runs beside it: both poll, and both are scraped by a real
Prometheus and, in turns, by this benchmark.
"""

import argparse
import re
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from benchmarks import balances, golang, ingest, report
from benchmarks.idle import EXPORTER, free_port, running, wait
from benchmarks.report import median, milliseconds, p99, times
from benchmarks.scraper import Scraper
from benchmarks.subjects import ROOT, peak, processor_time, prometheus, resident

OURS, GO = "this exporter", "Go and client_golang"
ACCOUNTS = (10, 50, 100, 500, 2_000)
ASSETS = 100
POLLS_PER_SECOND = 30.0  # of each exporter; BtcTurk admits two from an address

_SERIES_PER_BALANCE = len(balances.FAMILIES)
_EXCHANGE = "btcturk"  # the one that both exporters can poll
_PATIENCE = 120.0  # seconds past the interval for all accounts to be up
_PAUSE = 0.2  # seconds between scrapes
_PROMETHEUS_INTERVAL = 5  # seconds
_UP = re.compile(rb"account is up.*account=\"?([^\s\"]+)")
_POLLS = re.compile(rb"^exchange_account_polls_total\{[^}]*\} (\S+)", re.MULTILINE)
_LAG = re.compile(rb"^exchange_exporter_event_loop_lag_seconds (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure, in seconds; `scrapes` of each exporter at most."""

    polling: float
    scraping: float
    scrapes: int


FULL, QUICK = Effort(20.0, 60.0, 100), Effort(2.5, 2.0, 5)


@dataclass
class Exporter:
    """A running exporter and what was measured of it; times are in seconds, memory in MB."""

    name: str
    process: "subprocess.Popen[bytes]"
    scraper: Scraper
    accounts: int
    started: float = field(default_factory=time.perf_counter)
    up: set[bytes] = field(default_factory=set)
    figures: dict[str, float] = field(default_factory=dict)
    scrapes: list[float] = field(default_factory=list)

    @classmethod
    def start(
        cls, name: str, command: Sequence[str | Path], port: int, accounts: int, stack: ExitStack
    ) -> Self:
        """Start an exporter that serves on a port."""
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        scraper = stack.enter_context(Scraper(port, gzip=True))
        exporter = cls(name, process, scraper, accounts)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        threading.Thread(target=exporter._read_log, daemon=True).start()
        return exporter

    def is_up(self) -> bool:
        """Return whether every account was polled with success."""
        return len(self.up) == self.accounts

    def polls(self) -> float:
        """Return how many polls have ended, which costs a scrape."""
        return sum(map(float, _POLLS.findall(self.scraper.page())))

    def _read_log(self) -> None:
        assert self.process.stderr is not None  # noqa: S101 - for the type checker
        for line in self.process.stderr:
            if account := _UP.search(line):
                self.up.add(account[1])
                if self.is_up():
                    self.figures.setdefault("all up, s", time.perf_counter() - self.started)
            elif b"account is down" in line:
                self.figures["outages"] = self.figures.get("outages", 0) + 1


@contextmanager
def exporters(accounts: int, interval: float) -> Iterator[list[Exporter]]:
    """Run simulated exchanges and both exporters, each with accounts of its own."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        written = Path(folder, "simulated.yaml")
        flags = (f"--accounts={2 * accounts}", f"--assets={ASSETS}", "--no-limits")
        exchanges = stack.enter_context(
            running("simulate", *flags, f"--write-config={written}", "--log.level=error")
        )
        wait(lambda: written.exists() and written.stat().st_size > 0, exchanges)
        time.sleep(0.5)  # until all of the file is written
        simulated = [
            account
            for account in yaml.load(written.read_text(), yaml.CSafeLoader)["accounts"]
            if account["exchange"] == _EXCHANGE
        ]
        commands = {OURS: _our_command(Path(folder, "config.yaml"), simulated[::2], interval)}
        if golang.has_go():
            commands[GO] = _go_command(Path(folder, "accounts"), simulated[1::2], interval)
        started = []
        for name, command in commands.items():
            port = free_port()
            started.append(Exporter.start(name, command(port), port, accounts, stack))
        yield started


def _our_command(
    path: Path, accounts: list[dict[str, Any]], interval: float
) -> Callable[[int], list[str]]:
    config = {
        "defaults": {"interval": f"{interval * 1000:.0f}ms"},
        "exchanges": {_EXCHANGE: {"requests_per_minute": 60_000}},
        "accounts": accounts,
    }
    path.write_text(yaml.dump(config, Dumper=yaml.CSafeDumper))
    path.chmod(0o600)
    flags = [*EXPORTER, f"--config.file={path}"]
    return lambda port: [*flags, f"--web.listen-address=127.0.0.1:{port}"]


def _go_command(
    path: Path, accounts: list[dict[str, Any]], interval: float
) -> Callable[[int], list[str]]:
    lines = [
        "\t".join((a["name"], a["credentials"]["api_key"], a["credentials"]["api_secret"]))
        for a in accounts
    ]
    path.write_text("\n".join(lines))
    url = accounts[0]["base_url"]
    flags = [f"-url={url}", f"-accounts={path}", f"-interval={interval * 1000:.0f}ms"]
    program = golang.go("polling_exporter")
    return lambda port: [program, *flags, f"-listen=127.0.0.1:{port}"]


def measure(accounts: int, effort: Effort, *, with_prometheus: bool) -> list[Exporter]:
    """Run both exporters side by side and return what was measured."""
    interval = max(1.0, accounts / POLLS_PER_SECOND)
    with exporters(accounts, interval) as running_exporters:
        for exporter in running_exporters:
            _wait_until_up(exporter, interval + _PATIENCE)
        _while_polling(running_exporters, effort.polling)
        with ExitStack() as stack:
            ports = [exporter.scraper.port for exporter in running_exporters]
            url = None
            if with_prometheus:
                url = stack.enter_context(ingest.prometheus(ports, _PROMETHEUS_INTERVAL))
            _while_scraped(running_exporters, effort, url)
        for exporter in running_exporters:
            exporter.figures["RSS, MB"] = resident(exporter.process.pid)
            exporter.figures["peak RSS, MB"] = peak(exporter.process.pid)
        lag = _LAG.search(running_exporters[0].scraper.page())
        assert lag  # noqa: S101 - the exporter always has it
        running_exporters[0].figures["event loop lag in a minute, ms"] = float(lag[1]) * 1000
    return running_exporters


def _wait_until_up(exporter: Exporter, patience: float) -> None:
    given_up_at = time.monotonic() + patience
    while not exporter.is_up():
        if exporter.process.poll() is not None or time.monotonic() > given_up_at:
            raise TimeoutError(f"{exporter.name}: {len(exporter.up)} of {exporter.accounts} are up")
        time.sleep(0.1)


def _while_polling(running_exporters: Sequence[Exporter], seconds: float) -> None:
    """Measure what a poll costs while nobody scrapes."""
    before = [(exporter.polls(), _processor(exporter)) for exporter in running_exporters]
    time.sleep(seconds)
    after = [_processor(exporter) for exporter in running_exporters]
    for exporter, (polls, cost), cost_after in zip(running_exporters, before, after, strict=True):
        per_poll = (cost_after - cost) / (exporter.polls() - polls)
        exporter.figures["CPU of a poll, ms"] = per_poll * 1000
        exporter.figures["RSS before scrapes, MB"] = resident(exporter.process.pid)


def _while_scraped(running_exporters: Sequence[Exporter], effort: Effort, url: str | None) -> None:
    """Measure scrapes, in turns, while polls go on."""
    before = [(exporter.polls(), _processor(exporter)) for exporter in running_exporters]
    started = time.monotonic()
    for _ in range(effort.scrapes):
        for exporter in running_exporters:
            exporter.scrapes.append(exporter.scraper.scrape())
            time.sleep(_PAUSE)
        if time.monotonic() - started > effort.scraping:
            break
    after = [_processor(exporter) for exporter in running_exporters]
    durations = ingest.durations(url) if url else {}
    for exporter, (polls, cost), cost_after in zip(running_exporters, before, after, strict=True):
        figures = exporter.figures
        by_prometheus = durations.get(exporter.scraper.port, [])
        polling = (exporter.polls() - polls) * figures["CPU of a poll, ms"] / 1000
        count = len(exporter.scrapes) + len(by_prometheus)
        figures["CPU of a scrape, ms"] = max(0.0, cost_after - cost - polling) / count * 1000
        figures["scrape p50, ms"] = median(exporter.scrapes) * 1000
        figures["scrape p99, ms"] = p99(exporter.scrapes) * 1000
        if by_prometheus:
            figures["scrape by Prometheus p50, ms"] = median(by_prometheus) * 1000


def _processor(exporter: Exporter) -> float:
    return processor_time(exporter.process.pid)


def grow(accounts: int, hours: int) -> list[float]:
    """Return this exporter's memory after each hour's polls, which here take a minute at most."""
    with exporters(accounts, 1.0) as (ours, *others):
        for other in others:
            other.process.terminate()
        _wait_until_up(ours, _PATIENCE)
        memory = []
        for hour in range(hours):
            while ours.polls() < (hour + 1) * 60 * accounts:
                time.sleep(1.0)
            memory.append(resident(ours.process.pid))
    return memory


def show(measured: Sequence[Exporter]) -> None:
    """Print a table of all figures with their ratios."""
    ours, *others = measured
    rows = []
    for name in sorted(ours.figures, key=_ORDER.index):
        value = ours.figures[name]
        cells = [name, _number(value)]
        for other in others:
            theirs = other.figures.get(name)
            cells += [_number(theirs), _ratio(theirs, value)] if theirs is not None else ["", ""]
        rows.append(cells)
    against = [column for other in others for column in (other.name, "Go / ours")]
    report.table(["", ours.name, *against], rows)


_ORDER = (
    "all up, s",
    "outages",
    "CPU of a poll, ms",
    "CPU of a scrape, ms",
    "scrape p50, ms",
    "scrape p99, ms",
    "scrape by Prometheus p50, ms",
    "event loop lag in a minute, ms",
    "RSS before scrapes, MB",
    "RSS, MB",
    "peak RSS, MB",
)


def _ratio(theirs: float, ours: float) -> str:
    return times(theirs / ours) if ours else ""


def _number(value: float) -> str:
    return milliseconds(value / 1000)


def main() -> None:
    """Measure every size, and print a table for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three accounts: seconds")
    parser.add_argument("--accounts", type=int, action="append", help="repeatable")
    parser.add_argument("--no-prometheus", action="store_true", help="scrape alone")
    parser.add_argument("--hours", type=int, help="only poll, as often as in so many hours")
    options = parser.parse_args()
    effort = QUICK if options.quick else FULL
    print(report.machine())
    for accounts in options.accounts or ([3] if options.quick else ACCOUNTS):
        report.heading(_title(accounts))
        if options.hours:
            memory = grow(accounts, options.hours)
            hours = [[str(hour + 1), f"{value:.1f}"] for hour, value in enumerate(memory)]
            report.table(["hours", "RSS, MB"], hours)
        else:
            has_prometheus = not options.no_prometheus and prometheus() is not None
            show(measure(accounts, effort, with_prometheus=has_prometheus))


def _title(accounts: int) -> str:
    held = accounts * ASSETS
    return (
        f"{accounts:,} accounts of {ASSETS} assets: {held:,} balances,"
        f" {held * _SERIES_PER_BALANCE:,} series of them"
    )


if __name__ == "__main__":
    main()
