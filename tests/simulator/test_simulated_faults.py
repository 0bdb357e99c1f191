"""Every fault in the table: what a client gets to see of it, and that all is well afterwards."""

import gzip
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from simulated_client import Client, connected

from exporter.simulator import FAULTS, GROUPS, Account, Fault, Simulator, on_wire
from exporter.simulator.rows import Row

LEGAL = {"close_after", "close_on_reuse", "chunked", "until_close", "early_hints", "late", "drip"}


def split(received: bytes) -> tuple[str, bytes]:
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body


def status(received: bytes) -> int:
    return int(received[9:12])


def listed(account: Account, body: bytes) -> list[dict[str, Any]]:
    content = msgspec.json.Decoder(float_hook=Decimal).decode(body)["data"]
    rows: list[dict[str, Any]] = content if account.exchange == "btcturk" else content["balances"]
    return rows


def total(account: Account) -> str:
    return {"btcturk": "balance", "trubit": "total"}[account.exchange]


async def rows_with(fault: str, simulator: Simulator, client: Client, account: Account) -> Any:
    with simulator.show(fault):
        return listed(account, split(await client.raw(account))[1])


async def body_with(fault: str, simulator: Simulator, client: Client, account: Account) -> bytes:
    with simulator.show(fault):
        return split(await client.raw(account))[1]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in {"late", "drip"}])
async def test_a_fault_ends_when_it_is_stopped(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault) as showing:
        await client.raw(account)
    assert showing.count == (FAULTS[fault].only != "token")
    response = await client.balances(account)
    assert listed(account, response.content)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_does_one_thing_and_says_which(fault: Fault) -> None:
    does = [fault.before, fault.rows, fault.response, fault.deliver]
    assert sum(one is not None for one in does) == 1
    assert fault.description


def test_no_two_faults_have_one_name() -> None:
    assert len(FAULTS) == sum(map(len, GROUPS.values()))


# Connection and time


