"""What belongs to a key: the balances that it fetched, and how long it is left alone."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest

from exporter.credentials import Secret, SecretFile
from exporter.errors import CredentialsError
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AssetFilter
from exporter.polling.poller import Poller
from exporter.simulator import Fault
from exporter.simulator.faults.on_wire import late
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, LIMITS, Page, World, opened

EXCHANGE = next(iter(EXCHANGES))
WITH_KEY_PERMISSIONS = [name for name, each in EXCHANGES.items() if each.has_key_permissions]

Story = Callable[[World], Awaitable[None]]


def play(story: Story, exchange: str = EXCHANGE) -> None:
    async def main() -> None:
        async with opened(exchange) as world:
            await story(world)

    run(main)


def from_files(world: World, account: Account, folder: Path) -> Account:
    """Return the account with each credential in a file of its own."""
    secrets = world.simulated(account).credentials
    for name, value in secrets.items():
        (folder / name).write_text(value)
    files = {name: SecretFile(folder / name) for name in secrets}
    return replace(account, credentials=files)


def requests(world: World) -> int:
    return len(world.simulator.ledger.entries(world.exchange, "victim"))


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_balances_are_withdrawn_as_soon_as_the_key_file_holds_another_key(
    exchange: str, tmp_path: Path
):
    async def story(world: World) -> None:
        account = from_files(world, world.victim, tmp_path)
        async with world.polling([account]):
            page = await world.run(INTERVAL)
            assert page.total(account.key) == "1.5"
            for name, value in world.simulated(world.neighbour).credentials.items():
                (tmp_path / name).write_text(value)
            with world.simulator.show("http_500"):
                page = await world.run(INTERVAL)
            assert page.total(account.key) is None
            assert not page.is_up(account.key)
        messages = [event.partition("msg=")[2].strip('"') for event in world.events(account)]
        assert messages == [
            "account is up",
            "balances are withdrawn, they were fetched with another key",
            "account is down",
        ]

    play(story, exchange)


@pytest.mark.parametrize("exchange", WITH_KEY_PERMISSIONS)
def test_a_late_answer_about_the_old_key_says_nothing_of_the_new_one(exchange: str, tmp_path: Path):
    async def story(world: World) -> None:
        account = replace(from_files(world, world.victim, tmp_path), interval=4.0)
        world.simulator.show("key_can_withdraw", account="victim")
        slow = Fault("slow", "It takes 9 seconds.", deliver=late(9.0), only="permissions")
        with world.simulator.show(slow, account="victim"):
            async with world.polling([account]):
                await world.run(13)  # the request is under way
                for name, value in world.simulated(world.neighbour).credentials.items():
                    (tmp_path / name).write_text(value)
                page = await world.run(20)
                assert page.is_up(account.key)
                assert can_withdraw(page, account) is None
                page = await world.run(330)
                assert can_withdraw(page, account) == "0"

    play(story, exchange)


def can_withdraw(page: Page, account: Account) -> str | None:
    return page.value("exchange_account_key_permission", account.key, permission="withdraw")


def test_balances_that_a_reload_withdraws_are_logged():
    async def story(world: World) -> None:
        async with world.polling([world.victim]) as poller:
            await world.run(INTERVAL)
            only_btc = AssetFilter(include=frozenset({"BTC"}))
            await reconcile(poller, replace(world.victim, assets=only_btc))
            await world.run(INTERVAL)
        messages = [event.partition("msg=")[2].strip('"') for event in world.events(world.victim)]
        assert messages == [
            "account is up",
            "balances are withdrawn, they were fetched with other settings",
            "account is up",
        ]

    play(story)


def test_a_refused_key_stays_alone_while_its_file_comes_and_goes(tmp_path: Path):
    async def story(world: World) -> None:
        account = from_files(world, world.victim, tmp_path)
        with world.simulator.show("http_401", account="victim"):
            async with world.polling([account]):
                await world.run(400)
                before = requests(world)
                file = tmp_path / next(iter(account.credentials))
                for _ in range(3):
                    text = file.read_text()
                    file.unlink()
                    page = await world.run(INTERVAL)
                    assert page.failures(account.key)["config"] >= 1
                    file.write_text(text)
                    await world.run(10)
                assert requests(world) <= before + 1

    play(story)


@dataclass(frozen=True)
class Blinking(SecretFile):
    """A file that is found empty at every other look."""

    looks: Iterator[int] = field(default_factory=count, compare=False)

    def read(self) -> Secret:
        if next(self.looks) % 2 == 0:
            raise CredentialsError("the file is empty")
        return super().read()


def test_a_refused_key_stays_alone_when_its_file_was_only_empty_while_it_was_looked_at(
    tmp_path: Path,
):
    async def story(world: World) -> None:
        account = from_files(world, world.victim, tmp_path)
        name, file = next(iter(account.credentials.items()))
        assert isinstance(file, SecretFile)
        blinking = {**account.credentials, name: Blinking(file.path)}
        with world.simulator.show("http_401", account="victim"):
            async with world.polling([replace(account, credentials=blinking, interval=10.0)]):
                page = await world.run(700)
        first, second, third = [each.began for each in world.requests_of(account)]
        assert second - first >= 60
        assert third - second >= 300
        assert page.failures(account.key)["authentication"] == 3

    play(story)


def test_a_refused_key_stays_alone_in_the_file_of_another_account(tmp_path: Path):
    async def story(world: World) -> None:
        account = replace(from_files(world, world.victim, tmp_path), interval=10.0)
        with world.simulator.show("http_401"):
            async with world.polling([account, world.neighbour]):
                await world.run(20)
                for name, value in world.simulated(world.neighbour).credentials.items():
                    (tmp_path / name).write_text(value)
                await world.run(30)
        of_victim, of_neighbour = map(world.requests_of, (world.victim, world.neighbour))
        assert (len(of_victim), len(of_neighbour)) == (1, 1)

    play(story)


@pytest.mark.parametrize("exchange", WITH_KEY_PERMISSIONS)
def test_what_a_refused_key_may_do_is_not_requested_for_another_account(
    exchange: str, tmp_path: Path
):
    async def story(world: World) -> None:
        account = from_files(world, world.victim, tmp_path)
        with world.simulator.show("http_401", account="neighbour"):
            async with world.polling([account, world.neighbour]):
                await world.run(5)
                for name, value in world.simulated(world.neighbour).credentials.items():
                    (tmp_path / name).write_text(value)
                page = await world.run(10)
                assert page.is_up(account.key)
        assert not world.simulator.ledger.entries(*world.neighbour.key, "permissions")

    play(story, exchange)


def test_a_refused_key_stays_alone_when_its_account_is_renamed_or_has_a_twin():
    async def story(world: World) -> None:
        twin = replace(world.victim, name="twin", balances_path=world.victim.balances_path)
        with world.simulator.show("http_401", account="victim"):
            async with world.polling([world.victim]) as poller:
                await world.run(70)
                before = requests(world)
                await poller.reconcile([twin], LIMITS)
                page = await world.run(30)
                assert requests(world) == before
                assert page.failures(twin.key) == {"authentication": 1}
                assert not page.is_up(twin.key)
                await poller.reconcile([world.victim, twin], LIMITS)
                await world.run(30)
                assert requests(world) <= before + 1

    play(story)


def test_the_twin_of_a_refused_key_recovers_with_it():
    async def story(world: World) -> None:
        twin = replace(world.victim, name="twin")
        with world.simulator.show("http_401", account="victim", times=1):
            async with world.polling([world.victim, twin]):
                page = await world.run(30)
                assert not page.is_up(world.victim.key)
                assert not page.is_up(twin.key)
                page = await world.run(2 * INTERVAL)
                assert page.is_up(world.victim.key)
                assert page.is_up(twin.key)

    play(story)


def test_the_twin_of_a_refused_key_keeps_its_clock_offset_and_the_duration_of_its_last_poll():
    async def story(world: World) -> None:
        world.clocks.skew = 600.0
        twin = replace(world.victim, name="twin")
        world.simulator.show(Fault("slow", "It takes half a second.", deliver=late(0.5)))
        async with world.polling([world.victim, twin]):
            before = await world.run(2 * INTERVAL)
            with world.simulator.show("http_401", account="victim", times=1):
                page = await world.run(INTERVAL - 10)
        assert page.failures(twin.key) == {"authentication": 1}
        for name in ("clock_offset_seconds", "poll_duration_seconds"):
            metric = f"exchange_account_{name}"
            assert before.number(metric, twin.key) != 0
            assert page.value(metric, twin.key) == before.value(metric, twin.key)

    play(story)


def test_the_next_poll_of_a_refused_key_and_its_twin_is_never_in_the_past():
    async def story(world: World) -> None:
        twin = replace(world.victim, name="twin")
        with world.simulator.show("http_401", account="victim"):
            async with world.polling([world.victim, twin]):
                for _ in range(20):
                    await world.run(INTERVAL)
                    waits = [
                        state.next_poll - world.clocks.ours.wall()
                        for state in world.store.states.values()
                    ]
                    assert min(waits) > -INTERVAL / 10

    play(story)


def test_a_poll_that_sent_nothing_took_no_time():
    async def story(world: World) -> None:
        twin = replace(world.victim, name="twin")
        world.simulator.show(Fault("slow", "It takes half a second.", deliver=late(0.5)))
        async with world.polling([world.victim, twin]):
            await world.run(2 * INTERVAL)
            with world.simulator.show("http_401", account="victim", times=1):
                await world.run(INTERVAL - 10)
        lines = [line for line in world.log.getvalue().splitlines() if "msg=polled" in line]
        [line] = [line for line in lines if "account=twin" in line and "reason=" in line]
        assert " duration=0.000s " in line

    play(story)


def test_withdrawn_balances_do_not_come_back_with_a_longer_stale_after():
    async def story(world: World) -> None:
        short = replace(world.victim, stale_after=70.0)
        world.is_wall_steady = False  # the last success is younger than the new stale_after
        async with world.polling([short]) as poller:
            page = await world.run(INTERVAL / 2)
            assert page.total(short.key) == "1.5"
            with world.simulator.show("http_500"):
                page = await world.run(2 * INTERVAL)
                assert page.total(short.key) is None
                await reconcile(poller, replace(short, stale_after=3600.0))
                page = await world.run(1)
                assert page.total(short.key) is None

    play(story)


async def reconcile(poller: Poller, *accounts: Account) -> None:
    await poller.reconcile(accounts, LIMITS)
