"""Let a failure at an exchange become a page, through every program on the way.

A simulated exchange, the exporter, Prometheus with our rules, Alertmanager with our routes, and a
webhook: all are real, and one thing is not. Here a minute lasts a second: see `faster`. Prometheus
is given a memory of two such hours.
"""

import json
import subprocess
import time
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
PATIENCE = 60.0
"""Seconds for what takes a few, on a machine that is busy."""
WRONG_SECRET = "dGhlIHdyb25nIG9uZSwgMjQgYnl0ZXMh"


@dataclass(frozen=True, slots=True)
class World:
    """Three accounts at an exchange, the files of their secrets, and what watches over them."""

    simulator: Simulator
    treasury: Account
    trading: Account
    custody: Account
    secret_files: dict[str, Path]
    exporter: str
    prometheus: Prometheus
    alertmanager: str
    pages: list[Page]

    def labels(self, name: str, severity: str, scope: str, **labels: str) -> dict[str, str]:
        """Return all labels that an alert about this exchange must have."""
        return {
            "alertname": name,
            "severity": severity,
            "scope": scope,
            "exchange": "btcturk",
            **labels,
        }

    def state(self, account: Account) -> dict[str, str]:
        """Return the alerts that Alertmanager has about an account: `active` or `suppressed`."""
        known = json.loads(fetch(f"http://{self.alertmanager}/api/v2/alerts"))
        return {
            one["labels"]["alertname"]: one["status"]["state"]
            for one in known
            if one["labels"].get("account") == account.name
        }

    def notified(self, name: str, status: str = "firing") -> set[str]:
        """Return the receivers that were notified of an alert."""
        return {
            page["receiver"]
            for page in self.pages
            for alert in page["alerts"]
            if alert["labels"]["alertname"] == name and alert["status"] == status
        }

    def revoke(self, account: Account) -> None:
        """Reject the account's key from now on."""
        account.credentials = {**account.credentials, "api_secret": ANOTHER_SECRET}
        labels = f'account="{account.name}",reason="authentication"'
        failed = f"exchange_account_poll_failures_total{{{labels}}}"
        wait_for(lambda: self.prometheus.value(failed) == 1)

    def try_another_key(self, account: Account) -> None:
        """Put another key into the secret file, which is tried at once, and rejected as well."""
        self.secret_files[account.name].write_text(WRONG_SECRET)

    def page(self, name: str, status: str) -> Page:
        """Return the first notification of this status that is about an alert."""

        def found() -> Page | None:
            return next((page for page in self.about(name) if page["status"] == status), None)

        page: Page = wait_for(found, PATIENCE)
        return page

    def about(self, name: str) -> list[Page]:
        """Return the notifications about an alert."""
        return [
            page
            for page in self.pages
            if name in {alert["labels"]["alertname"] for alert in page["alerts"]}
        ]


@pytest.fixture
def world(running_world: World) -> World:
    """Return the world, in which nobody has been notified yet."""
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
        treasury, trading, custody = (
            simulator.add_account(
                exchange="btcturk",
                name=name,
                balances={"BTC": ("10", "10", "0")},
                thresholds=({"asset": "BTC", "free_min": "1.5"},),
            )
            for name in ("treasury-tr", "trading-tr", "custody-tr")
        )
        config, secret_files = write_config(folder, simulator)
        alerting, scraping = programs.free_address(), programs.free_address()
        flags = (f"--config.file={config}", "--web.listen-address=127.0.0.1:0")
        with exporter(folder, *flags) as daemon:
            exporting = daemon.url.removeprefix("http://")
            configuration.copy(folder, exporting, alerting, receivers, sixty_times_faster)
            remember(folder, [account.name for account in (treasury, trading, custody)])
            with programs.alertmanager(folder, alerting), programs.prometheus(folder, scraping):
                prometheus = Prometheus(f"http://{scraping}")
                wait_for(lambda: prometheus.value("sum(exchange_account_up)") == 3)
                yield World(
                    simulator=simulator,
                    treasury=treasury,
                    trading=trading,
                    custody=custody,
                    secret_files=secret_files,
                    exporter=exporting,
                    prometheus=prometheus,
                    alertmanager=alerting,
                    pages=pages,
                )


def write_config(folder: Path, simulator: Simulator) -> tuple[Path, dict[str, Path]]:
    """Write a configuration that polls every second, and each account's secret to a file."""
    document = yaml.safe_load(config_text(simulator, interval="1s"))
    document["exchanges"] = {"btcturk": {"requests_per_minute": 6000}}
    files = {}
    for account in document["accounts"]:
        files[account["name"]] = private(folder / account["name"])
        files[account["name"]].write_text(account["credentials"].pop("api_secret"))
        account["credentials"]["api_secret_file"] = str(files[account["name"]])
    config = private(folder / "config.yaml")
    config.write_text(yaml.safe_dump(document))
    return config, files


def private(path: Path) -> Path:
    path.touch(mode=0o600)
    return path


