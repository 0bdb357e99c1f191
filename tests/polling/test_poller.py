"""Polling: one task for each account, in rhythm, in turns, and each account for itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.credentials import Secret, SecretFile
from exporter.errors import AuthenticationError
from exporter.exchanges import EXCHANGES
from exporter.exposition.pages import PageRenderer
from exporter.model import Account, AccountKey, Balance, Network, RenderedBalances
from exporter.polling.endpoint import Endpoint
from exporter.polling.poller import Poller
from exporter.polling.schedules import make_schedules, spread
from exporter.polling.snapshots import AccountState, PollResult, SnapshotStore
from exporter.runtime.clock import Clock
from exporter.simulator import Simulator, no_limits
from tests.accounts import make_account, make_store, poll_at, simulated
from tests.faults.virtual_time import run
from tests.faults.world import opened

UNLIMITED = {"btcturk": 60_000, "trubit": 60_000}


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with Simulator(limits=no_limits()) as running:
        yield running


@asynccontextmanager
async def polling(
    *accounts: Account, store: SnapshotStore | None = None
) -> AsyncIterator[tuple[SnapshotStore, Poller]]:
    """Poll accounts until the end of the block."""
    store = store or make_store()
    async with asyncio.TaskGroup() as tasks:
        poller = Poller(store, tasks, Clock())
        await poller.reconcile(accounts, UNLIMITED)
        try:
            yield store, poller
        finally:
            await poller.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; a busy machine may take some seconds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0.005)


def add(simulator: Simulator, name: str, exchange: str = "btcturk", **changes: object) -> Account:
    account = simulator.add_account(exchange=exchange, name=name)
    return simulated(simulator, account, **({"interval": 0.05} | changes))


@pytest.mark.parametrize("exchange", ["btcturk", "trubit"])
async def test_an_account_is_polled_again_and_again(simulator: Simulator, exchange: str):
    account = add(simulator, "a", exchange)
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].polls >= 3)
        assert store.states[account.key].up
        assert store.states[account.key].outage is None


async def test_two_polls_of_an_account_never_overlap(simulator: Simulator):
    account = add(simulator, "a", interval=0.02, timeout=0.3)
    simulator.show("silence", times=1)
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].polls >= 4)
    assert not simulator.ledger.overlapped("btcturk", "a")


async def test_each_account_shows_its_own_reason_and_the_others_keep_going(simulator: Simulator):
    good = add(simulator, "good")
    wrong_key = add(simulator, "wrong-key")
    html = add(simulator, "html", "trubit")
    gone = add(simulator, "gone", base_url="http://127.0.0.1:1")
    simulator.show("http_401", account="wrong-key")
    simulator.show("html", account="html")
    async with polling(good, wrong_key, html, gone) as (store, _):
        bad = (wrong_key, html, gone)
        await until(lambda: all(store.states[account.key].outage for account in bad))
        before = store.states[good.key].polls
        await until(lambda: store.states[good.key].polls > before + 2)
        reasons = {key.account: s.outage.reason for key, s in store.states.items() if s.outage}
    assert reasons == {
        "wrong-key": "authentication",
        "html": "bad_response",
        "gone": "connection",
    }


async def test_a_fault_that_ends_is_over_at_the_next_poll(simulator: Simulator):
    account = add(simulator, "a")
    fault = simulator.show("http_503")
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].outage is not None)
        fault.stop()
        await until(lambda: store.states[account.key].up)
        assert store.states[account.key].outage is None


async def test_every_failed_poll_counts_once(simulator: Simulator):
    account = add(simulator, "a")
    simulator.show("http_502")
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].polls >= 4)
        state = store.states[account.key]
    assert state.failures["unavailable"] == state.polls == sum(state.failures.values())


async def test_a_refused_key_is_left_alone(simulator: Simulator):
    account = add(simulator, "a", interval=0.02)
    neighbour = add(simulator, "b", interval=0.02)
    simulator.show("http_401", account="a")
    async with polling(account, neighbour) as (store, _):
        await until(lambda: store.states[neighbour.key].polls >= 10)
        assert store.states[account.key].polls == 1


async def test_a_refused_key_that_is_replaced_in_its_file_is_tried_at_once(
    simulator: Simulator, tmp_path: Path
):
    secret = tmp_path / "secret"
    account = simulator.add_account(exchange="btcturk", name="a")
    secret.write_text("d3Jvbmc=")
    configured = simulated(simulator, account, interval=0.02)
    credentials = dict(configured.credentials) | {"api_secret": SecretFile(secret)}
    configured = simulated(simulator, account, interval=0.02, credentials=credentials)
    async with polling(configured) as (store, _):
        await until(lambda: store.states[configured.key].outage is not None)
        secret.write_text(account.api_secret + "\n")
        await until(lambda: store.states[configured.key].up)
    assert store.states[configured.key].failures["authentication"] == 1


async def test_an_unreadable_secret_costs_no_call_and_heals_by_itself(
    simulator: Simulator, tmp_path: Path
):
    account = simulator.add_account(exchange="btcturk", name="a")
    credentials = dict(simulated(simulator, account).credentials)
    credentials["api_secret"] = SecretFile(tmp_path / "secret")
    configured = simulated(simulator, account, interval=0.02, credentials=credentials)
    async with polling(configured) as (store, _):
        await until(lambda: store.states[configured.key].failures["config"] >= 2)
        assert len(simulator.ledger) == 0
        (tmp_path / "secret").write_text(account.api_secret)
        await until(lambda: store.states[configured.key].up)


async def test_the_exchanges_limit_holds_all_its_accounts_back(simulator: Simulator):
    first = add(simulator, "first", interval=2.0)
    second = add(simulator, "second", interval=2.0)
    other = add(simulator, "other", "trubit", interval=0.02)
    simulator.show("http_429", exchange="btcturk", times=1)
    async with polling(first, second, other) as (store, _):
        await until(lambda: store.states[first.key].outage is not None)
        before = store.states[other.key].polls
        await until(lambda: store.states[other.key].polls >= before + 60)
        assert len(simulator.ledger.entries("btcturk")) == 1
        assert not store.states[second.key].outage


async def test_a_token_that_the_exchange_forgot_is_renewed_silently(simulator: Simulator):
    simulated_account = simulator.add_account(exchange="trubit", name="a")
    account = simulated(simulator, simulated_account, interval=0.05)
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].up)
        simulator.expire_tokens(simulated_account)
        before = store.states[account.key].polls
        await until(lambda: store.states[account.key].polls >= before + 2)
        assert sum(store.states[account.key].failures.values()) == 0
    assert len(simulator.ledger.entries(call="token")) == 2


@pytest.mark.parametrize("exchange", ["btcturk", "trubit"])
@pytest.mark.parametrize("skew", [-86_400.0, -60.0, -7.0, 7.0, 60.0, 86_400.0])
async def test_a_wrong_clock_of_ours_costs_at_most_one_poll(
    simulator: Simulator, exchange: str, skew: float
):
    simulator.skew = skew
    account = add(simulator, "a", exchange)
    async with polling(account) as (store, _):
        await until(lambda: store.states[account.key].up)
        state = store.states[account.key]
    assert state.failures["clock_skew"] == sum(state.failures.values()) <= 1
    assert state.clock_offset == pytest.approx(skew, abs=2)


async def test_nobody_gets_the_token_of_another_secret(simulator: Simulator):
    account = simulator.add_account(exchange="trubit", name="right")
    right = simulated(simulator, account, interval=0.05)
    credentials = dict(right.credentials) | {"api_secret": Secret("wrong")}
    wrong = simulated(simulator, account, interval=0.05, name="wrong", credentials=credentials)
    async with polling(right, wrong) as (store, _):
        await until(lambda: store.states[right.key].up)
        await until(lambda: store.states[wrong.key].outage is not None)
        assert store.states[wrong.key].failures["authentication"] == 1


async def test_nothing_is_polled_any_more_after_the_end(simulator: Simulator):
    account = add(simulator, "a")
    store = make_store()
    async with asyncio.TaskGroup() as tasks:
        poller = Poller(store, tasks, Clock())
        await poller.stop()
        await poller.reconcile([account], UNLIMITED)
    assert store.states == {}


async def test_public_calls_are_counted_at_the_proxy_that_they_take(tmp_path: Path):
    (tmp_path / "proxy").write_text("http://user:password@proxy.example:3128")
    network = Network(proxy_url=SecretFile(tmp_path / "proxy"))
    async with polling() as (_, poller):
        key = (await poller.public(make_account("btcturk", network=network), 600)).endpoint.key
    assert (key.egress, key.limit) == ("proxy.example:3128", "public")


async def test_direct_public_calls_are_not_counted_at_the_proxy_of_an_account_of_their_name(
    simulator: Simulator,
):
    network = Network(proxy_url=Secret("http://127.0.0.1:1"))
    account = add(simulator, "btcturk", network=network)
    async with polling(account) as (_, poller):
        key = (await poller.public(make_account("btcturk"), 600)).endpoint.key
    assert key.egress == ""


async def test_a_refusal_belongs_to_the_proxy_that_was_used_whatever_its_file_has_before_and_after(
    tmp_path: Path,
):
    file = tmp_path / "proxy"
    file.write_text("http://before.example:3128")
    account = make_account(network=Network(proxy_url=SecretFile(file)))
    refused = AuthenticationError("HTTP 401")
    async with asyncio.TaskGroup() as tasks:
        poller = Poller(make_store(account), tasks, Clock())
        before = (await poller.public(account, 600)).endpoint

        class Refusing(Endpoint):
            async def poll(self, account: Account, *_: object) -> PollResult:
                file.write_text("http://after.example:3128")
                await poller.public(account, 600)  # so that the file is read
                return replace(
                    poll_at(0.0),
                    outcome=refused,
                    credentials=secrets(account),
                    egress="used.example:3128",
                )

        endpoint = Refusing(EXCHANGES["btcturk"], 600, Clock(), key=before.key)
        await poller._poll_once(account, endpoint, endpoint.connect(account), 0.0)
    judge = poller.hold_back(account)
    assert judge("before.example:3128", secrets(account)) is None
    assert judge("after.example:3128", secrets(account)) is None
    held_back = judge("used.example:3128", secrets(account))
    assert held_back is not None
    assert held_back.error is refused


def secrets(account: Account) -> dict[str, Secret]:
    """Return the credentials of an account that has no files."""
    return {name: each for name, each in account.credentials.items() if isinstance(each, Secret)}


async def test_accounts_come_and_go_without_a_gap_in_the_others(simulator: Simulator):
    stays, goes, comes = (add(simulator, name) for name in ("stays", "goes", "comes"))
    async with polling(stays, goes) as (store, poller):
        await until(lambda: all(state.up for state in store.states.values()))
        snapshot_before = store.states[stays.key].snapshot
        await poller.reconcile([stays, comes], UNLIMITED)
        assert set(store.states) == {stays.key, comes.key}
        assert store.states[stays.key].snapshot is snapshot_before
        await until(lambda: store.states[comes.key].up)
        sent = len(simulator.ledger.entries(account="goes"))
        before = store.states[stays.key].polls
        await until(lambda: store.states[stays.key].polls > before + 2)
        assert len(simulator.ledger.entries(account="goes")) == sent


async def test_accounts_that_a_reload_restarts_while_they_are_served_are_not_announced(
    simulator: Simulator,
):
    served, new = add(simulator, "served"), add(simulator, "new")
    with capture_logs() as lines:
        async with polling(served) as (store, poller):
            await until(lambda: store.states[served.key].up)
            slower = replace(served, interval=60.0)
            await poller.reconcile([slower], UNLIMITED)
            await poller.reconcile([slower, new], UNLIMITED)
    announced = [line["accounts"] for line in lines if line["event"] == "polling accounts"]
    assert announced == [1, 1]


async def test_a_defect_while_rendering_costs_polls_of_one_account_and_nothing_else(
    simulator: Simulator,
):
    broken, sound = add(simulator, "broken"), add(simulator, "sound")

    class Broken(PageRenderer):
        def balances(
            self, key: AccountKey, balances: tuple[Balance, ...], before: RenderedBalances | None
        ) -> RenderedBalances:
            if key == broken.key:
                raise ZeroDivisionError("canary")
            return super().balances(key, balances, before)

    store = SnapshotStore(Broken())
    async with polling(broken, sound, store=store):
        await until(lambda: store.states[broken.key].polls >= 2)
        await until(lambda: store.states[sound.key].up)
        assert store.states[broken.key].failures["internal"] == store.states[broken.key].polls
        outage = store.states[broken.key].outage
    assert outage is not None
    assert isinstance(outage.defect, ZeroDivisionError)
    assert outage.message == "unexpected error in the exporter (ZeroDivisionError)"


async def test_the_debug_line_of_a_poll_that_can_not_be_rendered_says_so(simulator: Simulator):
    account = add(simulator, "a")

    class Broken(PageRenderer):
        def balances(self, *_: object) -> RenderedBalances:
            raise ZeroDivisionError("canary")

    store = SnapshotStore(Broken())
    with capture_logs() as lines:
        async with polling(account, store=store):
            await until(lambda: store.states[account.key].polls >= 1)
    line = next(line for line in lines if line["event"] == "polled")
    assert line["reason"] == "internal"
    assert "rows" not in line


async def test_a_defect_while_samples_are_prepared_costs_polls_of_one_account_and_nothing_else(
    simulator: Simulator,
):
    broken, sound = add(simulator, "broken"), add(simulator, "sound")

    class Broken(PageRenderer):
        def account(self, state: AccountState) -> tuple[str, ...]:
            if state.up and state.schedule.account is broken:
                raise ZeroDivisionError("canary")
            return super().account(state)

    store = SnapshotStore(Broken())
    async with polling(broken, sound, store=store):
        await until(lambda: store.states[broken.key].polls >= 2)
        await until(lambda: store.states[sound.key].up)
        assert store.states[broken.key].failures["internal"] == store.states[broken.key].polls
        assert store.states[broken.key].snapshot is None


def test_two_hundred_accounts_have_a_first_round_within_one_interval():
    async def main() -> None:
        async with opened("btcturk", limits={"btcturk": None}) as world:
            accounts = [world.add(f"a{number}", "btcturk") for number in range(200)]
            often = [replace(account, interval=6.0) for account in accounts]
            async with world.polling(often, {"btcturk": 3600}):
                await until(lambda: any(each.polls == 2 for each in world.store.states.values()))
                assert all(state.polls >= 1 for state in world.store.states.values())
            assert all(state.up for state in world.store.states.values())
            ledger = world.simulator.ledger
            assert ledger.most_requests("btcturk", 1.0) <= 60
            assert not any(ledger.overlapped("btcturk", account.name) for account in accounts)

    run(main)


def test_too_many_accounts_stretch_everyones_interval_and_its_staleness():
    accounts = [make_account(f"a{number}") for number in range(200)]
    plan = make_schedules(accounts, {"btcturk": 120}, {})[AccountKey("btcturk", "a0")]
    assert plan.interval == pytest.approx(111.1, abs=0.1)
    assert plan.stale_after == pytest.approx(3 * plan.interval + 10)


def test_accounts_of_another_api_share_no_limit():
    accounts = [make_account(f"a{number}") for number in range(200)]
    accounts.append(make_account("elsewhere", base_url="https://sandbox.example"))
    plans = make_schedules(accounts, {"btcturk": 120}, {})
    assert plans[AccountKey("btcturk", "elsewhere")].interval == 60


def test_a_configured_staleness_is_kept():
    plans = make_schedules([make_account(stale_after=90.0)], {"btcturk": 120}, {})
    assert plans[AccountKey("btcturk", "treasury")].stale_after == 90


def test_first_polls_are_spread_over_the_interval_but_a_few_accounts_do_not_wait_long():
    few = make_schedules([make_account(f"a{n}") for n in range(3)], {"btcturk": 120}, {})
    assert [delay for _, delay in spread(list(few.values()), {})] == [0, 1, 2]
    many = make_schedules([make_account(f"a{n}") for n in range(200)], {"btcturk": 120}, {})
    delays = [delay for _, delay in spread(list(many.values()), {})]
    assert delays[-1] == pytest.approx(111.1 * 199 / 200, abs=0.1)


async def test_the_first_poll_of_every_account_is_announced(simulator: Simulator):
    accounts = [add(simulator, name, interval=60.0) for name in "abc"]
    store, clock = make_store(), Clock(monotonic=lambda: 0.0, wall=lambda: 1000.0)
    async with asyncio.TaskGroup() as tasks:
        poller = Poller(store, tasks, clock)
        await poller.reconcile(accounts, UNLIMITED)
        due = [store.states[account.key].next_poll for account in accounts]
        await poller.stop()
    assert due == [1000.0, 1001.0, 1002.0]
