"""Several shards of one configuration: together they poll every account once, within its limit."""

import re
from asyncio import to_thread
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from exporter.exchanges import EXCHANGES
from exporter.simulator import Simulator, config_text
from tests.programs import exporter, prometheus, run, wait_for

LISTEN = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def config(simulator: Simulator, tmp_path: Path) -> Path:
    for exchange in EXCHANGES:
        for number in range(6):
            simulator.add_account(exchange=exchange, name=f"desk-{number}", assets=2)
    path = tmp_path / "config.yaml"
    limits = "".join(f"  {name}: {{requests_per_minute: 6000}}\n" for name in EXCHANGES)
    path.write_text(f"exchanges:\n{limits}{config_text(simulator, interval='2s')}")
    return path


def public_limits_in(page: str) -> dict[str, float]:
    """Return the limit of the tickers of each exchange."""
    sample = re.compile(
        r'^exchange_api_rate_limit_requests_per_minute{.*exchange="(.+?)".*limit="public".*} (.+)$',
        re.MULTILINE,
    )
    return {exchange: float(limit) for exchange, limit in sample.findall(page)}


def accounts_in(page: str) -> list[str]:
    lines = page.splitlines()
    return [line.rpartition(" ")[0] for line in lines if line.startswith("exchange_account_up{")]


async def test_each_account_is_polled_by_one_of_the_shards(config: Path, tmp_path: Path):
    def check() -> None:
        found: list[str] = []
        with ExitStack() as running:
            for number in range(3):
                folder = tmp_path / str(number)
                folder.mkdir()
                flags = f"--shard={number}", "--total-shards=3", f"--config.file={config}", LISTEN
                daemon = running.enter_context(exporter(folder, *flags))
                found += accounts_in(wait_for(partial(daemon.get, "/metrics")))
                page = daemon.get("/metrics")
                assert f"exchange_exporter_shard {float(number)}" in page
                assert "exchange_exporter_total_shards 3.0" in page
        assert len(found) == len(set(found)) == 6 * len(EXCHANGES)

    await to_thread(check)


@pytest.mark.parametrize(
    "flags",
    [["--shard=2", "--total-shards=2"], ["--shard=1"], ["--total-shards=0"], ["--shard=-1"]],
)
@pytest.mark.parametrize("check", [[], ["--config.check"]])
def test_a_shard_that_can_not_be_is_rejected(flags: list[str], check: list[str]):
    ended = run(*flags, *check)
    assert ended.returncode == 2
    assert "shard" in ended.stderr


def test_metrics_of_the_process_can_be_left_out(tmp_path: Path):
    with exporter(tmp_path, "demo", LISTEN, "--web.disable-exporter-metrics") as daemon:
        page = daemon.get("/metrics")
    assert "\nprocess_" not in page
    assert "\npython_" not in page
    assert "\nexchange_exporter_build_info{" in page
    assert "\nexchange_account_up{" in page


async def test_shards_of_one_address_divide_the_limits_of_tickers_too(config: Path, tmp_path: Path):
    tickers = {
        name: each.quotes.requests_per_minute
        for name, each in EXCHANGES.items()
        if each.quotes and not each.quotes.need_account
    }
    flags = "--shard=1", "--total-shards=4", f"--config.file={config}", LISTEN

    def check() -> None:
        config.write_text(f"valuation: {{currencies: [USDT]}}\n{config.read_text()}")
        with exporter(tmp_path, *flags) as daemon:
            divided = {name: limit // 4 for name, limit in tickers.items()}
            assert wait_for(lambda: public_limits_in(daemon.get("/metrics")) == divided)

    await to_thread(check)


async def test_four_shards_and_one_prometheus_miss_only_what_the_dead_one_polled(
    config: Path, tmp_path: Path
):
    def check() -> None:
        with ExitStack() as running:
            shards = []
            for number in range(4):
                folder = tmp_path / str(number)
                folder.mkdir()
                flags = f"--shard={number}", "--total-shards=4", f"--config.file={config}", LISTEN
                shards.append(running.enter_context(exporter(folder, *flags)))
            by_size = sorted(shards, key=lambda each: len(accounts_in(each.get("/metrics"))))
            dead, alive = by_size[-1], by_size[:-1]
            lost = accounts_in(dead.get("/metrics"))
            everything = 6 * len(EXCHANGES)
            database = running.enter_context(prometheus(tmp_path, *(each.url for each in shards)))

            def counts(expected: int) -> bool:
                up = database.value(
                    "count(count by (exchange, account) (exchange_account_up == 1))"
                )
                balances = database.value(
                    "count(count by (exchange, account) (exchange_total_balance))"
                )
                return up == balances == expected

            wait_for(lambda: counts(everything))
            assert database.value("sum(exchange_account_up)") == everything
            assert dead.stop() == 0
            wait_for(lambda: counts(everything - len(lost)))
            assert all(each.process.poll() is None for each in alive)

    await to_thread(check)
