"""Make a day of the exporter's metrics for a scenario, as blocks that a Prometheus can serve.

`python -m tests.dashboards.history healthy /tmp/healthy` fills a data directory; then run
`prometheus --storage.tsdb.path=/tmp/healthy --storage.tsdb.retention.time=100y` to look at it.
"""

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.dashboards.own import api_samples, exporter_samples, price_samples, scrape_samples
from tests.dashboards.play import END, HOURS, MINUTE, TARGET, TWIN, Account, Labels, Sample, ago
from tests.dashboards.recorded import STATE, Recorder
from tests.dashboards.scenarios import MANY, accounts_of

# Long blocks, because promtool reads the whole text once for each block that it makes.
IMPORT = ("promtool", "tsdb", "create-blocks-from", "--max-block-duration=54h")
UNPRICED = {"unpriced": frozenset({"USDC"})}
NOT_VALUED = {*MANY, "exchange_down"}
"""Scenarios without valuation."""


def scraped(
    scenario: str, time: int, step: int, accounts: Sequence[Account], rng: random.Random
) -> list[Sample]:
    """Return what every exporter exposes at a time, and what Prometheus adds."""
    if scenario == "exporter_down" and time >= ago(0.5):
        return [("up", TARGET, 0)]
    for account in accounts:
        account.live(time, step, rng)
    exposed = [s for account in accounts for s in account.samples(time, rng)]
    exposed += api_samples(time, accounts)
    if scenario not in NOT_VALUED:
        exposed += price_samples(time, accounts, UNPRICED.get(scenario, frozenset()))
    own = list(exporter_samples(time, step, len(exposed) + 45, rng))
    samples = [("up", {}, 1.0), *exposed, *own, *scrape_samples(len(exposed) + 45, rng)]
    one = [(name, {**TARGET, **labels}, value) for name, labels, value in samples]
    if scenario != "pair":
        return one
    if time >= ago(0.5):
        return [*one, ("up", TWIN, 0)]
    return [*one, *((name, {**TWIN, **labels}, value) for name, labels, value in samples)]


def firing(
    recorded: Sequence[Sample], since: dict[tuple[str, ...], int], time: int
) -> list[Sample]:
    """Return the alerts about accounts that are not served."""
    down = {
        (labels["exchange"], labels["account"])
        for name, labels, value in recorded
        if name == STATE and value >= 2
    }
    alerts: list[Sample] = []
    for key in down:
        begin = since.setdefault(key, time)
        labels = {"alertname": "ExchangeAccountDown", "severity": "critical", "scope": "account"}
        labels |= {"exchange": key[0], "account": key[1]}
        state = "firing" if time - begin >= 5 * MINUTE else "pending"
        alerts.append(("ALERTS", {**labels, "alertstate": state}, 1))
        alerts.append(("ALERTS_FOR_STATE", labels, begin))
    for ended in since.keys() - down:
        del since[ended]
    return alerts


def history(scenario: str, step: int) -> Iterator[tuple[str, Labels, float, int]]:
    """Return every sample of a scenario with its time."""
    rng = random.Random(scenario)
    everyone = accounts_of(scenario)
    recorder, since = Recorder(), dict[tuple[str, ...], int]()
    hours = 30 * 24 if scenario == "month" else HOURS
    for time in range(ago(hours), END + 1, step):
        accounts = [one for one in everyone if one.lives[0] <= time < one.lives[1]]
        samples = scraped(scenario, time, step, accounts, rng)
        recorded = list(recorder.record(samples, time))
        for name, labels, value in (*samples, *recorded, *firing(recorded, since, time)):
            yield name, labels, value, time


def openmetrics(scenario: str, step: int) -> Iterator[str]:
    """Return the lines of a scenario's OpenMetrics text, one family after the other."""
    families: dict[str, list[str]] = {}
    for name, labels, value, time in history(scenario, step):
        text = ",".join(f'{key}="{value}"' for key, value in labels.items())
        families.setdefault(name, []).append(f"{name}{{{text}}} {value!r} {time}\n")
    for lines in families.values():
        yield from lines
    yield "# EOF\n"


def build(scenario: str, directory: Path, step: int = MINUTE) -> None:
    """Fill a Prometheus data directory with a scenario's history, a scrape each `step` seconds."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", suffix=".om", encoding="utf-8") as text:
        text.writelines(openmetrics(scenario, step))
        text.flush()
        subprocess.run(
            [*IMPORT, "openmetrics", "--quiet", text.name, str(directory)],
            check=True,
            capture_output=True,
        )


if __name__ == "__main__":
    coarse = sys.argv[1] in {*MANY, "month"}
    build(sys.argv[1], Path(sys.argv[2]), 4 * MINUTE if coarse else MINUTE)
