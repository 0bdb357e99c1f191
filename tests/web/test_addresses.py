"""Listen addresses are written as Prometheus writes them."""

import pytest

from exporter.web.addresses import parse_address


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:10517", ("127.0.0.1", 10517)),
        ("localhost:0", ("localhost", 0)),
        (":10517", ("", 10517)),
        ("[::1]:10517", ("::1", 10517)),
        ("[::]:65535", ("::", 65535)),
    ],
)
def test_an_address_has_a_host_and_a_port(text, parsed):
    assert parse_address(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10517",
        "localhost",
        "localhost:",
        "::1:10517",
        "a:b",
        "a:-1",
        "a:65536",
        "a:\uff11",
        "[::1]",
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"is not a listen address such as 127\.0\.0\.1:10517"):
        parse_address(text)
