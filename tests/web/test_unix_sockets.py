"""Unix sockets beside ports, and how a bound address reads."""

import os
import socket
from pathlib import Path

import pytest

from exporter.web.addresses import (
    Address,
    ListenError,
    bound,
    close,
    open_listeners,
    parse_address,
)


async def test_a_unix_socket_listens_until_it_is_closed(tmp_path: Path):
    path = tmp_path / "exporter.sock"
    [listener] = await open_listeners([Address(f"unix:{path}", 0)])
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert bound(listener) == Address(f"unix:{path}", 0)
    close(listener)
    assert not path.exists()


async def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path):
    path = tmp_path / "exporter.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    [listener] = await open_listeners([Address(f"unix:{path}", 0)])
    close(listener)


async def test_a_socket_in_use_is_not_taken_away(tmp_path: Path):
    path = tmp_path / "exporter.sock"
    [listener] = await open_listeners([Address(f"unix:{path}", 0)])
    with pytest.raises(ListenError, match="in use"):
        await open_listeners([Address(f"unix:{path}", 0)])
    close(listener)


async def test_a_file_that_is_not_a_socket_is_kept(tmp_path: Path):
    path = tmp_path / "balances"
    path.write_text("mine")
    with pytest.raises(ListenError, match="in use"):
        await open_listeners([Address(f"unix:{path}", 0)])
    assert path.read_text() == "mine"


@pytest.mark.parametrize("address", ["unix:", "unix:relative.sock", "nonsense"])
def test_what_is_not_an_address_is_rejected(address: str):
    with pytest.raises(ValueError, match="is not a"):
        parse_address(address)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 10517), "http://127.0.0.1:10517/"),
        (Address("::1", 10517), "http://[::1]:10517/"),
        (Address("192.0.2.1", 10517), "http://192.0.2.1:10517/"),
        (Address("unix:/run/exporter.sock", 0), "unix:/run/exporter.sock"),
    ],
)
def test_an_address_reads_as_people_write_it(address: Address, url: str):
    assert address.url("http") == url
    assert address.is_private is (address.host != "192.0.2.1")


async def test_a_socket_of_systemd_has_a_name_too():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0exporter-{os.getpid()}")
        assert bound(listener).host == f"unix:@exporter-{os.getpid()}"
