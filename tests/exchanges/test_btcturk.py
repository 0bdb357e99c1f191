"""BtcTurk: the documented signature, and what its responses mean."""

import json
from pathlib import Path

import pytest

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    CredentialsError,
    PollError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from exporter.exchanges.btcturk import parse_balances, sign
from exporter.model import Amount, Balance

RECORDED = Path(__file__).parent.parent / "data" / "responses"


def document(**changes: object) -> bytes:
    return json.dumps({"data": [], "success": True, "message": None, "code": 0} | changes).encode()


def test_the_documented_signature_comes_out():
    headers = sign(
        "b8c1b9f4-0000-4000-8000-000000000001", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", 1735866257711
    )
    assert headers["X-PCK"] == "b8c1b9f4-0000-4000-8000-000000000001"
    assert headers["X-Stamp"] == "1735866257711"
    assert headers["X-Signature"] == "db3kfpsEOjtcJgDoaRgvgpBtIdEQoyE/zghAkRsyxmI="


def test_a_secret_that_is_not_base64_is_refused_without_repeating_it():
    with pytest.raises(CredentialsError) as caught:
        sign("key", "not base64!", 1)
    assert "not base64!" not in str(caught.value)


def test_the_documented_response_is_read_with_its_exact_digits():
    response = parse_balances((RECORDED / "btcturk" / "documented.json").read_bytes())
    assert response.balances == (
        Balance(
            asset="TRY",
            total=Amount("27223.7283250757643288"),
            free=Amount("22349.3654565035348765"),
            locked=Amount("4874.3628685722294523"),
            locked_orders=Amount("4874.3628685722294523"),
            locked_withdrawals=Amount("0"),
            updated="1735866257.711",
            asset_name="Türk Lirası",
        ),
        Balance(
            asset="BTC",
            total=Amount("9.7502186644553258"),
            free=Amount("6.439241464455326"),
            locked=Amount("3.3109771999999998"),
            locked_orders=Amount("3.3109771999999998"),
            locked_withdrawals=Amount("0"),
            updated="1735866257.711",
            asset_name="Bitcoin",
        ),
    )
    assert response.rejected == ()


@pytest.mark.parametrize("code", [0, "0", "SUCCESS"])
def test_every_known_code_of_success_is_one(code: object):
    assert parse_balances(document(code=code)).balances == ()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1037, AuthenticationError),
        (429, RateLimitedError),
        (500, UnavailableError),
        (4711, RejectedError),
        ("canary", RejectedError),
        (None, RejectedError),
    ],
)
def test_an_error_code_in_a_200_is_believed_by_its_meaning(code: object, error: type[PollError]):
    with pytest.raises(error) as caught:
        parse_balances(document(success=False, code=code, data=None))
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("code", [None, False, True, [0], {}, 0.0, "", "00"])
def test_a_success_without_its_code_is_none(code: object):
    with pytest.raises(RejectedError):
        parse_balances(document(code=code))


@pytest.mark.parametrize("changes", [{"success": None}, {"success": "true"}, {"data": None}])
def test_a_response_of_another_shape_is_a_bad_response(changes: dict[str, object]):
    with pytest.raises(BadResponseError):
        parse_balances(document(**changes))


def test_the_other_exchanges_response_is_a_bad_response():
    with pytest.raises(BadResponseError):
        parse_balances((RECORDED / "trubit" / "documented.json").read_bytes())


def test_what_an_old_response_lacks_is_left_open():
    row = {"asset": "BTC", "balance": "1", "free": "1", "locked": "0", "new_field": [1]}
    [balance] = parse_balances(document(data=[row])).balances
    assert balance == Balance("BTC", Amount("1"), Amount("1"), Amount("0"))


@pytest.mark.parametrize("timestamp", ["soon", -1, 1.5, 10**15, True, None])
def test_a_timestamp_without_meaning_is_left_out_and_its_row_is_served(timestamp: object):
    row = {"asset": "BTC", "balance": "1", "free": "1", "locked": "0", "timestamp": timestamp}
    [balance] = parse_balances(document(data=[row])).balances
    assert balance.updated is None
