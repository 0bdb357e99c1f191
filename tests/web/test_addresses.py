"""Listen addresses are written as Prometheus writes them, and Unix sockets beside them."""

import socket

import pytest

from exporter.web.addresses import (
    Address,
    ListenError,
    open_listeners,
    parse_address,
)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("127.0.0.1:10517", ("127.0.0.1", 10517)),
        ("localhost:0", ("localhost", 0)),
        (":10517", ("", 10517)),
        ("[::1]:10517", ("::1", 10517)),
        ("[::]:65535", ("::", 65535)),
        ("unix:/run/exporter.sock", ("unix:/run/exporter.sock", 0)),
    ],
)
def test_an_address_has_a_host_and_a_port_and_is_written_back_alike(text: str, parsed: object):
    address = parse_address(text)
    assert address == parsed
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "10517", "localhost", "localhost:", "::1:10517"),
        *("a:b", "a:-1", "a:65536", "a:\uff11", "[::1]"),
    ],
)
def test_anything_else_is_rejected_with_an_example(text: str):
    with pytest.raises(ValueError, match=r"is not a listen address such as 127\.0\.0\.1:10517"):
        parse_address(text)


async def test_a_port_in_use_is_named_with_advice():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(ListenError, match=rf"^{address}: Address already in use \(.*`ss "):
            await open_listeners([Address("127.0.0.1", 0), address])


async def test_an_address_of_another_machine_is_named_with_advice():
    with pytest.raises(ListenError, match=r"^192\.0\.2\.1:0: .* \(no interface of this machine"):
        await open_listeners([Address("192.0.2.1", 0)])
