"""Faults of rows and of tokens look as their names say."""

from collections.abc import Callable
from typing import Any

import pytest

from exporter.simulator import FAULTS, Account, Simulator
from exporter.simulator.rows import Row
from tests.simulator.simulated_client import Client, TokenClient, listed, rows_with, style


@pytest.mark.parametrize(
    ("fault", "with_a_comma", "with_a_point"),
    [
        ("total_two_separators", "1,234,5", "1.234.5"),
        ("total_two_kinds", "1.234,5", "1.234,5"),
        ("total_other_separator", "7.25", "7,25"),
        ("total_full_width", "\uff11\uff12,\uff15", "\uff11\uff12.\uff15"),
        ("total_null", None, None),
        ("total_true", True, True),
        ("total_list", ["1"], ["1"]),
        ("total_huge", "1e400", "1e400"),
        ("mismatch", "987654,25", "987654.25"),
    ],
)
async def test_the_first_total_is_spoiled_and_nothing_else(
    *,
    simulator: Simulator,
    client: Client,
    account: Account,
    fault: str,
    with_a_comma: object,
    with_a_point: object,
) -> None:
    rows = await rows_with(fault, simulator, client, account)
    has_comma = style(account).separator == ","
    assert rows[0][style(account).main] == (with_a_comma if has_comma else with_a_point)
    assert [row["asset"] for row in rows[1:]] == [
        row["asset"] for row in listed(account, (await client.balances(account)).content)[1:]
    ]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name.startswith("balance_")])
async def test_an_unusual_balance_adds_up(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    row = (await rows_with(fault, simulator, client, account))[0]
    assert row[style(account).main] == row["free"]
    assert row["locked"] == "0"


async def test_every_amount_has_the_other_separator(
    simulator: Simulator, client: Client, account: Account
) -> None:
    own = style(account).separator
    other = "." if own == "," else ","
    rows = await rows_with("all_other_separator", simulator, client, account)
    totals = "".join(row["free"] for row in rows)
    assert own not in totals
    assert other in totals


@pytest.mark.parametrize(("fault", "field"), [("no_free", "free"), ("no_asset", "asset")])
async def test_a_field_is_missing_in_the_first_row_alone(
    simulator: Simulator, client: Client, account: Account, fault: str, field: str
) -> None:
    rows = await rows_with(fault, simulator, client, account)
    assert [field in row for row in rows[:2]] == [False, True]


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("twice_alike", lambda rows: rows[-1] == rows[0]),
        ("twice_different", lambda rows: rows[-1]["asset"] == rows[0]["asset"] != rows[1]),
        ("unknown_field", lambda rows: rows[0]["staked"] == "1.5"),
        ("gone", lambda rows: rows[0]["asset"] not in {"TRY", "MXN", "mxn"}),
        ("none", lambda rows: rows == []),
        ("all_zero", lambda rows: {row["free"] for row in rows} == {"0"}),
        ("many", lambda rows: len({row["asset"] for row in rows}) == 5000),
        ("asset_right_to_left", lambda rows: rows[-1]["asset"] == "\u202eCTB"),
        ("asset_long", lambda rows: len(rows[-1]["asset"]) == 10_000),
        ("no_extras", lambda rows: {len(row) for row in rows} in ({3}, {4})),
    ],
)
async def test_the_list_of_rows_is_spoiled(
    simulator: Simulator,
    client: Client,
    account: Account,
    fault: str,
    check: Callable[[list[dict[str, Any]]], bool],
) -> None:
    assert check(await rows_with(fault, simulator, client, account))


async def test_two_faults_are_shown_together(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("total_hex"), simulator.show("unknown_field"), simulator.show("chunked"):
        row = listed(account, (await client.balances(account)).content)[0]
    assert (row[style(account).main], row["staked"]) == ("0x1F", "1.5")


async def test_rows_of_a_verbatim_response_can_be_spoiled_too(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    btcturk.verbatim = b'{"data":[{"asset":"BTC","balance":"1,5"}]}'
    (row,) = await rows_with("total_hex", simulator, client, btcturk)
    assert row == {"asset": "BTC", "total": "0x1F"}


async def test_every_token_expires_in_the_middle(
    simulator: Simulator, token_client: TokenClient, trubit: Account
) -> None:
    await token_client.balances(trubit)
    with simulator.show("token_expired", times=1):
        assert (await token_client.balances(trubit)).json()["code"] == -1002
    assert (await token_client.balances(trubit)).json()["code"] == -1002


@pytest.mark.parametrize(
    ("fault", "status_code"),
    [("token_refused", 401), ("token_limited", 429), ("token_unavailable", 503)],
)
async def test_no_token_is_given_while_balances_are(
    simulator: Simulator, token_client: TokenClient, trubit: Account, fault: str, status_code: int
) -> None:
    await token_client.balances(trubit)
    with simulator.show(fault):
        assert (await token_client.token(trubit)).status_code == status_code
        assert (await token_client.balances(trubit)).json()["code"] == 200


@pytest.mark.parametrize(
    ("fault", "name", "expected"),
    [
        ("token_stale", "expireTime", "1"),
        ("token_endless", "expireTime", "9" * 30),
        ("token_timeless", "expireTime", "soon"),
        ("token_hostile", "token", "a\r\nX-Evil: 1"),
        ("token_empty", "token", ""),
    ],
)
async def test_a_token_is_of_no_use(
    *,
    simulator: Simulator,
    token_client: TokenClient,
    trubit: Account,
    fault: str,
    name: str,
    expected: str,
) -> None:
    with simulator.show(fault):
        assert (await token_client.token(trubit)).json()["data"][name] == expected


def test_a_row_is_equal_to_itself_alone() -> None:
    assert Row({"asset": "BTC"}) != Row({"asset": "BTC"})
