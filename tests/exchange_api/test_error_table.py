"""Errors: an exchange's own code outweighs the status of HTTP, and its words are never repeated."""

import json

import pytest

from exporter.errors import PermissionDeniedError, PollError, RateLimitedError
from exporter.exchange_api.error_table import ErrorTable, code_in

MEANINGS = {"-7": PermissionDeniedError}
ERRORS = ErrorTable(code_in("code", "msg", alone=MEANINGS), MEANINGS, {409: RateLimitedError})


def document(code: object) -> bytes:
    return json.dumps({"code": code, "msg": "canary"}).encode()


def read(status: int, body: bytes) -> PollError:
    error = ERRORS.read(status, body)
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "authentication"),
        (403, "permission"),
        (418, "rate_limited"),
        (429, "rate_limited"),
        (503, "unavailable"),
        (-7, "permission"),
        ("-7", "permission"),
        ("429", "rate_limited"),
        (0, "rejected"),
        (True, "rejected"),
        (None, "rejected"),
        (10**9, "rejected"),
    ],
)
def test_a_code_is_the_exchanges_own_or_read_like_a_status_of_http(code: object, reason: str):
    assert ERRORS.error(code).reason == reason


@pytest.mark.parametrize(("code", "shown"), [(-7, "code -7"), ("0201", "code 0201")])
def test_a_code_that_is_a_number_is_shown(code: object, shown: str):
    assert shown in str(ERRORS.error(code))


@pytest.mark.parametrize("code", ["canary", "1" * 50, "\uff11", ["canary"], {"canary": 1}, 1.5])
def test_any_other_code_is_not_repeated(code: object):
    assert str(ERRORS.error(code)) == "the exchange rejected the request without a code"


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (400, -7, "permission"),
        (401, -7, "permission"),
        (401, -9, "authentication"),
        (403, -9, "permission"),
        (429, -9, "rate_limited"),
        (409, -9, "rate_limited"),
        (400, -9, "rejected"),
        (400, 401, "authentication"),
    ],
)
def test_what_the_body_of_a_4xx_says_outweighs_its_status(status: int, code: int, reason: str):
    error = read(status, document(code))
    assert error.reason == reason
    assert "canary" not in str(error)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code": -9}', b'{"msg": ""}', b"{"])
def test_what_is_not_the_exchanges_own_error_means_nothing(body: bytes):
    assert ERRORS.read(403, body) is None


@pytest.mark.parametrize("body", [b'{"code": -7}', b'{"code": -7, "msg": null}', b'{"code": "-7"}'])
def test_a_code_with_a_meaning_needs_no_text_beside_it(body: bytes):
    error = ERRORS.read(400, body)
    assert error is not None
    assert error.reason == "permission"