@pytest.mark.parametrize("fault", ["close", "silence"])
async def test_nothing_is_answered(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        assert await client.raw(account) == b""


async def test_a_connection_is_reset_before_an_answer(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("reset"):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            with pytest.raises(ConnectionResetError):
                await reader.read()


@pytest.mark.parametrize("fault", ["reset_in_head", "reset_in_body"])
async def test_a_connection_is_reset_within_an_answer(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        async with connected(simulator) as (reader, writer):
            writer.write(client.request(account))
            assert (await reader.read(10)).startswith(b"HTTP/1.1 ")
            with pytest.raises(ConnectionResetError):
                while await reader.read(65_536):
                    pass


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


async def test_an_answer_is_late(simulator: Simulator, client: Client, account: Account) -> None:
    with simulator.show(Fault("late", "", deliver=on_wire.late(0.001))):
        assert (await client.balances(account)).status_code == 200


async def test_an_answer_drips(simulator: Simulator, client: Client, account: Account) -> None:
    with simulator.show(Fault("drip", "", deliver=on_wire.drip(0.0))):
        assert listed(account, (await client.balances(account)).content)


async def test_a_stall_leaves_half_of_the_headers(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("stall_in_head"):
        received = await client.raw(account)
    assert received.startswith(b"HTTP/1.1 200")
    assert b"\r\n\r\n" not in received


@pytest.mark.parametrize("fault", ["stall_in_body", "truncated"])
async def test_half_of_the_body_is_missing(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        head, body = split(await client.raw(account))
    assert f"Content-Length: {2 * len(body)}" in head or f": {2 * len(body) + 1}" in head


# Framing


@pytest.mark.parametrize("fault", sorted(LEGAL - {"late", "drip", "close_on_reuse"}))
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
        assert b"Content-Length: 10737418240\r\n" in await client.raw(account)


@pytest.mark.parametrize("fault", ["endless_head", "endless_body"])
async def test_an_answer_never_ends(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        assert len(await client.raw(account, most=5_000_000)) >= 5_000_000


async def test_an_answer_is_not_http(
    simulator: Simulator, client: Client, account: Account
) -> None:
    with simulator.show("not_http"):
        assert (await client.raw(account)).startswith(b"SSH-")


async def test_an_answer_is_compressed(
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


# Body


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("empty_200", b""),
        ("null", b"null"),
        ("deep", b"[" * 200_000),
        ("deep_data", b'{"data":' * 200_000),
    ],
)
async def test_the_body_is_something_else(
    simulator: Simulator, client: Client, account: Account, fault: str, expected: bytes
) -> None:
    assert await body_with(fault, simulator, client, account) == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("html", b"<h1>Welcome</h1>"),
        ("large", b" " * 2_000_000),
        ("latin_1", b'"\xfc"'),
        ("utf_16", b"{\x00"),
        ("nan", b'":NaN'),
        ("infinity", b'":Infinity'),
        ("big_integer", b'":' + b"9" * 5_000 + b","),
        ("lone_surrogate", rb'":"\ud800"'),
        ("nul", b'":"1\x00"'),
        ("two_documents", b"}{"),
        ("rows_null", b":null"),
        ("rows_text", b':"soon"'),
        ("rows_object", b":{}"),
        ("row_null", b":[null,1]"),
        ("code_text", b'"code":"'),
        ("code_null", b'"code":null'),
        ("code_wrong", b'"code":1'),
        ("asset_newline", rb'"A\nup 0"'),
        ("balance_number", b'":12345678901234567.25,'),
    ],
)
async def test_the_body_has_it_somewhere(
    simulator: Simulator, client: Client, account: Account, fault: str, expected: bytes
) -> None:
    assert expected in await body_with(fault, simulator, client, account)


@pytest.mark.parametrize(
    "fault",
    ["html", "latin_1", "utf_16", "nan", "infinity", "nul", "cut_json", "two_documents", "bomb"],
)
async def test_the_body_is_not_json(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    body = await body_with(fault, simulator, client, account)
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        msgspec.json.decode(body)


async def test_an_amount_is_there_twice(
    simulator: Simulator, client: Client, account: Account
) -> None:
    body = await body_with("key_twice", simulator, client, account)
    assert listed(account, body)[0][total(account)] == "1"
    assert body.count(b'"asset"') + 1 == body.count(f'"{total(account)}"'.encode())


async def test_data_are_there_twice(simulator: Simulator, client: Client, account: Account) -> None:
    body = await body_with("top_twice", simulator, client, account)
    assert body.count(b'"data":') == 2
    assert msgspec.json.decode(body)


async def test_the_answer_has_the_shape_of_the_other_exchange(
    simulator: Simulator, client: Client, account: Account
) -> None:
    body = await body_with("other_shape", simulator, client, account)
    assert (b'"msg"' in body) == (account.exchange == "btcturk")


# Status and headers


@pytest.mark.parametrize("fault", [name for name in FAULTS if name.startswith("http_")])
async def test_a_fault_named_after_a_status_has_it(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        head, _ = split(await client.raw(account))
    code = {"http_challenge": "403", "http_challenge_503": "503"}.get(fault, fault[5:8])
    assert head.startswith(f"HTTP/1.1 {code} ")
    assert "Date: " in head


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("http_429", "Retry-After: 55"),
        ("http_429_date", "Retry-After: Thu, 01 Jan 2026 12:01:00 GMT"),
        ("http_429_past", "Retry-After: Thu, 01 Jan 2026 11:00:00 GMT"),
        ("http_429_absurd", "Retry-After: 9999999999"),
        ("http_503_wait", "Retry-After: 120"),
        ("http_302", "Location: http://localhost:80/elsewhere"),
        ("http_challenge", "cf-mitigated: challenge"),
        ("set_cookie", "Set-Cookie: session=1"),
        ("date_garbage", "Date: yesterday"),
        ("content_type", "Content-Type: text/plain"),
    ],
)
async def test_a_header_says_so(
    simulator: Simulator, client: Client, account: Account, fault: str, expected: str
) -> None:
    with simulator.show(fault):
        head, _ = split(await client.raw(account))
    assert expected in head.split("\r\n")


@pytest.mark.parametrize(
    ("fault", "missing"), [("http_429_bare", "Retry-After"), ("date_missing", "Date")]
)
async def test_a_header_is_missing(
    simulator: Simulator, client: Client, account: Account, fault: str, missing: str
) -> None:
    with simulator.show(fault):
        assert f"{missing}:" not in split(await client.raw(account))[0]


async def test_the_401_of_btcturk_calls_itself_a_success(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    body = await body_with("http_401", simulator, client, btcturk)
    assert msgspec.json.decode(body)["success"] is True


@pytest.mark.parametrize("fault", ["http_401_empty", "http_204", "http_304"])
async def test_a_status_comes_without_a_body(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    assert await body_with(fault, simulator, client, account) == b""


@pytest.mark.parametrize("fault", [name for name in FAULTS if name.startswith("code_")])
async def test_a_code_comes_in_a_200(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    with simulator.show(fault):
        received = await client.raw(account)
    assert status(received) == 200
    assert "code" in msgspec.json.decode(split(received)[1])


async def test_a_refusal_repeats_the_secrets_that_were_sent(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    with simulator.show("echo"):
        response = await client.token(trubit)
    assert response.status_code == 400
    assert trubit.api_key in response.text
    assert response.request.url.params["signature"] in response.text


# Rows


@pytest.mark.parametrize(
    ("fault", "btcturk", "trubit"),
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
    simulator: Simulator,
    client: Client,
    account: Account,
    fault: str,
    btcturk: object,
    trubit: object,
) -> None:
    rows = await rows_with(fault, simulator, client, account)
    assert rows[0][total(account)] == (btcturk if account.exchange == "btcturk" else trubit)
    assert [row["asset"] for row in rows[1:]] == [
        row["asset"] for row in listed(account, (await client.balances(account)).content)[1:]
    ]


@pytest.mark.parametrize("fault", [name for name in FAULTS if name.startswith("balance_")])
async def test_an_unusual_balance_adds_up(
    simulator: Simulator, client: Client, account: Account, fault: str
) -> None:
    row = (await rows_with(fault, simulator, client, account))[0]
    assert row[total(account)] == row["free"]
    assert row["locked"] == "0"


async def test_every_amount_has_the_other_separator(
    simulator: Simulator, client: Client, account: Account
) -> None:
    own, other = (",", ".") if account.exchange == "btcturk" else (".", ",")
    rows = await rows_with("all_other_separator", simulator, client, account)
    totals = "".join(row[total(account)] for row in rows)
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
        ("gone", lambda rows: rows[0]["asset"] in {"BTC", "BRL"}),
        ("none", lambda rows: rows == []),
        ("all_zero", lambda rows: {row["free"] for row in rows} == {"0"}),
        ("many", lambda rows: len({row["asset"] for row in rows}) == 5000),
        ("asset_right_to_left", lambda rows: rows[-1]["asset"] == "\u202eCTB"),
        ("asset_long", lambda rows: len(rows[-1]["asset"]) == 10_000),
        ("no_extras", lambda rows: {len(row) for row in rows} == {4}),
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
    assert (row[total(account)], row["staked"]) == ("0x1F", "1.5")


async def test_rows_of_a_verbatim_answer_can_be_spoiled_too(
    simulator: Simulator, client: Client, btcturk: Account
) -> None:
    btcturk.verbatim = b'{"data":[{"asset":"BTC","balance":"1,5"}]}'
    (row,) = await rows_with("total_hex", simulator, client, btcturk)
    assert row == {"asset": "BTC", "balance": "0x1F"}


# Tokens


async def test_every_token_expires_in_the_middle(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    await client.balances(trubit)
    with simulator.show("token_expired", times=1):
        assert (await client.balances(trubit)).json()["code"] == -1002
    assert (await client.balances(trubit)).json()["code"] == -1002


@pytest.mark.parametrize(
    ("fault", "status_code"),
    [("token_refused", 401), ("token_limited", 429), ("token_unavailable", 503)],
)
async def test_no_token_is_given_while_balances_are(
    simulator: Simulator, client: Client, trubit: Account, fault: str, status_code: int
) -> None:
    await client.balances(trubit)
    with simulator.show(fault):
        assert (await client.token(trubit)).status_code == status_code
        assert (await client.balances(trubit)).json()["code"] == 200


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
    simulator: Simulator, client: Client, trubit: Account, fault: str, name: str, expected: str
) -> None:
    with simulator.show(fault):
        assert (await client.token(trubit)).json()["data"][name] == expected


def test_a_row_is_equal_to_itself_alone() -> None:
    assert Row({"asset": "BTC"}) != Row({"asset": "BTC"})
