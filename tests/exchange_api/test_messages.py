"""Requests and responses: what their `repr` shows when it ends up in a log or a traceback."""

from exporter.exchange_api.messages import ApiRequest, ApiResponse


def test_no_repr_shows_a_signature_a_key_or_a_token():
    request = ApiRequest("/a?signature=SECRET", {"X-KEY": "SECRET"}, body=b"SECRET")
    response = ApiResponse(200, b'{"token":"SECRET"}', headers={"Set-Cookie": "SECRET"})
    assert "SECRET" not in repr(request) + repr(response)
    assert "balances" in repr(request)
