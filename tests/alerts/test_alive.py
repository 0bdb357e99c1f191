"""Let trouble at an exchange become a page, through every program that it passes on its way.

A simulated exchange, the exporter, Prometheus with our rules, Alertmanager with our routes, and a
webhook: all are real, and one thing is not. Here a minute lasts a second: see `faster`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from anyio.from_thread import start_blocking_portal

from exporter.commands.assets import RUNBOOKS_URL
from exporter.simulator import Account, Simulator, config_text
from stack import configuration, programs
from stack.pages import Page, webhook
from tests.alerts.faster import DURATION, SECONDS, sixty_times_faster
from tests.alerts.files import ROOT, RULE_FILES
from tests.programs import Prometheus, exporter, fetch, require, wait_for

ANOTHER_SECRET = "YW5vdGhlciBzZWNyZXQsIDI0IGJ5dGVz"


@dataclass(frozen=True, slots=True)
class World:
    """Hold two accounts at an exchange, where a secret is kept, and what watches over them."""

    simulator: Simulator
    treasury: Account
    trading: Account
    secret_file: Path
    exporter: str
    prometheus: Prometheus
    alertmanager: str
    pages: list[Page]

    def labels(self, name: str, severity: str, scope: str, **labels: str) -> dict[str, str]:
        """Return all labels that an alert about this exporter must have."""
        return {
            "alertname": name,
            "severity": severity,
            "scope": scope,
            "job": "exchange-balance-exporter",
            "instance": self.exporter,
            "exchange": "btcturk",
            **labels,
        }

    def is_silenced(self, name: str) -> bool:
        """Tell whether Alertmanager knows an alert and holds it back."""
        known = json.loads(fetch(f"http://{self.alertmanager}/api/v2/alerts"))
        states = [one["status"]["state"] for one in known if one["labels"]["alertname"] == name]
        return states == ["suppressed"]

    def page(self, number: int) -> Page:
        """Return a page as soon as it comes."""
        wait_for(lambda: len(self.pages) > number, 30)
        return self.pages[number]


@pytest.fixture
def world(running_world: World) -> World:
    """Return the world, in which nothing has been said yet."""
    running_world.pages.clear()
    return running_world


@pytest.fixture(scope="module")
def running_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    require("prometheus")
    require("prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("alive")
    pages: list[Page] = []
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator(limits={"btcturk": None})) as simulator,
        webhook(pages.append) as receivers,
    ):
        treasury, trading = (
            simulator.add_account(
                exchange="btcturk",
                name=name,
                balances={"BTC": ("10", "10", "0")},
                thresholds=({"asset": "BTC", "free_min": "1.5"},),
            )
            for name in ("treasury-tr", "trading-tr")
        )
        config, secret_file = write_config(folder, simulator)
        alerting, scraping = programs.free_address(), programs.free_address()
        flags = (f"--config.file={config}", "--web.listen-address=127.0.0.1:0")
        with exporter(folder, *flags) as daemon:
            exporting = daemon.url.removeprefix("http://")
            configuration.copy(folder, exporting, alerting, receivers, sixty_times_faster)
            with programs.alertmanager(folder, alerting), programs.prometheus(folder, scraping):
                prometheus = Prometheus(f"http://{scraping}")
                wait_for(lambda: prometheus.value("sum(exchange_account_up)") == 2)
                yield World(
                    simulator=simulator,
                    treasury=treasury,
                    trading=trading,
                    secret_file=secret_file,
                    exporter=exporting,
                    prometheus=prometheus,
                    alertmanager=alerting,
                    pages=pages,
                )


def write_config(folder: Path, simulator: Simulator) -> tuple[Path, Path]:
    """Write a configuration that polls every second, and the last account's secret to a file."""
    config, secret_file = folder / "config.yaml", folder / "secret"
    for private in (config, secret_file):
        private.touch(mode=0o600)
    document = yaml.safe_load(config_text(simulator, interval="1s"))
    document["exchanges"] = {"btcturk": {"requests_per_minute": 6000}}
    credentials = document["accounts"][-1]["credentials"]
    secret_file.write_text(credentials.pop("api_secret"))
    credentials["api_secret_file"] = str(secret_file)
    config.write_text(yaml.safe_dump(document))
    return config, secret_file


