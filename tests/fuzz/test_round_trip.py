"""What a real Prometheus stores is the float64 nearest to each of our texts, and no other."""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from exporter.daemon import make_exporter_metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.families import Format
from exporter.exposition.pages import Exposition
from exporter.model import Amount, Balance
from exporter.polling.snapshots import SnapshotStore
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.web.addresses import Address
from exporter.web.server import Server
from fuzz.oracles import is_nearest_float64
from fuzz.serving_targets import read_balances
from fuzz.targets import files
from tests.accounts import make_account, make_store, poll_at, reading
from tests.programs import prometheus, require, wait_for

RANDOM_ASSETS = 1_000


def random_amount(chance: random.Random) -> Amount:
    """Return an amount of any length, many of them close to the middle between two floats."""
    if chance.random() < 0.3:
        middle = 2**53 + 2 * chance.randrange(2**20) + 1
        return Amount(f"{middle}.{'0' * chance.randrange(1, 15)}{chance.randrange(10)}")
    whole = chance.randrange(10 ** chance.randrange(1, 19))
    sign = chance.choice(["", "", "-"]) if whole else ""
    decimals = "".join(chance.choices("0123456789", k=chance.randrange(1, 19)))
    return Amount(f"{sign}{whole}.{decimals}")


def batch() -> dict[str, list[Balance]]:
    """Return the balances of the corpus, and random ones, by the names of their accounts."""
    listed = [read_balances(file.read_bytes()) for file in files("exposition")]
    accounts = {f"{number} {name}"[:100]: rows for number, (name, rows) in enumerate(listed)}
    chance = random.Random(1)
    accounts["random"] = [
        Balance(f"X{number}", random_amount(chance), random_amount(chance), random_amount(chance))
        for number in range(RANDOM_ASSETS)
    ]
    return accounts


def filled_store(balances: Mapping[str, list[Balance]]) -> SnapshotStore:
    store = make_store(*map(make_account, balances))
    for name, rows in balances.items():
        store.succeed(make_account(name).key, poll_at(Clock().monotonic()), reading(*rows))
    return store


@asynccontextmanager
async def served(store: SnapshotStore) -> AsyncIterator[str]:
    routes = make_routes(
        telemetry_path="/metrics",
        store=store,
        own=make_exporter_metrics(Clock()),
        clock=Clock(),
        is_ready=lambda: True,
        reload=None,
    )
    server = Server(routes)
    [(host, port)] = await server.start([Address("127.0.0.1", 0)])
    yield f"http://{host}:{port}"
    await server.stop()


def stored_values(folder: Path, url: str) -> dict[tuple[str, str, str], float]:
    with prometheus(folder, url) as scraping:
        wait_for(lambda: scraping.value("up") == 1)
        return {
            (
                sample["metric"]["__name__"],
                sample["metric"]["account"],
                sample["metric"]["asset"],
            ): (float(sample["value"][1]))
            for sample in scraping.query('{__name__=~"exchange_(total|free|locked)_balance"}')
        }


async def test_prometheus_stores_the_nearest_float64_of_every_amount(tmp_path: Path):
    balances = batch()
    async with served(filled_store(balances)) as url:
        stored = await asyncio.to_thread(stored_values, tmp_path, url)
    published = {
        (f"exchange_{kind}_balance", name, row.asset): getattr(row, kind)
        for name, rows in balances.items()
        for row in rows
        for kind in ("total", "free", "locked")
    }
    assert stored.keys() == published.keys()
    wrong = {
        series: (stored[series], digits)
        for series, digits in published.items()
        if not is_nearest_float64(stored[series], digits)
    }
    assert wrong == {}


def test_promtool_finds_nothing_to_say_about_the_whole_batch():
    require("promtool")
    page = inflate(Exposition(filled_store(batch())).page(Format.TEXT, Clock().monotonic()).block)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert checked.stdout + checked.stderr == b""
    assert checked.returncode == 0
