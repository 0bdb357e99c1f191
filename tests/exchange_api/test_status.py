"""Statuses: who responded, and what it means for an account."""

import pytest

from exporter.errors import PollError, RateLimitedError
from exporter.exchange_api.messages import ApiResponse
from exporter.exchange_api.status import check_status, read_response
from exporter.polling.rate_limit import rate_limit_pause

CLOUDFLARE = {"server": "cloudflare", "cf-ray": "8f1a2b3c4d5e6f70-IST"}


def error_of(status: int, body: bytes, headers: dict[str, str] | None = None) -> PollError:
    with pytest.raises(PollError) as caught:
        check_status(ApiResponse(status, body, headers=headers or {}))
    return caught.value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"error code: 1020", "error 1020"),
        (b"error code: 1010", "error 1010"),
        (b"<html><title>Access denied</title><h1>Error code 1020</h1></html>", "error 1020"),
        (b"<html><title>Attention Required! | Cloudflare</title></html>", "Cloudflare"),
        (b"", "Cloudflare"),
    ],
)
def test_a_403_of_cloudflare_says_nothing_of_the_key(body: bytes, said: str):
    error = error_of(403, body, CLOUDFLARE)
    assert error.reason == "unavailable"
    assert said in str(error)
    assert "key" in error.advice


@pytest.mark.parametrize("body", [b"Forbidden", b"<html>403</html>", b"", b"[]", b'{"a":1}'])
def test_a_403_without_the_exchanges_json_is_a_block_on_the_way(body: bytes):
    assert error_of(403, body).reason == "unavailable"


@pytest.mark.parametrize(
    "body", [b'{"success":false,"code":1041}', b'\xef\xbb\xbf{"code":-2015}', b'{"error":{}}']
)
def test_a_403_with_the_exchanges_json_is_about_permissions_even_through_cloudflare(body: bytes):
    assert error_of(403, body, CLOUDFLARE).reason == "permission"


def test_cloudflares_own_limit_costs_no_pause_unless_it_asks_for_one():
    error = error_of(429, b"error code: 1015", CLOUDFLARE)
    assert isinstance(error, RateLimitedError)
    assert rate_limit_pause(error, 5, 1.0) == 0.0
    with pytest.raises(RateLimitedError) as caught:
        check_status(ApiResponse(429, b"error code: 1015", 30.0, CLOUDFLARE))
    assert rate_limit_pause(caught.value, 5, 1.0) == 30.0


@pytest.mark.parametrize("status", [520, 521, 522, 523, 524, 525, 526, 530])
def test_a_status_of_cloudflares_own_says_that_it_did_not_reach_the_exchange(status: int):
    error = error_of(status, b"")
    assert error.reason == "unavailable"
    assert str(error) == f"Cloudflare could not reach the exchange (HTTP {status})"


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (401, b'{"success":true,"message":"Unauthorized","code":1037}', "HTTP 401, code 1037"),
        (403, b'{"error":{"code":"0213","message":"x"}}', "HTTP 403, code 0213"),
        (400, b'{"code":-1102}', "HTTP 400, code -1102"),
        (401, b"", "HTTP 401"),
        (401, b'{"code":"a-long-text-that-could-be-a-secret"}', "HTTP 401"),
        (401, b'{"code":true}', "HTTP 401"),
        (401, b'{"code":12345678901}', "HTTP 401"),
    ],
)
def test_the_exchanges_own_code_is_always_shown(status: int, body: bytes, shown: str):
    assert f"({shown})" in str(error_of(status, body))


def test_an_error_carries_status_code_and_retry_after():
    with pytest.raises(PollError) as caught:
        read_response(ApiResponse(503, b"", 7.0), lambda body: body)
    assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, None, 7.0)