def said(page: Page) -> dict[str, Any]:
    """Return who is told what: a page without its times and addresses."""
    return {
        "receiver": page["receiver"],
        "status": page["status"],
        "alerts": [
            {part: alert[part] for part in ("status", "labels", "annotations")}
            for alert in page["alerts"]
        ],
    }


def names(page: Page) -> set[str]:
    return {alert["labels"]["alertname"] for alert in page["alerts"]}


def test_a_free_balance_below_its_minimum_is_one_page_and_its_resolution(world: World) -> None:
    world.simulator.set_balances(world.treasury, {"BTC": ("10", "1.25", "8.75")})
    alert = {
        "labels": world.labels(
            "ExchangeFreeBalanceLow", "critical", "balance", account="treasury-tr", asset="BTC"
        ),
        "annotations": {
            "summary": "An account is running out of an asset that it needs.",
            "description": (
                "Free BTC of treasury-tr on btcturk is 1.25000000, below its minimum of 1.50000000."
                " Payments and withdrawals from it may fail. Move funds in, or cancel open orders"
                " that hold the asset."
            ),
            "runbook_url": f"{RUNBOOKS_URL}/ExchangeFreeBalanceLow.md",
            "dashboard": (
                "/d/exchange-account?var-exchange=btcturk&var-account=treasury-tr&var-asset=BTC"
            ),
        },
    }
    assert said(world.page(0)) == {
        "receiver": "treasury-pager",
        "status": "firing",
        "alerts": [{"status": "firing", **alert}],
    }

    world.simulator.set_balances(world.treasury, {"BTC": ("10", "9", "1")})
    resolved = said(world.page(1))
    assert (resolved["receiver"], resolved["status"]) == ("treasury-pager", "resolved")
    assert [one["labels"] for one in resolved["alerts"]] == [alert["labels"]]
    assert len(world.pages) == 2


def test_a_refused_key_pages_at_once_and_silences_the_balances_of_its_account(world: World) -> None:
    world.simulator.set_balances(world.trading, {"BTC": ("10", "1.25", "8.75")})
    wait_for(lambda: world.prometheus.value("min(exchange_free_balance)") == 1.25)
    world.trading.api_secret = ANOTHER_SECRET
    assert said(world.page(0)) == {
        "receiver": "operations-pager",
        "status": "firing",
        "alerts": [
            {
                "status": "firing",
                "labels": world.labels(
                    "ExchangeAuthenticationFailing",
                    "critical",
                    "account",
                    account="trading-tr",
                    reason="authentication",
                ),
                "annotations": {
                    "summary": "The exchange refuses the credentials of an account.",
                    "description": (
                        "btcturk refuses the key of trading-tr. Find out first whether somebody"
                        " revoked it on purpose. Then check the key, its secret and the IP"
                        " addresses that it is bound to. The exporter tries again by itself, at"
                        " most every 15 minutes."
                    ),
                    "runbook_url": f"{RUNBOOKS_URL}/ExchangeAuthenticationFailing.md",
                    "dashboard": (
                        "/d/exchange-account?var-exchange=btcturk&var-account=trading-tr"
                    ),
                },
            }
        ],
    }
    wait_for(lambda: world.is_silenced("ExchangeFreeBalanceLow"))

    world.simulator.set_balances(world.trading, {"BTC": ("10", "9", "1")})
    world.secret_file.write_text(ANOTHER_SECRET)
    resolved = world.page(1)
    assert (resolved["receiver"], resolved["status"]) == ("operations-pager", "resolved")
    # Alertmanager also names as resolved what it held back until then.
    assert "ExchangeAuthenticationFailing" in names(resolved)
    assert names(resolved) <= {"ExchangeAuthenticationFailing", "ExchangeAccountDown"}
    assert len(world.pages) == 2


def test_a_minute_becomes_a_second() -> None:
    assert sixty_times_faster("for: 2m, x[1d:15m] offset 1h, scrape_interval: 15s") == (
        "for: 2000ms, x[1440000ms:15000ms] offset 60000ms, scrape_interval: 250ms"
    )


def test_nothing_but_durations_changes() -> None:
    for path in [*RULE_FILES, ROOT / "alertmanager/alertmanager.yml"]:
        text = path.read_text()
        for seconds, sixtieth in SECONDS.items():
            assert text.count(seconds) == (path.stem == "accounts")
            text = text.replace(seconds, sixtieth)
        fast = sixty_times_faster(path.read_text())
        assert DURATION.sub("", fast) == DURATION.sub("", text)
        assert DURATION.sub("", fast) != fast
