"""Every fault ends; those of connections, time and framing look as their names say."""

import gzip
import zlib

import pytest

from exporter.simulator import FAULTS, GROUPS, Account, Fault, Simulator
from exporter.simulator.faults import on_wire
from tests.simulator.simulated_client import (
    IMPATIENT,
    Client,
    body_with,
    connected,
    listed,
    split,
    status,
)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in {"late", "drip"}])
async def test_a_fault_ends_when_it_is_stopped(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault) as showing:
        await client.raw(account, patience=IMPATIENT)
    assert showing.count == (FAULTS[fault].only in {None, "balances"})
    response = await client.balances(account)
    assert listed(account, response.content)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_does_one_thing_and_says_which(fault: Fault) -> None:
    does = [fault.before, fault.rows, fault.quotes, fault.response, fault.deliver]
    assert sum(one is not None for one in does) == 1
    assert fault.description


def test_no_two_faults_have_one_name() -> None:
    assert len(FAULTS) == sum(map(len, GROUPS.values()))


@pytest.mark.parametrize("fault", ["close", "silence"])
async def test_no_response_is_sent(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        assert await client.raw(account, patience=IMPATIENT) == b""


async def test_a_connection_is_reset_before_a_response(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("reset"):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            with pytest.raises(ConnectionResetError):
                await reader.read()


@pytest.mark.parametrize("fault", ["reset_in_head", "reset_in_body"])
async def test_a_connection_is_reset_within_a_response(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            assert (await reader.read(10)).startswith(b"HTTP/1.1 ")
            with pytest.raises(ConnectionResetError):
                await reader.read()


async def test_a_connection_is_closed_between_two_requests(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("close_after"):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            received = await reader.read()
    assert status(received) == 200
    assert b"close" not in received.partition(b"\r\n\r\n")[0]


async def test_a_connection_is_closed_when_it_is_used_again(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("close_on_reuse"):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            writer.write(client.request(account))
            received = await reader.read()
    assert received.count(b"HTTP/1.1 200") == 1


async def test_a_response_is_late(simulator: Simulator, client: Client, account: Account) -> None:
    with simulator.show(Fault("late", "", deliver=on_wire.late(0.001))):
        assert (await client.balances(account)).status_code == 200


async def test_a_response_drips(simulator: Simulator, client: Client, account: Account) -> None:
    with simulator.show(Fault("drip", "", deliver=on_wire.drip(0.0))):
        assert listed(account, (await client.balances(account)).content)


async def test_a_stall_leaves_half_of_the_headers(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("stall_in_head"):
        received = await client.raw(account, patience=IMPATIENT)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in received


@pytest.mark.parametrize("fault", ["stall_in_body", "truncated"])
async def test_half_of_the_body_is_missing(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        head, body = split(await client.raw(account, patience=IMPATIENT))
    assert f"Content-Length: {2 * len(body)}" in head or f": {2 * len(body) + 1}" in head


@pytest.mark.parametrize("fault", ["close_after", "chunked", "until_close", "early_hints"])
async def test_what_is_allowed_is_read_by_a_good_client(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        assert listed(account, (await client.balances(account)).content)


async def test_the_last_chunk_is_missing(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("truncated_chunks"):
        received = await client.raw(account)
    assert b"Transfer-Encoding: chunked" in received
    assert not received.endswith(b"0\r\n\r\n")


async def test_a_chunk_has_no_size(simulator: Simulator, client: Client, account: Account) -> None:
    assert (await body_with("bad_chunk", simulator, client, account)).startswith(b"zz\r\n{")


async def test_more_comes_than_was_declared(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("short_length"):
        head, body = split(await client.raw(account))
    assert f"Content-Length: {len(body) // 2}" in head


async def test_two_lengths_are_declared(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("two_lengths"):
        assert (await client.raw(account)).count(b"Content-Length: ") == 2


async def test_ten_gigabytes_are_declared(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("huge_length"):
        assert b"Content-Length: 10737418240\r\n" in await client.raw(account, patience=IMPATIENT)


@pytest.mark.parametrize("fault", ["endless_head", "endless_body"])
async def test_a_response_never_ends(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        assert len(await client.raw(account, most=5_000_000)) >= 5_000_000


async def test_a_response_is_not_http(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("not_http"):
        assert (await client.raw(account)).startswith(b"SSH-")


async def test_a_response_is_compressed(
    simulator: Simulator, client: Client, account: Account
) -> None:
    body = await body_with("compressed", simulator, client, account)
    assert listed(account, gzip.decompress(body))


async def test_a_bomb_is_small_until_it_is_unpacked(
    simulator: Simulator, client: Client, account: Account
) -> None:
    body = await body_with("bomb", simulator, client, account)
    assert len(body) < 1_200_000
    unpack = zlib.decompressobj(wbits=31)
    unpacked = sum(len(unpack.decompress(body[at : at + 1024])) for at in range(0, 102_400, 1024))
    assert unpacked > 90_000_000
