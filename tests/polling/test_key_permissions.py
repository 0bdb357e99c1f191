"""Key permissions are checked rarely, published as reported, and never delay balances."""

import pytest

from exporter.exchange_api.base import KEY_PERMISSIONS
from exporter.exchanges import EXCHANGES
from exporter.polling.key_permissions import EVERY
from exporter.simulator import simulated_exchanges
from exporter.simulator.messages import CallKind
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, Page, World, opened

NAMES = [name for name, exchange in EXCHANGES.items() if exchange.has_key_permissions]
METRIC = "exchange_account_key_permission"


def permissions(page: Page, world: World) -> dict[str, str | None]:
    return {each: page.value(METRIC, world.victim.key, permission=each) for each in KEY_PERMISSIONS}


def messages(world: World) -> list[str]:
    return [event.partition("msg=")[2].strip('"') for event in world.events(world.victim)]


def checks(world: World) -> int:
    return len(world.simulator.ledger.entries(*world.victim.key, "permissions"))


def test_an_exchange_that_says_it_is_simulated_as_saying_it():
    twins = simulated_exchanges().items()
    assert [name for name, twin in twins if "permissions" in twin.calls.values()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_can_only_read_is_shown_as_such_without_a_warning(name: str):
    async def main() -> None:
        async with opened(name) as world, world.polling():
            page = await world.run(INTERVAL)
            assert permissions(page, world) == {
                "read": "1", "trade": "0", "withdraw": "0", "transfer": "0", "ip_restricted": "1",
            }  # fmt: skip
            assert "level=warning" not in world.log.getvalue()
            await world.check_everything()

    run(main)


@pytest.mark.parametrize(
    ("fault", "permission", "value", "warning"),
    [
        ("key_can_withdraw", "withdraw", "1", "permissions=withdraw"),
        ("key_can_trade", "trade", "1", "permissions=trade"),
        ("key_unbound", "ip_restricted", "0", "the key is not bound to an IP address"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_can_do_harm_is_shown_and_warned_about_once(
    name: str, fault: str, permission: str, value: str, warning: str
):
    async def main() -> None:
        async with opened(name) as world:
            world.simulator.show(fault, account="victim")
            async with world.polling():
                page = await world.run(2 * EVERY + INTERVAL)
            assert permissions(page, world)[permission] == value
            assert world.log.getvalue().count(warning) == 1

    run(main)


@pytest.mark.parametrize(
    ("fault", "events"),
    [
        ("key_can_trade", ["the key can do more than read", "the key can only read now"]),
        (
            "key_unbound",
            ["the key is not bound to an IP address", "the key is bound to an IP address now"],
        ),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_was_fixed_is_logged(name: str, fault: str, events: list[str]):
    async def main() -> None:
        async with opened(name) as world, world.polling([world.victim]):
            with world.simulator.show(fault, account="victim"):
                await world.run(INTERVAL)
            await world.run(EVERY)
            assert messages(world) == ["account is up", *events]

    run(main)


@pytest.mark.parametrize("name", NAMES)
def test_a_response_that_is_too_old_and_the_next_one_are_logged(name: str):
    async def main() -> None:
        async with opened(name) as world:
            world.simulator.show("key_can_trade", account="victim")
            async with world.polling([world.victim]):
                await world.run(INTERVAL)
                with world.simulator.show("http_500", account="victim", call="permissions"):
                    await world.run(2 * EVERY)
                await world.run(EVERY / 6)
            assert messages(world) == [
                "account is up",
                "the key can do more than read",
                "key permissions are withdrawn, the last response is too old",
                "key permissions are known again",
            ]

    run(main)


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_checked_once_an_hour(name: str):
    async def main() -> int:
        async with opened(name) as world, world.polling():
            await world.run(3 * EVERY)
            return checks(world)

    assert run(main) == 3


@pytest.mark.parametrize(
    ("fault", "call"),
    [("http_500", None), ("http_500", "permissions"), ("http_418_ban", None)],
)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_key_may_do_is_withdrawn_after_two_hours_without_a_response(
    name: str, fault: str, call: CallKind | None
):
    async def main() -> None:
        async with opened(name) as world, world.polling():
            await world.run(INTERVAL)
            with world.simulator.show(fault, account="victim", call=call):
                page = await world.run(2 * EVERY - 2 * INTERVAL)
                assert permissions(page, world)["withdraw"] == "0"
                page = await world.run(2 * INTERVAL)
                assert set(permissions(page, world).values()) == {None}
            await world.until(
                lambda page: permissions(page, world)["withdraw"] == "0", within=EVERY
            )

    run(main)


@pytest.mark.parametrize("name", NAMES)
def test_one_failed_check_is_repeated_before_the_last_response_is_too_old(name: str):
    async def main() -> None:
        async with opened(name) as world, world.polling():
            await world.run(INTERVAL)
            with world.simulator.show("http_500", account="victim", call="permissions", times=3):
                end = world.now + 3 * EVERY
                while world.now < end:
                    page = await world.run(INTERVAL)
                    assert permissions(page, world)["withdraw"] == "0"

    run(main)


@pytest.mark.parametrize("fault", ["http_500", "silence", "http_401", "html", "null", "reset"])
@pytest.mark.parametrize("name", NAMES)
def test_no_failed_check_touches_a_balance(name: str, fault: str):
    async def main() -> None:
        async with opened(name) as world:
            world.simulator.show(fault, account="victim", call="permissions")
            async with world.polling():
                page = await world.run(10 * INTERVAL)
            assert page.failures(world.victim.key) == {}
            assert page.total(world.victim.key) == "1.5"
            assert set(permissions(page, world).values()) == {None}
            assert abs(page.polls(world.victim.key) - 10) <= 1
            assert 1 <= checks(world) <= 3

    run(main)


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_key_is_not_checked(name: str):
    async def main() -> int:
        async with opened(name) as world:
            world.simulated(world.victim).is_active = False
            async with world.polling():
                await world.run(10 * INTERVAL)
            return checks(world)

    assert run(main) == 0
