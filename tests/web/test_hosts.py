"""A name rebound to our address reads nothing, and changes nothing."""

import asyncio

import pytest

from exporter.web.addresses import Address
from exporter.web.hosts import Hosts, host_name
from exporter.web.messages import Response
from exporter.web.server import Server

PAGES = {
    "/": {"GET": lambda request: Response.text(200, f"{request.host} {request.path}")},
    "/-/reload": {"POST": lambda _: Response.text(200, "reloaded")},
}


def request(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", *headers, "", ""]).encode()


async def fetch(connect, address, *args: str, **kwargs: str) -> tuple[int, bytes]:
    client = await connect(address)
    await client.send(request(*args, **kwargs))
    status, _, body = await client.response()
    return status, body


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:10517",
        "localhost.",
        "127.0.0.1:1",
        "10.1.2.3",
        "[::1]:9",
        "[fe80::1%eth0]",
        "::1",
        "",
    ],
)
async def test_a_loopback_address_serves_localhost_and_addresses(serve, connect, host):
    status, _ = await fetch(connect, await serve(PAGES), "/", f"Host: {host}")
    assert status == (400 if host == "::1" else 200)


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "foo.localhost", "127.0.0.1.nip.io", "127.1", "1"],
)
async def test_a_loopback_address_serves_no_other_name(serve, connect, host):
    status, body = await fetch(connect, await serve(PAGES), "/", f"Host: {host}:10517")
    assert (status, body) == (421, b"this host name is not served; see --web.allowed-host\n")


async def test_an_allowed_name_is_served_in_any_case(serve, connect):
    address = await serve(PAGES, allowed_hosts=["exporter.example.com"])
    assert (await fetch(connect, address, "/", "Host: Exporter.Example.com:80"))[0] == 200
    assert (await fetch(connect, address, "/", "Host: localhost"))[0] == 200
    assert (await fetch(connect, address, "/", "Host: other.example.com"))[0] == 421


@pytest.mark.parametrize(("allowed", "status"), [([], 200), (["a.example"], 421)])
async def test_another_address_serves_any_name_unless_some_are_allowed(connect, allowed, status):
    server = Server(PAGES, allowed_hosts=allowed)
    [address] = await server.start([Address("0.0.0.0", 0)])  # noqa: S104
    loopback = ("127.0.0.1", address.port)
    assert (await fetch(connect, loopback, "/", "Host: b.example"))[0] == status
    await server.stop()


async def test_a_unix_socket_serves_any_name(tmp_path):
    server = Server(PAGES)
    await server.start([Address(f"unix:{tmp_path}/s", 0)])
    reader, writer = await asyncio.open_unix_connection(f"{tmp_path}/s")
    writer.write(request("/", "Host: proxy.example", "Connection: close"))
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    await server.stop()


async def test_a_page_of_a_rebound_name_changes_nothing_on_any_address(connect):
    server = Server(PAGES)
    [address] = await server.start([Address("0.0.0.0", 0)])  # noqa: S104
    loopback = ("127.0.0.1", address.port)
    rebound = ("Host: evil.example", "Origin: http://evil.example")
    assert (await fetch(connect, loopback, "/-/reload", *rebound, method="POST"))[0] == 421
    assert (await fetch(connect, loopback, "/-/reload", rebound[0], method="POST"))[0] == 200
    await server.stop()


async def test_a_request_without_a_host_is_served_as_http_1_0_allows(serve, connect):
    assert (await fetch(connect, await serve(PAGES), "/", version="1.0"))[0] == 200


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://localhost", b"localhost /"),
        ("http://localhost/", b"localhost /"),
        ("HTTP://127.0.0.1:10517/?x=1", b"127.0.0.1 /"),
        ("https://[::1]/", b"[::1] /"),
    ],
)
async def test_an_absolute_target_is_read_and_outweighs_the_host(serve, connect, target, said):
    address = await serve(PAGES)
    assert await fetch(connect, address, target, "Host: evil.example") == (200, said + b"\n")


async def test_the_host_of_an_absolute_target_is_checked(serve, connect):
    address = await serve(PAGES)
    assert (await fetch(connect, address, "http://evil.example/", "Host: localhost"))[0] == 421


@pytest.mark.parametrize("authority", ["a b", "a/b", "a@b", "[::1", "a:b", "::1", "a:1:2"])
def test_what_is_not_a_host_has_no_name(authority):
    assert host_name(authority) is None


def test_without_restrictions_any_name_is_served():
    assert Hosts().serves("anything", is_restricted=False)
