"""When, to whom and how often a fault is shown."""

import pytest

from exporter.simulator import FAULTS, Account, Simulator, parse_injection
from exporter.simulator.exchange import Call
from exporter.simulator.faults.injection import FaultInjection, Schedule
from exporter.simulator.messages import Request
from tests.simulator.simulated_client import Client, Clock


async def statuses(client: Client, account: Account, count: int) -> list[int]:
    return [(await client.balances(account)).status_code for _ in range(count)]


async def test_a_fault_is_shown_until_it_is_stopped(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    showing = simulator.show("http_500")
    assert await statuses(client, btcturk, 2) == [500, 500]
    showing.stop()
    assert await statuses(client, btcturk, 1) == [200]
    assert showing.count == 2


async def test_all_faults_can_be_stopped(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    simulator.show("http_500")
    simulator.stop_faults()
    assert await statuses(client, btcturk, 1) == [200]


async def test_a_fault_is_shown_so_many_times(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    simulator.show("http_500", times=2)
    assert await statuses(client, btcturk, 3) == [500, 500, 200]


async def test_a_fault_is_shown_to_one_account(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    other = simulator.add_account(exchange="btcturk", name="other")
    simulator.show("http_500", account="other")
    assert await statuses(client, btcturk, 1) == [200]
    assert await statuses(client, other, 1) == [500]


async def test_a_fault_is_shown_by_one_exchange(
    simulator: Simulator, client: Client, btcturk: Account, trubit: Account
) -> None:
    simulator.show("http_500", exchange="trubit", call="balances")
    assert await statuses(client, btcturk, 1) == [200]
    assert await statuses(client, trubit, 1) == [500]


async def test_a_fault_is_shown_for_one_call(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    simulator.show("http_500", call="token")
    assert (await client.token(trubit)).status_code == 500
    assert simulator.issue_token(trubit)


async def test_a_fault_with_a_probability_is_shown_that_often(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    simulator.show("http_500", probability=0.3)
    assert 20 <= (await statuses(client, btcturk, 100)).count(500) <= 40


def test_a_seed_draws_the_same_faults_again() -> None:
    [exchange, *_] = Simulator().exchanges.values()
    call = Call(exchange, None, "balances", Request("GET", "/", {}, {}, "", keep_alive=True))

    def drawn(seed: str) -> list[bool]:
        schedule = Schedule(seed)
        schedule.add(FaultInjection(FAULTS["close"], probability=0.5), now=0.0)
        return [bool(schedule.due(call, now=0.0)) for _ in range(64)]

    assert drawn("one") == drawn("one") != drawn("two")


async def test_a_fault_is_shown_later_and_for_a_while(
    simulator: Simulator, client: Client, btcturk: Account, monotonic: Clock
) -> None:
    simulator.show("http_500", after=10.0, lasting=5.0)
    seen = []
    for pause in (9.9, 0.1, 4.9, 0.1):
        monotonic.now += pause
        seen += await statuses(client, btcturk, 1)
    assert seen == [200, 500, 500, 200]


async def test_a_fault_of_rows_is_not_used_up_by_a_refusal(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    showing = simulator.show("total_hex", times=1)
    await client.http.get("/api/v1/users/balances")
    assert showing.count == 0
    assert "0x1F" in (await client.balances(btcturk)).text


@pytest.mark.parametrize(
    ("name", "advice"),
    [("http_40l", "did you mean http_40"), ("flood", "--list-faults lists all")],
)
def test_an_unknown_fault_is_refused(name: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"^fault {name}: unknown; {advice}"):
        Simulator().show(name)


def test_a_command_line_says_all_of_it() -> None:
    showing = parse_injection(
        "http_500:exchange=trubit,account=a,call=token,times=3,probability=0.5,after=1,lasting=2.5"
    )
    assert showing.fault.name == "http_500"
    assert (showing.exchange, showing.account, showing.call) == ("trubit", "a", "token")
    assert (showing.times, showing.probability) == (3, 0.5)
    assert (showing.after, showing.lasting) == (1.0, 2.5)


async def test_what_a_command_line_said_is_shown(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    simulator.add_injection(parse_injection("http_500:times=1"))
    assert await statuses(client, btcturk, 2) == [500, 200]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("flood", "fault flood: unknown"),
        ("close:colour=red", "fault close: no option colour, choose one of exchange, "),
        ("close:exchange=mtgox", "fault close: exchange=mtgox: choose .*btcturk"),
        ("close:call=orders", "fault close: call=orders: choose balances, token, time"),
        ("close:times=often", "fault close: times=often: "),
        ("close:probability=2", "fault close: probability=2: must be from 0 to 1"),
        ("close:after=nan", "fault close: after=nan: must be from 0 to inf"),
        ("close:times", "fault close: times=: "),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_injection(text)


@pytest.mark.parametrize(
    ("text", "exchanges"),
    [
        ("http_401", {"binance", "binance_tr", "bitso", "btcturk", "trubit"}),
        ("http_401:account=a", {"binance", "binance_tr", "bitso", "btcturk", "trubit"}),
        ("key_unbound", {"binance"}),
        ("own_clock_skew:account=a", {"binance", "binance_tr", "bitso", "trubit"}),
        ("quote_wide:account=a", {"trubit"}),
        ("token_empty", {"trubit"}),
        ("close:call=permissions", {"binance"}),
    ],
)
def test_a_fault_occurs_where_there_are_the_call_and_the_error_that_it_needs(
    text: str, exchanges: set[str]
):
    injection, simulator = parse_injection(text), Simulator()
    able = {name for name, each in simulator.exchanges.items() if injection.can_occur_at(each)}
    assert able == exchanges
