"""What the ledger says of the responses that were sent."""

from exporter.simulator import Account, Entry, Ledger, Simulator
from tests.simulator.simulated_client import NOON, Client, Clock, listed, style


def entry(number: int, began: float, ended: float | None = None, account: str = "a") -> Entry:
    return Entry(
        number=number,
        began=began,
        ended=ended,
        at=NOON,
        exchange="btcturk",
        account=account,
        call="balances",
        path="/",
        status=200,
        rows=None,
        faults=(),
    )


def ledger(*entries: Entry, size: int = 100) -> Ledger:
    written = Ledger(size)
    for one in entries:
        written.add(one)
    return written


async def test_a_response_is_recorded_with_the_exact_texts_sent(
    simulator: Simulator, client: Client, account: Account
) -> None:
    response = await client.balances(account)
    (given,) = simulator.ledger.entries(account=account.name, call="balances")
    assert given.rows is not None
    rows = listed(account, response.content)
    assert [row["free"] for row in given.rows] == [row["free"] for row in rows]


async def test_a_response_is_recorded_with_its_times(
    simulator: Simulator, client: Client, btcturk: Account, clock: Clock
) -> None:
    simulator.skew = 2.0
    await client.balances(btcturk)
    (given,) = simulator.ledger
    assert (given.began, given.ended, given.at) == (1000.0, 1000.0, clock.now)


async def test_a_refusal_is_written_down_without_rows(simulator: Simulator, client: Client) -> None:
    await client.http.get("/api/v1/users/balances")
    (given,) = simulator.ledger
    assert (given.status, given.account, given.rows) == (401, None, None)


async def test_an_unknown_path_is_written_down_without_an_exchange(
    simulator: Simulator, client: Client
) -> None:
    await client.http.get("/elsewhere?signature=1")
    (given,) = simulator.ledger
    assert (given.exchange, given.path, given.status) == (None, "/elsewhere", 404)


async def test_rows_that_a_fault_replaced_are_not_written_down(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("html"):
        await client.http.get("/")
        await client.raw(account)
    assert simulator.ledger.entries(account=account.name)[-1].rows is None


async def test_rows_are_written_down_as_a_fault_left_them(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("total_hex"):
        await client.raw(account)
    (given,) = simulator.ledger.entries(account=account.name, call="balances")
    assert given.rows is not None
    assert (given.rows[0][style(account).main], given.faults) == ("0x1F", ("total_hex",))


def test_the_oldest_entries_are_forgotten() -> None:
    written = ledger(*(entry(number, number) for number in range(5)), size=2)
    assert [one.number for one in written] == [3, 4]


def test_the_end_of_a_forgotten_entry_is_of_no_concern() -> None:
    written = ledger(entry(0, 0.0), entry(1, 1.0), size=1)
    written.end(0, 2.0)
    assert [one.ended for one in written] == [None]


def test_entries_are_found_by_account() -> None:
    written = ledger(entry(0, 0.0), entry(1, 1.0, account="b"))
    assert [one.number for one in written.entries("btcturk", "b")] == [1]


def test_the_most_requests_of_any_window_are_counted() -> None:
    written = ledger(*(entry(n, began) for n, began in enumerate([0, 30, 59, 60, 61, 200])))
    assert written.most_requests("btcturk") == 4
    assert written.most_requests("btcturk", window=1.5) == 2
    assert written.most_requests("trubit") == 0


def test_requests_one_after_the_other_do_not_overlap() -> None:
    assert not ledger(entry(0, 0.0, 1.0), entry(1, 1.0, 2.0)).overlapped("btcturk", "a")


def test_a_request_before_the_response_to_another_overlaps() -> None:
    assert ledger(entry(0, 0.0, 1.0), entry(1, 0.9, 2.0)).overlapped("btcturk", "a")


def test_a_request_beside_one_that_has_not_ended_overlaps() -> None:
    assert ledger(entry(0, 0.0), entry(1, 5.0, 6.0)).overlapped("btcturk", "a")


def test_requests_of_two_accounts_do_not_overlap() -> None:
    written = ledger(entry(0, 0.0, 1.0), entry(1, 0.5, 2.0, account="b"))
    assert not written.overlapped("btcturk", "a")
