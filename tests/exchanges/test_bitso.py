"""Bitso: the documented signature, and what its responses mean."""

import json

import pytest

from exporter.errors import BadResponseError, PollError
from exporter.exchanges.bitso import ERRORS, parse_balances, sign
from exporter.model import Amount, Balance
from tests.exchanges.contract import RECORDED


def body(*rows: dict[str, object], **changes: object) -> bytes:
    return json.dumps({"success": True, "payload": {"balances": rows}} | changes).encode()


def row(**changes: object) -> dict[str, object]:
    return {"currency": "btc", "total": "1.5", "locked": "0.5", "available": "1.0"} | changes


def refusal(code: object) -> bytes:
    return json.dumps({"success": False, "error": {"message": "canary", "code": code}}).encode()


@pytest.mark.parametrize(
    ("path", "signature"),
    [
        ("/api/v3/balance/", "7992e81759a49edfc87e47807faaa72542921d10c0d58eba72113c8c148c24c5"),
        ("/api/v3/balance", "254a61ee2fbfe3e75f752fdc0689acaf82c01dca881e151e17e6ac81f76005d2"),
    ],
)
def test_the_signature_covers_the_path_as_it_is_sent(path: str, signature: str):
    headers = sign("abcdefghij", "0123456789abcdef0123456789abcdef", 1735866257711, path)
    assert headers == {"Authorization": f"Bitso abcdefghij:1735866257711:{signature}"}


def test_the_documented_response_is_read_with_its_exact_digits():
    response = parse_balances((RECORDED / "bitso" / "documented.json").read_bytes())
    assert response.balances[0] == Balance(
        asset="MXN",
        total=Amount("300.00"),
        free=Amount("274.8766"),
        locked=Amount("25.1234"),
        locked_orders=Amount("25.1234"),
        pending_deposit=Amount("0.00000000"),
        pending_withdrawal=Amount("200.00000000"),
    )
    assert [balance.asset for balance in response.balances] == ["MXN", "BTC", "LTC"]


def test_pending_amounts_may_be_missing():
    [balance] = parse_balances(body(row(pending_deposit=None))).balances
    assert (balance.pending_deposit, balance.pending_withdrawal) == (None, None)


def test_two_codes_that_become_equal_are_one_asset_listed_twice():
    twice = parse_balances(body(row(), row(currency="BTC", total=Amount("2.0"))))
    assert (twice.balances, len(twice.rejected)) == ((), 2)
    alike = parse_balances(body(row(), row(currency="BTC")))
    assert [balance.asset for balance in alike.balances] == ["BTC"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0201", "authentication"),
        ("0215", "authentication"),
        ("0202", "permission"),
        ("0213", "permission"),
        ("0216", "permission"),
        ("0206", "clock_skew"),
        ("0207", "clock_skew"),
        (104, "clock_skew"),
        ("104", "clock_skew"),
        ("0301", "rejected"),
        ("canary", "rejected"),
        (None, "rejected"),
    ],
)
def test_an_error_is_believed_by_its_code(code: object, reason: str):
    with pytest.raises(PollError) as caught:
        parse_balances(refusal(code))
    assert caught.value.reason == reason
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "content", "reason"),
    [
        (401, refusal("0213"), "permission"),
        (400, refusal("0201"), "authentication"),
        (401, refusal(None), "authentication"),
        (429, refusal("0200"), "rate_limited"),
        (420, refusal("9999"), "rate_limited"),
        (422, refusal("9999"), "rejected"),
    ],
)
def test_what_the_body_of_a_4xx_says_outweighs_its_status(status: int, content: bytes, reason: str):
    error = ERRORS.read(status, content)
    assert error is not None
    assert error.reason == reason


@pytest.mark.parametrize(
    "content",
    [
        body(success=None),
        body(success="true"),
        body(payload=[]),
        body(payload={}),
        b'{"success":true}',
        (RECORDED / "binance" / "documented.json").read_bytes(),
    ],
)
def test_a_response_of_another_shape_is_a_bad_response(content: bytes):
    with pytest.raises(BadResponseError):
        parse_balances(content)
