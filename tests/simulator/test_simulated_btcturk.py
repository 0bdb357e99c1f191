"""BtcTurk's checks and responses, as its documentation and its users describe them."""

import base64
from pathlib import Path

import httpx
import pytest

from exporter.simulator import Account, Simulator
from tests.simulator.simulated_client import NOON, Client, Clock, btcturk_headers

BALANCES = "/api/v1/users/balances"
SEED = Path(__file__).parents[1] / "data/responses/btcturk/documented.json"
NOW_MS = int(NOON * 1000)


async def test_the_documented_signature_is_accepted(
    simulator: Simulator, client: Client, clock: Clock
) -> None:
    clock.now = 1735866257.711
    simulator.add_account(
        exchange="btcturk",
        name="documented",
        credentials={
            "api_key": "b8c1b9f4-0000-4000-8000-000000000001",
            "api_secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
        },
    )
    headers = {
        "X-PCK": "b8c1b9f4-0000-4000-8000-000000000001",
        "X-Stamp": "1735866257711",
        "X-Signature": "db3kfpsEOjtcJgDoaRgvgpBtIdEQoyE/zghAkRsyxmI=",
    }
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 200


async def test_the_seed_is_served_byte_for_byte(simulator: Simulator, client: Client) -> None:
    account = simulator.add_account(exchange="btcturk", name="seed", verbatim=SEED.read_bytes())
    assert (await client.balances(account)).content == SEED.read_bytes()


async def test_the_rows_of_a_verbatim_response_are_in_the_ledger(
    simulator: Simulator, client: Client
) -> None:
    account = simulator.add_account(exchange="btcturk", name="seed", verbatim=SEED.read_bytes())
    await client.balances(account)
    (entry,) = simulator.ledger
    assert entry.rows is not None
    assert [row["total"] for row in entry.rows] == ["27223,7283250757643288", "9,7502186644553258"]


async def test_a_response_has_the_documented_shape(client: Client, btcturk: Account) -> None:
    response = await client.balances(btcturk)
    content = response.json()
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert (content["success"], content["message"], content["code"]) == (True, None, 0)
    assert list(content["data"][0]) == [
        "asset",
        "assetname",
        "balance",
        "locked",
        "free",
        "orderFund",
        "requestFund",
        "precision",
        "timestamp",
    ]
    assert content["data"][0]["assetname"] == "T\u00fcrk Liras\u0131"


async def test_given_balances_are_written_with_a_comma(
    simulator: Simulator, client: Client
) -> None:
    account = simulator.add_account(
        exchange="btcturk", name="fixed", balances={"BTC": ("1.5", "1.0", "0.5")}
    )
    (row,) = (await client.balances(account)).json()["data"]
    assert (row["balance"], row["free"], row["locked"]) == ("1,5", "1,0", "0,5")


async def test_an_unknown_key_is_refused_as_a_success(client: Client, btcturk: Account) -> None:
    headers = btcturk_headers(btcturk, client.stamp()) | {"X-PCK": "somebody"}
    response = await client.http.get(BALANCES, headers=headers)
    assert response.status_code == 401
    assert response.json() == {
        "success": True,
        "message": "Unauthorized - Invalid Public key",
        "code": 1037,
    }


async def test_a_refusal_can_have_an_empty_body(clock: Clock) -> None:
    async with (
        Simulator(clock=clock, options={"btcturk": {"empty_401": True}}) as simulator,
        httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http,
    ):
        response = await http.get(BALANCES)
        assert (response.status_code, response.content) == (401, b"")


async def test_a_key_that_is_not_active_is_refused_until_it_is(
    client: Client, btcturk: Account
) -> None:
    btcturk.is_active = False
    assert (await client.balances(btcturk)).status_code == 401
    btcturk.is_active = True
    assert (await client.balances(btcturk)).status_code == 200


@pytest.mark.parametrize("distance_ms", [-5000, -1, 0, 1, 5000])
async def test_a_stamp_within_five_seconds_is_accepted(
    client: Client, btcturk: Account, distance_ms: int
) -> None:
    headers = btcturk_headers(btcturk, str(NOW_MS + distance_ms))
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 200


@pytest.mark.parametrize("distance_ms", [-86_400_000, -5001, 5001, 86_400_000])
async def test_a_stamp_further_off_is_refused(
    client: Client, btcturk: Account, distance_ms: int
) -> None:
    headers = btcturk_headers(btcturk, str(NOW_MS + distance_ms))
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 401


async def test_a_skewed_exchange_measures_stamps_by_its_own_clock(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    simulator.skew = 3600.0
    assert (await client.balances(btcturk)).status_code == 401
    headers = btcturk_headers(btcturk, str(NOW_MS + 3_600_000))
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 200


@pytest.mark.parametrize("second", [NOW_MS, NOW_MS - 1], ids=["the same", "a lower one"])
async def test_a_stamp_that_does_not_rise_is_refused(
    client: Client, btcturk: Account, second: int
) -> None:
    await client.http.get(BALANCES, headers=btcturk_headers(btcturk, str(NOW_MS)))
    again = await client.http.get(BALANCES, headers=btcturk_headers(btcturk, str(second)))
    assert again.status_code == 401


async def test_stamps_of_two_keys_are_apart(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    other = simulator.add_account(exchange="btcturk", name="other")
    for account in (btcturk, other):
        headers = btcturk_headers(account, str(NOW_MS))
        assert (await client.http.get(BALANCES, headers=headers)).status_code == 200


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "1.5", "\u0661", "9" * 5000])
async def test_a_stamp_that_is_no_number_is_refused(
    client: Client, btcturk: Account, stamp: str
) -> None:
    headers = httpx.Headers(btcturk_headers(btcturk, stamp), encoding="utf-8")
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 401


async def test_a_signature_that_is_encoded_twice_is_refused(
    client: Client, btcturk: Account
) -> None:
    headers = btcturk_headers(btcturk, client.stamp())
    headers["X-Signature"] = base64.b64encode(headers["X-Signature"].encode()).decode()
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 401


async def test_a_refused_signature_uses_no_stamp_up(client: Client, btcturk: Account) -> None:
    headers = btcturk_headers(btcturk, client.stamp())
    await client.http.get(BALANCES, headers=headers | {"X-Signature": "wrong"})
    assert (await client.http.get(BALANCES, headers=headers)).status_code == 200


async def test_the_time_is_told_without_a_key(simulator: Simulator, client: Client) -> None:
    simulator.skew = 1.5
    response = await client.http.get("/api/v2/server/time")
    assert response.json() == {
        "serverTime": NOW_MS + 1500,
        "serverTime2": "2026-01-01T12:00:01.500000Z",
    }


async def test_the_121st_request_in_a_minute_gets_the_documented_429(
    client: Client, btcturk: Account
) -> None:
    for _ in range(120):
        assert (await client.balances(btcturk)).status_code == 200
    response = await client.balances(btcturk)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "55")
    assert response.json()["message"] == "TOO_MANY_REQUESTS"


def test_a_secret_that_is_not_base64_is_refused() -> None:
    with pytest.raises(ValueError, match="a BtcTurk secret is base64"):
        Simulator().add_account(
            exchange="btcturk", name="x", credentials={"api_secret": "not base64!"}
        )
