"""TruBit Business' tokens and responses, as its documentation describes them."""

from pathlib import Path

import httpx
import pytest

from exporter.simulator import Account, Simulator
from tests.simulator.simulated_client import NOON, Client, Clock, TokenClient, trubit_query

ASSETS = "/v2/user/account/assets"
TOKEN = "/v2/token/generate"
SEED = Path(__file__).parents[1] / "data/responses/trubit/documented.json"
NOW_MS = int(NOON * 1000)


async def test_the_documented_signature_is_accepted(
    simulator: Simulator, client: Client, clock: Clock
) -> None:
    clock.now = 1740568725.231
    simulator.add_account(
        exchange="trubit", name="documented", credentials={"api_key": "key", "api_secret": "xxxx"}
    )
    query = {
        "timestamp": "1740568725231",
        "signature": "7fdd71b6dfed9a746d2698e980a2cb5dc15ca9fab9e4339676dea3c282a862c6",
    }
    response = await client.http.get(TOKEN, params=query, headers={"X-BH-APIKEY": "key"})
    assert response.json()["code"] == 200


async def test_the_seed_is_served_byte_for_byte(simulator: Simulator, client: Client) -> None:
    account = simulator.add_account(exchange="trubit", name="seed", verbatim=SEED.read_bytes())
    assert (await client.balances(account)).content == SEED.read_bytes()


async def test_the_rows_of_a_verbatim_response_are_in_the_ledger(
    simulator: Simulator, client: Client
) -> None:
    account = simulator.add_account(exchange="trubit", name="seed", verbatim=SEED.read_bytes())
    await client.balances(account)
    entry = simulator.ledger.entries(call="balances")[0]
    assert entry.rows is not None
    assert [row["total"] for row in entry.rows] == ["1.5", "10.0"]


async def test_a_response_has_the_documented_shape(
    token_client: TokenClient, trubit: Account
) -> None:
    content = (await token_client.balances(trubit)).json()
    assert (content["code"], content["msg"]) == (200, "SUCCESS")
    assert content["data"]["canDeposit"] is True
    row = content["data"]["balances"][0]
    assert list(row) == ["asset", "assetId", "assetName", "total", "free", "locked"]
    assert all(isinstance(field, str) for field in row.values())


async def test_deposits_can_be_closed(token_client: TokenClient, trubit: Account) -> None:
    trubit.can_deposit = False
    assert (await token_client.balances(trubit)).json()["data"]["canDeposit"] is False


async def test_a_token_says_as_text_when_it_expires(client: Client, trubit: Account) -> None:
    data = (await client.token(trubit)).json()["data"]
    assert data["expireTime"] == str(NOW_MS + 1 + 3_600_000)


async def test_a_token_is_good_until_it_expires(
    token_client: TokenClient, clock: Clock, trubit: Account
) -> None:
    await token_client.balances(trubit)
    clock.now += 3599.9
    assert (await token_client.balances(trubit)).json()["code"] == 200
    clock.now += 0.2
    assert (await token_client.balances(trubit)).json() == {"code": -1002, "msg": "Unauthorized"}


async def test_tokens_can_be_made_void_before_that(
    simulator: Simulator, token_client: TokenClient, trubit: Account
) -> None:
    await token_client.balances(trubit)
    simulator.expire_tokens(trubit)
    assert (await token_client.balances(trubit)).json()["code"] == -1002


async def test_an_older_token_stays_good_beside_a_newer_one(
    client: Client, token_client: TokenClient, trubit: Account
) -> None:
    await token_client.balances(trubit)
    await client.token(trubit)
    assert (await token_client.balances(trubit)).json()["code"] == 200


async def test_a_ready_token_is_accepted(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    headers = {"X-BH-TOKEN": simulator.issue_token(trubit)}
    assert (await client.http.get(ASSETS, headers=headers)).json()["code"] == 200


async def test_the_path_of_the_product_that_followed_is_known(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    headers = {"X-BH-TOKEN": simulator.issue_token(trubit)}
    response = await client.http.get("/v2/assets/account/assets?merchantId=0", headers=headers)
    assert response.json()["code"] == 200


@pytest.mark.parametrize("headers", [{}, {"X-BH-TOKEN": "somebody's"}, {"X-BH-TOKEN": ""}])
async def test_balances_without_a_good_token_are_refused(
    client: Client, trubit: Account, headers: dict[str, str]
) -> None:
    assert trubit.is_active
    assert (await client.http.get(ASSETS, headers=headers)).json()["code"] == -1002


async def test_a_key_alone_gives_no_balances(client: Client, trubit: Account) -> None:
    headers = {"X-BH-APIKEY": trubit.api_key}
    assert (await client.http.get(ASSETS, headers=headers)).json()["code"] == -1002


async def test_an_unknown_key_gets_no_token(client: Client, trubit: Account) -> None:
    query = trubit_query(trubit, client.stamp())
    response = await client.http.get(TOKEN, params=query, headers={"X-BH-APIKEY": "somebody"})
    assert response.json() == {"code": -1002, "msg": "Unauthorized"}


@pytest.mark.parametrize("timestamp", ["", "soon", str(NOW_MS - 5001), str(NOW_MS + 5001)])
async def test_a_wrong_timestamp_gets_no_token(
    client: Client, trubit: Account, timestamp: str
) -> None:
    query, headers = trubit_query(trubit, timestamp), {"X-BH-APIKEY": trubit.api_key}
    assert (await client.http.get(TOKEN, params=query, headers=headers)).json()["code"] == -1021


async def test_a_wrong_signature_gets_no_token(client: Client, trubit: Account) -> None:
    query = trubit_query(trubit, client.stamp()) | {"signature": "0" * 64}
    headers = {"X-BH-APIKEY": trubit.api_key}
    assert (await client.http.get(TOKEN, params=query, headers=headers)).json()["code"] == -1022


async def test_a_signature_in_upper_case_gets_no_token(client: Client, trubit: Account) -> None:
    query = trubit_query(trubit, client.stamp())
    query["signature"] = query["signature"].upper()
    headers = {"X-BH-APIKEY": trubit.api_key}
    assert (await client.http.get(TOKEN, params=query, headers=headers)).json()["code"] == -1022


async def test_a_revoked_key_loses_its_tokens_with_it(
    token_client: TokenClient, trubit: Account
) -> None:
    await token_client.balances(trubit)
    trubit.is_active = False
    assert (await token_client.balances(trubit)).json()["code"] == -1002


async def test_errors_can_have_an_http_status_of_their_own(clock: Clock) -> None:
    async with (
        Simulator(clock=clock, options={"trubit": {"error_status": 401}}) as simulator,
        httpx.AsyncClient(base_url=simulator.url, trust_env=False) as http,
    ):
        response = await http.get(ASSETS)
        assert (response.status_code, response.json()["code"]) == (401, -1002)


async def test_the_61st_request_in_a_minute_is_refused(
    token_client: TokenClient, trubit: Account
) -> None:
    for _ in range(59):  # and one for the token
        assert (await token_client.balances(trubit)).status_code == 200
    response = await token_client.balances(trubit)
    assert (response.status_code, response.json()["code"]) == (429, -1003)
