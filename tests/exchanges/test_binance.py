"""Binance and Binance TR: the official signature, exact sums, and what their responses mean."""

import json

import pytest

from exporter.errors import BadResponseError, PollError
from exporter.exchanges.binance import (
    ERRORS,
    Parse,
    parse_balances,
    parse_balances_tr,
    pause_after,
    sign,
)
from exporter.model import Amount, Balance
from tests.exchanges.contract import RECORDED

PARSERS = [parse_balances, parse_balances_tr]


def document(parse: Parse, *rows: dict[str, object]) -> bytes:
    if parse is parse_balances:
        return json.dumps({"canTrade": True, "balances": rows}).encode()
    return json.dumps({"code": 0, "msg": "", "data": {"accountAssets": rows}}).encode()


def refusal(code: object) -> bytes:
    return json.dumps({"code": code, "msg": "canary"}).encode()


@pytest.mark.parametrize(
    ("secret", "query", "signature"),
    [
        (  # the documentation's own example
            "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
            (
                "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1"
                "&recvWindow=5000&timestamp=1499827319559"
            ),
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j",
            "omitZeroBalances=false&recvWindow=5000&timestamp=1735866257711",
            "0b2302191e41be60edfb7835eb80d3b7a8e63d0a640eab52610c9714a95b5e1f",
        ),
    ],
)
def test_the_official_signature_comes_out(secret: str, query: str, signature: str):
    assert sign(secret, query) == f"{query}&signature={signature}"


def test_the_documented_response_is_read_with_its_exact_digits():
    response = parse_balances((RECORDED / "binance" / "documented.json").read_bytes())
    assert response.balances == (
        Balance(
            "BTC", Amount("4723846.89208129"), Amount("4723846.89208129"), Amount("0.00000000")
        ),
        Balance(
            "LTC", Amount("4763378.80506011"), Amount("4763368.68006011"), Amount("10.12500000")
        ),
        Balance("币安人生", Amount("0.00000000"), Amount("0.00000000"), Amount("0.00000000")),
    )


def test_the_documented_response_of_binance_tr_is_read_with_its_exact_digits():
    response = parse_balances_tr((RECORDED / "binance_tr" / "documented.json").read_bytes())
    assert response.balances == (
        Balance("TRY", Amount("1.0"), Amount("1.0"), Amount("0")),
        Balance("USDT", Amount("1300.00000000"), Amount("1250.12345678"), Amount("49.87654322")),
    )


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("free", "locked", "total"),
    [
        ("0.1", "0.2", "0.3"),
        ("9007199254740993", "0.000000000000000001", "9007199254740993.000000000000000001"),
        ("-1.5", "1.5", "0.0"),
        ("-2", "0.5", "-1.5"),
        ("1e3", "1", "1001"),
        ("0", "0", "0"),
    ],
)
def test_the_total_is_the_exact_sum(parse: Parse, free: str, locked: str, total: str):
    [balance] = parse(document(parse, {"asset": "BTC", "free": free, "locked": locked})).balances
    assert balance.total == total


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("locked", [None, "", "1,2.3", "1.7e308"])
def test_a_row_without_a_sum_is_dropped(parse: Parse, locked: object):
    rows = [{"asset": "BTC", "free": "1.7e308", "locked": locked}]
    response = parse(document(parse, *rows))
    assert (response.balances, len(response.rejected)) == ((), 1)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (-1003, "rate_limited"),
        (-1021, "clock_skew"),
        ("-1021", "clock_skew"),
        (-1022, "authentication"),
        (-2014, "authentication"),
        (-2015, "authentication"),
        (-1100, "rejected"),
    ],
)
def test_an_error_is_believed_by_its_code(parse: Parse, code: object, reason: str):
    with pytest.raises(PollError) as caught:
        parse(refusal(code))
    assert caught.value.reason == reason
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, -1021, "clock_skew"),
        (400, -1022, "authentication"),
        (401, -2015, "authentication"),
        (403, -9, "permission"),
        (429, -1003, "rate_limited"),
        (418, -1003, "rate_limited"),
        (401, -1021, "clock_skew"),
    ],
)
def test_what_the_body_of_a_4xx_says_outweighs_its_status(status: int, code: int, reason: str):
    error = ERRORS.read(status, refusal(code))
    assert error is not None
    assert error.reason == reason


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("content", [b"{}", b'{"balances":{}}', b'{"code":0,"msg":""}', b"[]"])
def test_a_response_of_another_shape_is_a_bad_response(parse: Parse, content: bytes):
    with pytest.raises((BadResponseError, PollError)) as caught:
        parse(content)
    assert caught.value.reason in {"bad_response", "rejected"}


@pytest.mark.parametrize(
    ("used", "now", "pause"),
    [
        ("5400", 0.0, 0.0),
        ("5401", 0.0, 60.0),
        ("6001", 59.5, 0.5),
        ("6000", 1735866257.0, 43.0),
        ("", 0.0, 0.0),
        ("-1", 0.0, 0.0),
        ("many", 0.0, 0.0),
        ("9" * 50, 0.0, 0.0),
    ],
)
def test_a_nearly_used_weight_pauses_until_the_next_minute(used: str, now: float, pause: float):
    assert pause_after({"X-MBX-USED-WEIGHT-1M": used}, now) == pause
