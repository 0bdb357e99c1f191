"""TruBit: the documented signature, and what its responses mean."""

import json
from pathlib import Path

import pytest

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    ClockSkewError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RejectedError,
)
from exporter.exchanges.trubit import parse_balances, parse_token, sign
from exporter.model import Amount, Balance

RECORDED = Path(__file__).parent.parent / "data" / "responses"


def document(data: object = None, code: object = 200, msg: object = "SUCCESS") -> bytes:
    return json.dumps({"code": code, "msg": msg, "data": data}).encode()


def test_the_documented_signature_comes_out():
    assert sign("xxxx", 1740568725231) == (
        "timestamp=1740568725231"
        "&signature=7fdd71b6dfed9a746d2698e980a2cb5dc15ca9fab9e4339676dea3c282a862c6"
    )


def test_the_documented_response_is_read_with_its_exact_digits():
    response = parse_balances((RECORDED / "trubit" / "documented.json").read_bytes())
    assert response.balances == (
        Balance(
            "BTC", Amount("1.5"), Amount("1.0"), Amount("0.5"), asset_name="Bitcoin", asset_id="1"
        ),
        Balance(
            "ETH", Amount("10.0"), Amount("5.0"), Amount("5.0"), asset_name="Ethereum", asset_id="2"
        ),
    )
    assert response.can_deposit is True


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (-1002, AuthenticationError),
        (-1003, RateLimitedError),
        (-1021, ClockSkewError),
        (-1022, AuthenticationError),
        (-9999, RejectedError),
    ],
)
def test_an_error_inside_a_200_is_believed_by_its_code(code: int, error: type[PollError]):
    with pytest.raises(error):
        parse_balances(document(code=code, msg="canary"))


def test_the_exchanges_words_are_never_repeated():
    with pytest.raises(RejectedError) as caught:
        parse_balances(document(code=-5, msg="canary"))
    assert str(caught.value) == "the exchange rejected the request (code -5)"


@pytest.mark.parametrize(
    "body",
    [
        document(data=None),
        document(data=[]),
        document(data={}),
        document(data={"balances": None}),
        document(data={"balances": []}, code=None),
        document(code=0, msg=None),
    ],
)
def test_a_response_of_another_shape_is_a_bad_response(body: bytes):
    with pytest.raises(BadResponseError):
        parse_balances(body)


def test_a_code_can_be_a_text():
    assert parse_balances(document(data={"balances": []}, code="200")).balances == ()


def test_the_other_exchanges_response_is_a_bad_response():
    with pytest.raises(BadResponseError):
        parse_balances((RECORDED / "btcturk" / "documented.json").read_bytes())


def test_whether_deposits_are_allowed_is_unknown_unless_said():
    assert parse_balances(document(data={"balances": [], "canDeposit": "yes"})).can_deposit is None


def test_a_token_comes_with_its_end():
    body = document(data={"token": "7c1d", "expireTime": "1740568725231"})
    assert parse_token(body) == ("7c1d", 1740568725.231)


@pytest.mark.parametrize(
    "data",
    [
        {"expireTime": "1740568725231"},
        {"token": "", "expireTime": "1740568725231"},
        {"token": 1.5, "expireTime": "1740568725231"},
        {"token": "a\r\nX-Evil: 1", "expireTime": "1740568725231"},
        {"token": "7c1d"},
        {"token": "7c1d", "expireTime": "soon"},
        {"token": "7c1d", "expireTime": "9" * 40},
        {"token": "7c1d", "expireTime": True},
    ],
)
def test_a_token_that_is_none_is_a_bad_response(data: object):
    with pytest.raises(BadResponseError):
        parse_token(document(data=data))
