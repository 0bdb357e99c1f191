"""Faults of bodies, statuses, codes and headers look as their names say."""

import msgspec
import pytest

from exporter.simulator import FAULTS, Account, Simulator
from tests.simulator.simulated_client import Client, body_with, listed, split, status, style


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
    main, code = (style(account).fields[name].encode() for name in (style(account).main, "asset"))
    assert listed(account, body)[0][style(account).main] == "1"
    assert body.count(b'"%s"' % code) + 1 == body.count(b'"%s"' % main)


async def test_data_are_there_twice(simulator: Simulator, client: Client, account: Account) -> None:
    honest = (await client.balances(account)).content
    body = await body_with("top_twice", simulator, client, account)
    for key in msgspec.json.decode(honest):
        assert body.count(f'"{key}":'.encode()) >= 2


async def test_the_response_has_the_shape_of_the_other_exchange(
    simulator: Simulator, client: Client, account: Account
) -> None:
    honest = (await client.balances(account)).content
    body = await body_with("other_shape", simulator, client, account)
    assert set(msgspec.json.decode(body)) != set(msgspec.json.decode(honest))


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
        assert status(await client.raw(account)) == 200


@pytest.mark.parametrize(
    ("fault", "written"),
    [("code_text", '"'), ("code_null", "null"), ("code_false", "false"), ("code_wrong", "1")],
)
async def test_the_code_of_a_good_response_is_written_otherwise(
    *, simulator: Simulator, client: Client, account: Account, fault: str, written: str
) -> None:
    key = simulator.exchanges[account.exchange].code_key
    body = await body_with(fault, simulator, client, account)
    assert key is None or f'"{key}":{written}'.encode() in body


async def test_a_refusal_repeats_the_secrets_that_were_sent(
    simulator: Simulator, client: Client, trubit: Account
) -> None:
    with simulator.show("echo"):
        response = await client.token(trubit)
    assert response.status_code == 400
    assert trubit.api_key in response.text
    assert response.request.url.params["signature"] in response.text
