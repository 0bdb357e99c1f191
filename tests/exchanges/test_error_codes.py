"""A code means the same with and without a text beside it, in a 200 and in a 400."""

import json
from typing import Any

import pytest

from exporter.errors import PollError
from exporter.exchanges import EXCHANGES, binance, bitso, btcturk, trubit

ERRORS = {
    "btcturk": btcturk.ERRORS,
    "trubit": trubit.ERRORS,
    "bitso": bitso.ERRORS,
    "binance": binance.ERRORS,
    "binance_tr": binance.ERRORS,
}

BARE = [
    ("btcturk", {"code": 1037, "message": "canary"}, "authentication"),
    ("btcturk", {"success": False, "code": 1037}, "authentication"),
    ("btcturk", {"success": None, "code": "1037"}, "authentication"),
    ("trubit", {"code": -1022}, "authentication"),
    ("trubit", {"code": -1022, "msg": None}, "authentication"),
    ("trubit", {"code": "-1003", "message": "canary"}, "rate_limited"),
    ("bitso", {"error": {"code": "0202", "message": "canary"}}, "permission"),
    ("bitso", {"success": False, "error": {"code": "0206"}}, "clock_skew"),
    ("binance", {"code": -1003}, "rate_limited"),
    ("binance", {"code": -1021, "msg": None}, "clock_skew"),
    ("binance_tr", {"code": -1021}, "clock_skew"),
    ("binance_tr", {"code": -2015, "data": None}, "authentication"),
]


@pytest.mark.parametrize(("exchange", "document", "reason"), BARE)
def test_a_known_code_needs_no_text(exchange: str, document: dict[str, Any], reason: str):
    body = json.dumps(document).encode()
    with pytest.raises(PollError) as caught:
        EXCHANGES[exchange].parse_balances(body)
    assert caught.value.reason == reason
    of_400 = ERRORS[exchange].read(400, body)
    assert of_400 is not None
    assert of_400.reason == reason
    assert "canary" not in f"{caught.value}{of_400}"


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("document", [{}, {"code": 0}, {"code": 200}, {"code": None}, {"error": 5}])
def test_a_document_that_says_neither_is_a_bad_response(exchange: str, document: dict[str, Any]):
    with pytest.raises(PollError) as caught:
        EXCHANGES[exchange].parse_balances(json.dumps(document).encode())
    assert caught.value.reason == "bad_response"
