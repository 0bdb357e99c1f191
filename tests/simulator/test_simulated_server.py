"""The HTTP/1.1 that the simulator speaks, and how it stops."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack

import httpx
import pytest
import trustme

from exporter.simulator import Account, Simulator
from tests.simulator.simulated_client import Client, address, connected


async def exchange(simulator: Simulator, *requests: bytes) -> bytes:
    """Return the response to some bytes, until the simulator closes."""
    async with connected(simulator) as (reader, writer):
        for request in requests:
            writer.write(request)
        return await reader.read()


async def test_every_response_has_the_date_of_the_exchange(
    simulator: Simulator, client: Client, account: Account
) -> None:
    assert (await client.balances(account)).headers["Date"] == "Thu, 01 Jan 2026 12:00:00 GMT"
    simulator.skew = 86_400.0
    for path in ("/", "/api/v1/users/balances", "/v2/token/generate"):
        date = (await client.http.get(path)).headers["Date"]
        assert date == "Fri, 02 Jan 2026 12:00:00 GMT"


async def test_an_unknown_path_is_not_found(client: Client) -> None:
    assert (await client.http.get("/api/v1/users")).status_code == 404


@pytest.mark.parametrize("path", ["/api/v1/users/balances", "/v2/user/account/assets"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_another_method_is_not_allowed(client: Client, path: str, method: str) -> None:
    response = await client.http.request(method, path)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


async def test_a_connection_serves_many_requests(client: Client, account: Account) -> None:
    for _ in range(3):
        assert (await client.balances(account)).status_code == 200


async def test_requests_sent_together_get_their_responses_in_turn(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    last = client.request(btcturk, "Connection: close")
    received = await exchange(simulator, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + last)
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.index(b" 404 ") < received.index(b" 200 ")


@pytest.mark.parametrize("version", [b"1.0", b"1.1\r\nConnection: close"])
async def test_the_connection_is_closed_when_the_client_wishes(
    simulator: Simulator, version: bytes
) -> None:
    received = await exchange(simulator, b"GET / HTTP/" + version + b"\r\nHost: x\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.parametrize(
    "request_", [b"hello\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"a" * 70_000]
)
async def test_what_is_not_http_is_refused_and_closed(
    simulator: Simulator, request_: bytes
) -> None:
    assert (await exchange(simulator, request_)).startswith(b"HTTP/1.1 4")


async def test_a_client_may_leave_in_the_middle_of_a_request(simulator: Simulator) -> None:
    async with connected(simulator) as (_, writer):
        writer.write(b"GET / HT")
    async with httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http:
        assert (await http.get("/")).status_code == 404


async def test_stopping_drops_connections_that_are_idle_busy_or_half_read() -> None:
    before = asyncio.all_tasks()
    async with AsyncExitStack() as clients:
        async with Simulator() as simulator:
            await clients.enter_async_context(connected(simulator))
            _, half = await clients.enter_async_context(connected(simulator))
            half.write(b"GET / HT")
            reader, busy = await clients.enter_async_context(connected(simulator))
            simulator.show("endless_head")
            busy.write(b"GET /api/v2/server/time HTTP/1.1\r\nHost: x\r\n\r\n")
            await reader.readline()
        assert asyncio.all_tasks() == before


async def test_the_port_is_free_after_stopping() -> None:
    async with Simulator() as simulator:
        port = address(simulator)[1]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    async with Simulator(port=port) as simulator:
        assert address(simulator)[1] == port


async def test_a_defect_of_the_simulator_is_not_hidden() -> None:
    def broken() -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with Simulator(monotonic=broken) as simulator:
            await exchange(simulator, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_it_serves_https_too() -> None:
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with (
        Simulator(tls=server) as simulator,
        httpx.AsyncClient(base_url=simulator.url, verify=trusting, trust_env=False) as http,
    ):
        assert simulator.url.startswith("https://127.0.0.1:")
        assert (await http.get("/api/v2/server/time")).status_code == 200


@pytest.mark.parametrize("host", ["", "::", "::1", "localhost"])
async def test_its_address_can_be_reached_for_every_listen_address(host: str) -> None:
    async with (
        Simulator(host=host) as simulator,
        httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http,
    ):
        assert (await http.get("/api/v2/server/time")).status_code == 200


def test_a_simulator_that_does_not_run_has_no_address() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Simulator().url


def test_an_unknown_exchange_is_refused() -> None:
    with pytest.raises(ValueError, match=r"choose .*btcturk"):
        Simulator().add_account(exchange="mtgox", name="a")


def test_a_name_is_given_once_at_each_exchange() -> None:
    simulator = Simulator()
    simulator.add_account(exchange="btcturk", name="a")
    simulator.add_account(exchange="trubit", name="a")
    with pytest.raises(ValueError, match="account a: "):
        simulator.add_account(exchange="trubit", name="a")


async def test_balances_can_be_changed_while_it_runs(
    simulator: Simulator, client: Client, account: Account
) -> None:
    simulator.set_balances(account, {"BTC": ("2.5", "2.5", "0")})
    body = (await client.balances(account)).text
    assert "2,5" in body or "2.5" in body


def test_no_secret_is_in_the_text_of_an_account() -> None:
    account = Simulator().add_account(exchange="trubit", name="a")
    assert account.api_secret not in repr(account)
