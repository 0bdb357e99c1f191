"""The HTTP client: what a fault of the network or of the exchange means, over real sockets."""

from dataclasses import replace
from pathlib import Path

import pytest

from exporter import __version__
from exporter.errors import PollError
from exporter.exchange_api.http_date import MAX_RETRY_AFTER, parse_retry_after
from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.status import check_status
from exporter.exchanges import EXCHANGES
from exporter.model import BalancesResponse
from exporter.polling.endpoint import Endpoint
from exporter.polling.snapshots import PollResult
from exporter.runtime.clock import Clock
from exporter.simulator import Fault, Simulator
from tests.accounts import make_account, simulated
from tests.faults.relay import relay_to

NOW = 1_700_000_000.0


async def poll(
    simulator: Simulator, exchange: str, polls: int = 1, **changes: object
) -> PollResult:
    """Poll a new simulated account and return the last result."""
    account = simulated(simulator, simulator.add_account(exchange=exchange, name="a"), **changes)
    endpoint = Endpoint(EXCHANGES[exchange], 1_000_000, Clock())
    client = endpoint.connect(account)
    try:
        for _ in range(polls):
            result = await endpoint.poll(account, client)
    finally:
        await client.aclose()
    return result


def reason(result: PollResult) -> str:
    return result.outcome.reason if isinstance(result.outcome, PollError) else "none"


@pytest.fixture(params=["btcturk", "trubit"])
def exchange(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("close", "connection"),
        ("reset", "connection"),
        ("reset_in_head", "connection"),
        ("truncated", "bad_response"),
        ("bad_chunk", "bad_response"),
        ("huge_length", "bad_response"),
        ("endless_body", "bad_response"),
        ("endless_chunks", "bad_response"),
        ("endless_head", "bad_response"),
        ("not_http", "connection"),
        ("compressed", "bad_response"),
        ("bomb", "bad_response"),
    ],
)
async def test_a_fault_on_the_wire_has_its_reason(
    simulator: Simulator, exchange: str, fault: str, expected: str
):
    simulator.show(fault, call="balances")
    assert reason(await poll(simulator, exchange)) == expected


@pytest.mark.parametrize("fault", ["silence", "drip", "stall_in_head", "stall_in_body"])
async def test_a_poll_that_takes_too_long_is_given_up_at_its_timeout(
    simulator: Simulator, exchange: str, fault: str
):
    simulator.show(fault, call="balances")
    result = await poll(simulator, exchange, timeout=0.3)
    assert reason(result) == "timeout"
    assert 0.3 <= result.duration < 0.8


@pytest.mark.parametrize("fault", ["chunked", "until_close", "early_hints", "close_after"])
async def test_what_http_allows_is_no_fault(simulator: Simulator, exchange: str, fault: str):
    simulator.show(fault)
    assert isinstance((await poll(simulator, exchange)).outcome, BalancesResponse)


async def test_a_connection_that_was_closed_between_polls_is_no_failure(
    simulator: Simulator, exchange: str
):
    simulator.show("close_on_reuse", call="balances")
    assert isinstance((await poll(simulator, exchange, polls=2)).outcome, BalancesResponse)


async def test_a_connection_is_kept_between_polls(simulator: Simulator, exchange: str):
    async with relay_to(simulator.url) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        result = await poll(simulator, exchange, polls=3, base_url=url)
        assert isinstance(result.outcome, BalancesResponse)
        assert relay.connections == 1


async def test_nobody_there_is_a_failed_connection(simulator: Simulator, exchange: str):
    result = await poll(simulator, exchange, base_url="http://127.0.0.1:1")
    assert reason(result) == "connection"


async def test_plain_http_where_tls_is_due_is_refused_before_a_header_is_sent(
    simulator: Simulator, exchange: str
):
    result = await poll(simulator, exchange, base_url=simulator.url.replace("http://", "https://"))
    assert reason(result) == "tls"
    assert len(simulator.ledger) == 0


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
async def test_proxies_of_the_environment_are_not_obeyed(
    simulator: Simulator, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance((await poll(simulator, "btcturk")).outcome, BalancesResponse)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("55", 55.0),
        (" 55 ", 55.0),
        ("0", None),
        ("Tue, 14 Nov 2023 22:13:20 GMT", None),
        ("3600", MAX_RETRY_AFTER),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60.0),
        ("Tue, 14 Nov 2023 23:59:59 GMT", MAX_RETRY_AFTER),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("９", None),
        ("99999999999", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("Thu, 01 Jan 2099 00:00:00 GMT", None),
    ],
)
def test_retry_after_is_obeyed_within_reason(value: str, seconds: float | None):
    assert parse_retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([401], "authentication"),
        ([407], "connection"),
        ([403], "permission"),
        ([418, 429], "rate_limited"),
        ([300, 301, 302, 303, 305, 306, 307, 308, 399], "redirect"),
        ([500, 501, 502, 503, 504, 511, 520, 530, 599], "unavailable"),
        ([400, 402, 404, 405, 408, 410, 422, 425, 451, 499], "rejected"),
        ([201, 202, 203, 204, 205, 206, 226, 299, 304, 600, 777, 999], "bad_response"),
    ],
)
def test_a_status_means_the_same_with_any_json(statuses: list[int], expected: str):
    for status in statuses:
        with pytest.raises(PollError) as caught:
            check_status(ApiResponse(status, b'{"success":true,"code":0,"data":[]}', None))
        assert caught.value.reason == expected, status


async def test_an_account_recovers_wherever_its_poll_was_given_up_on(
    simulator: Simulator, exchange: str
):
    account = simulated(simulator, simulator.add_account(exchange=exchange, name="a", assets=3))
    endpoint = Endpoint(EXCHANGES[exchange], 10**9, Clock())
    client = endpoint.connect(account)
    try:
        for microseconds in range(0, 6000, 10):
            await endpoint.poll(replace(account, timeout=microseconds / 1e6), client)
        assert isinstance((await endpoint.poll(account, client)).outcome, BalancesResponse)
    finally:
        await client.aclose()


async def test_session_keys_are_not_written_although_the_environment_asks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "no" / "such" / "folder"))
    account = make_account(base_url="https://127.0.0.1:1")
    endpoint = Endpoint(EXCHANGES["btcturk"], 10**9, Clock())
    client = endpoint.connect(account)
    result = await endpoint.poll(account, client)
    await client.aclose()
    assert reason(result) == "connection"


@pytest.mark.parametrize("age", ["7200", "0", "soon"])
async def test_a_response_of_a_cache_is_refused(simulator: Simulator, exchange: str, age: str):
    fault = Fault(
        "cached",
        "The response comes from a cache.",
        response=lambda response, _: response.adding(("Age", age)),
    )
    simulator.show(fault, call="balances")
    assert reason(await poll(simulator, exchange)) == "bad_response"


async def test_a_request_says_who_sends_it_and_accepts_no_copy_of_a_cache(simulator: Simulator):
    async with relay_to(simulator.url) as relay:
        result = await poll(simulator, "btcturk", base_url=f"http://127.0.0.1:{relay.port}")
        assert isinstance(result.outcome, BalancesResponse)
        head = relay.heard.decode().lower()
    assert f"user-agent: exchange-balance-exporter/{__version__} (+https://" in head
    assert "cache-control: no-store" in head
    assert "python-httpx" not in head