def remember(folder: Path, accounts: list[str]) -> None:
    """Give Prometheus a memory of what each account held, as the rules record it."""
    now = int(time.time())
    series = {
        f'exchange_account_asset:exchange_total_balance:held{{exchange="btcturk",account="{name}",asset="BTC"}}'
        for name in accounts
    }
    lines = [f"{one} 10 {now - ago}" for one in sorted(series) for ago in range(120, 0, -1)]
    history = folder / "history.txt"
    history.write_text("\n".join([*lines, "# EOF", ""]))
    create = ("tsdb", "create-blocks-from", "openmetrics", history, folder / "tsdb")
    subprocess.run([require("promtool"), *create], check=True, capture_output=True)


def said(page: Page) -> dict[str, Any]:
    """Return a notification without its times and addresses."""
    return {
        "receiver": page["receiver"],
        "status": page["status"],
        "alerts": [
            {part: alert[part] for part in ("status", "labels", "annotations")}
            for alert in page["alerts"]
        ],
    }


def test_a_free_balance_below_its_minimum_is_one_page_and_its_resolution(world: World) -> None:
    world.simulator.set_balances(world.treasury, {"BTC": ("10", "1.25", "8.75")})
    alert = {
        "labels": world.labels(
            "ExchangeFreeBalanceLow", "critical", "balance", account="treasury-tr", asset="BTC"
        ),
        "annotations": {
            "summary": "An account is running out of an asset it needs.",
            "description": (
                "Free BTC of treasury-tr on btcturk is 1.25000000, below its minimum of 1.50000000."
                " Payments and withdrawals from it may fail. Move funds in, or cancel open orders"
                " that hold the asset."
            ),
            "runbook_url": f"{RUNBOOKS_URL}/ExchangeFreeBalanceLow.md",
            "dashboard": (
                "/d/exchange-account?var-one_exchange=btcturk&var-one_account=treasury-tr&var-asset=BTC"
            ),
        },
    }
    assert said(world.page("ExchangeFreeBalanceLow", "firing")) == {
        "receiver": "treasury-pager",
        "status": "firing",
        "alerts": [{"status": "firing", **alert}],
    }

    world.simulator.set_balances(world.treasury, {"BTC": ("10", "9", "1")})
    resolved = said(world.page("ExchangeFreeBalanceLow", "resolved"))
    assert (resolved["receiver"], resolved["status"]) == ("treasury-pager", "resolved")
    assert [one["labels"] for one in resolved["alerts"]] == [alert["labels"]]
    assert len(world.about("ExchangeFreeBalanceLow")) == 2


def test_a_rejected_key_notifies_operations_and_mutes_no_balance(world: World) -> None:
    world.simulator.set_balances(world.trading, {"BTC": ("10", "1.25", "8.75")})
    wait_for(lambda: world.notified("ExchangeFreeBalanceLow") == {"treasury-pager"}, PATIENCE)
    world.revoke(world.trading)
    world.try_another_key(world.trading)
    wait_for(
        lambda: world.notified("ExchangeAuthenticationFailing") == {"operations-pager"}, PATIENCE
    )
    wait_for(
        lambda: world.state(world.trading).get("ExchangeAccountDown") == "suppressed", PATIENCE
    )
    assert world.state(world.trading)["ExchangeFreeBalanceLow"] == "active"
    assert world.notified("ExchangeAccountDown") == set()


def test_funds_that_leave_before_a_key_is_rejected_reach_everybody(world: World) -> None:
    """The sequence of a theft: nothing that was measured is muted by what comes after."""
    world.simulator.set_balances(world.custody, {"BTC": ("0.5", "0.5", "0")})
    wait_for(lambda: world.prometheus.value("min(exchange_total_balance)") == 0.5)
    world.revoke(world.custody)
    both = {"operations-pager", "treasury-pager"}
    wait_for(lambda: world.notified("ExchangeFundsLeftAndKeyRefused") == both, PATIENCE)
    wait_for(lambda: world.notified("ExchangeBalanceFell") == {"treasury"}, PATIENCE)
    wait_for(lambda: world.notified("ExchangeFreeBalanceLow") == {"treasury-pager"}, PATIENCE)

    world.try_another_key(world.custody)
    wait_for(
        lambda: world.state(world.custody).get("ExchangeAuthenticationFailing") == "active",
        PATIENCE,
    )
    wait_for(
        lambda: world.prometheus.query('exchange_total_balance{account="custody-tr"}') == [],
        PATIENCE,
    )
    assert {name for name, state in world.state(world.custody).items() if state == "active"} >= {
        "ExchangeAuthenticationFailing",
        "ExchangeBalanceFell",
        "ExchangeFreeBalanceLow",
        "ExchangeFundsLeftAndKeyRefused",
    }


def test_a_minute_becomes_a_second() -> None:
    assert sixty_times_faster("for: 2m, x[1d:15m] offset 1h, scrape_interval: 15s") == (
        "for: 2000ms, x[1440000ms:15000ms] offset 60000ms, scrape_interval: 250ms"
    )


def test_nothing_but_durations_changes() -> None:
    for path in [*RULE_FILES, ROOT / "alertmanager/alertmanager.yml"]:
        text = path.read_text()
        for seconds, sixtieth in SECONDS.items():
            assert text.count(seconds) == (path.stem == "accounts"), seconds
            text = text.replace(seconds, sixtieth)
        fast = sixty_times_faster(path.read_text())
        assert DURATION.sub("", fast) == DURATION.sub("", text)
        assert DURATION.sub("", fast) != fast
