"""A real Prometheus scrapes the exporter and stores what the exchange said."""

import subprocess
from asyncio import to_thread
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.simulator import Simulator, config_text, simulated_exchanges
from tests.programs import Exporter, Prometheus, exporter, prometheus, require, wait_for

RECORDED = Path(__file__).parent / "data" / "responses"

DOCUMENTED = {
    ("btcturk", "TRY", "total"): "27223.7283250757643288",
    ("btcturk", "TRY", "free"): "22349.3654565035348765",
    ("btcturk", "TRY", "locked"): "4874.3628685722294523",
    ("btcturk", "BTC", "total"): "9.7502186644553258",
    ("btcturk", "BTC", "free"): "6.439241464455326",
    ("btcturk", "BTC", "locked"): "3.3109771999999998",
    ("trubit", "BTC", "total"): "1.5",
    ("trubit", "BTC", "free"): "1.0",
    ("trubit", "BTC", "locked"): "0.5",
    ("trubit", "ETH", "total"): "10.0",
    ("trubit", "ETH", "free"): "5.0",
    ("trubit", "ETH", "locked"): "5.0",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("demo")
    with exporter(folder, "demo", "--web.listen-address=127.0.0.1:0") as running:
        accounts = sum(len(each.demo_accounts) for each in simulated_exchanges().values())
        wait_for(lambda: running.log.count('msg="account is up"') == accounts)
        yield running


@pytest.fixture(scope="module")
def scraped(demo: Exporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), demo.url) as running:
        wait_for(lambda: running.value("up") == 1)
        yield running


def test_the_demo_is_scraped_and_every_sample_is_taken(scraped: Prometheus):
    assert scraped.value("up") == 1
    assert (scraped.value("scrape_samples_scraped") or 0) > 500
    assert scraped.value("scrape_samples_scraped - scrape_samples_post_metric_relabeling") == 0
    listed = sum(
        len(each.demo_accounts) * (each.listed or len(each.holdings))
        for each in simulated_exchanges().values()
    )
    assert scraped.value("count(exchange_total_balance)") == listed


def test_the_exporters_count_of_its_series_is_prometheus_own(scraped: Prometheus):
    assert scraped.value(
        'count({__name__=~"exchange_.+", __name__!~"exchange_(exporter|api)_.+"})'
    ) == (scraped.value("exchange_exporter_series"))


def test_promtool_finds_nothing_to_say_about_our_output(demo: Exporter):
    require("promtool")
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=demo.get("/metrics"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.stdout + checked.stderr == ""
    assert checked.returncode == 0


async def test_the_documented_responses_reach_prometheus_as_the_nearest_float64(tmp_path: Path):
    async with Simulator() as simulator:
        for exchange in ("btcturk", "trubit"):
            body = (RECORDED / exchange / "documented.json").read_bytes()
            simulator.add_account(exchange=exchange, name="seed", verbatim=body)
        await to_thread(check_documented_responses, tmp_path, config_text(simulator))


def check_documented_responses(folder: Path, text: str) -> None:
    config = folder / "config.yaml"
    config.write_text(text)
    with exporter(folder, f"--config.file={config}", "--web.listen-address=127.0.0.1:0") as daemon:
        wait_for(lambda: daemon.log.count('msg="account is up"') == 2)
        page, exact = daemon.get("/metrics"), daemon.get("/api/v1/balances")
        with prometheus(folder, daemon.url) as scraping:
            wait_for(lambda: scraping.value("up") == 1)
            for (exchange, asset, kind), digits in DOCUMENTED.items():
                labels = f'exchange="{exchange}",account="seed",asset="{asset}"'
                assert f"exchange_{kind}_balance{{{labels}}} {digits}\n" in page
                assert f'"{kind}":"{digits}"' in exact
                assert scraping.value(f"exchange_{kind}_balance{{{labels}}}") == float(digits)
