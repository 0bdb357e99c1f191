"""Ways to an exchange: proxies, private authorities, source addresses, address families."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from exporter.credentials import Secret, SecretFile
from exporter.errors import PollError
from exporter.exchange_api.network import api_host, api_url, make_route, normalise_base_url
from exporter.exchanges import EXCHANGES
from exporter.model import BalancesResponse, Network
from exporter.polling.endpoint import Endpoint
from exporter.polling.snapshots import PollResult
from exporter.runtime.clock import Clock
from exporter.runtime.threads import EventLoop
from exporter.simulator import Simulator, no_limits
from tests.accounts import make_account, simulated
from tests.exchange_api.proxies import connect_proxy
from tests.faults.relay import relay_to, server_context

NAMES = ("api.exchange.test", "api.exchange.test.")
PASSWORD = "p@ss:word"  # percent-encoded in a URL
EXCHANGE = next(iter(EXCHANGES))


async def poll(simulator: Simulator, base_url: str, network: Network) -> PollResult:
    made = simulator.add_account(exchange=EXCHANGE, name=f"a{len(simulator.accounts)}")
    account = simulated(simulator, made, base_url=base_url, network=network, timeout=5.0)
    endpoint = Endpoint(EXCHANGES[EXCHANGE], 60_000, Clock())
    client = endpoint.connect(account)
    try:
        return await endpoint.poll(account, client)
    finally:
        await client.aclose()


def worked(result: PollResult) -> bool:
    return isinstance(result.outcome, BalancesResponse)


def error(result: PollResult) -> PollError:
    assert isinstance(result.outcome, PollError)
    return result.outcome


def proxy_url(port: int, password: str = "p%40ss%3Aword") -> Secret:  # noqa: S107
    return Secret(f"http://exporter:{password}@127.0.0.1:{port}")


async def test_an_exchange_with_a_private_authority_is_reached_through_a_proxy_with_a_password(
    simulator: Simulator, authority: trustme.CA, ca_file: Path
):
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with (
        relay_to(simulator.url, tls=tls) as relay,
        connect_proxy("exporter", PASSWORD) as proxy,
    ):
        network = Network(
            proxy_url=proxy_url(proxy.port), ca_file=ca_file, source_address="127.0.0.3"
        )
        result = await poll(simulator, f"https://127.0.0.1:{relay.port}", network)
        assert worked(result), result.outcome
        assert set(proxy.seen) == {f"CONNECT 127.0.0.1:{relay.port}"}
        assert set(proxy.peers) == {"127.0.0.3"}
        assert result.requests[-1].address == f"127.0.0.1:{proxy.port}"
        phases = {phase for request in result.requests for phase in request.phases}
        assert phases == {"connect", "tls", "wait", "read"}


async def test_a_proxy_that_wants_another_password_is_named_without_it(
    simulator: Simulator, authority: trustme.CA, ca_file: Path
):
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with (
        relay_to(simulator.url, tls=tls) as relay,
        connect_proxy("exporter", PASSWORD) as proxy,
    ):
        network = Network(proxy_url=proxy_url(proxy.port, "wr0ng-one"), ca_file=ca_file)
        result = await poll(simulator, f"https://127.0.0.1:{relay.port}", network)
        assert error(result).reason == "connection"
        assert f"127.0.0.1:{proxy.port}" in str(error(result))
        assert "407" in str(error(result))
        assert "wr0ng" not in f"{error(result)!r} {error(result).advice}"
        assert not relay.heard


async def test_a_proxy_url_from_a_file_is_read_at_every_poll(
    simulator: Simulator, authority: trustme.CA, ca_file: Path, tmp_path: Path
):
    tls = server_context(authority.issue_cert("127.0.0.1"))
    file = tmp_path / "proxy"
    file.write_text("http://127.0.0.1:1\n")
    network = Network(proxy_url=SecretFile(file), ca_file=ca_file)
    async with (
        relay_to(simulator.url, tls=tls) as relay,
        connect_proxy("exporter", PASSWORD) as proxy,
    ):
        base_url = f"https://127.0.0.1:{relay.port}"
        assert error(await poll(simulator, base_url, network)).reason == "connection"
        file.write_text(proxy_url(proxy.port).reveal())
        assert worked(await poll(simulator, base_url, network))


async def test_a_ca_file_that_is_renewed_is_read_again(simulator: Simulator, ca_file: Path):
    renewed = trustme.CA()
    tls = server_context(renewed.issue_cert("127.0.0.1"))
    async with relay_to(simulator.url, tls=tls) as relay:
        base_url, network = f"https://127.0.0.1:{relay.port}", Network(ca_file=ca_file)
        first = error(await poll(simulator, base_url, network))
        assert first.reason == "tls"
        assert "certificate can't be trusted" in str(first)
        assert "ca_file" in first.advice
        renewed.cert_pem.write_to_path(ca_file)
        assert worked(await poll(simulator, base_url, network))


async def test_a_ca_file_that_is_missing_or_no_pem_is_a_fault_of_the_configuration(
    simulator: Simulator, ca_file: Path, tmp_path: Path
):
    network = Network(ca_file=tmp_path / "none.pem")
    assert error(await poll(simulator, simulator.url, network)).reason == "config"
    ca_file.write_text("not a certificate")  # noqa: ASYNC240
    result = await poll(simulator, simulator.url, Network(ca_file=ca_file))
    assert error(result).reason == "config"
    assert "ca_file" in str(error(result))


async def test_requests_leave_from_the_source_address(simulator: Simulator):
    peers = []

    async def attend(_: object, __: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])

    async with relay_to(simulator.url) as relay:
        await relay.close()
        await relay.open(attend)
        network = Network(source_address="127.0.0.7")
        await poll(simulator, f"http://127.0.0.1:{relay.port}", network)
    assert set(peers) == {"127.0.0.7"}


async def test_a_source_address_of_another_machine_is_explained(simulator: Simulator):
    result = await poll(simulator, simulator.url, Network(source_address="192.0.2.1"))
    assert error(result).reason == "connection"
    assert "source_address" in error(result).advice


@asynccontextmanager
async def on_both_families(simulator: Simulator) -> AsyncIterator[int]:
    """Serve the exchange at 127.0.0.1, and refuse every key at ::1 of the same port."""
    async with relay_to(simulator.url) as relay:

        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(refuse, "::1", relay.port)
        async with server:
            yield relay.port


def resolve(host: Any, port: Any, family: int = 0, *_: Any) -> list[Any]:
    """Stand for a resolver that knows one name, by both families."""
    if host not in {b"api.exchange.test", b"api.exchange.test.", *NAMES}:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    found = [(socket.AF_INET6, ("::1", port, 0, 0)), (socket.AF_INET, ("127.0.0.1", port))]
    return [(kind, socket.SOCK_STREAM, 6, "", at) for kind, at in found if family in {0, kind}]


def run(main: Callable[[Simulator], Awaitable[None]]) -> None:
    """Run a story on a machine with that resolver."""

    async def with_simulator() -> None:
        async with Simulator(limits=no_limits()) as simulator:
            await main(simulator)

    with asyncio.Runner(loop_factory=lambda: EventLoop(resolve=resolve)) as runner:
        runner.run(with_simulator())


def test_an_ip_family_is_used_alone():
    async def main(simulator: Simulator) -> None:
        async with on_both_families(simulator) as port:
            url = f"http://api.exchange.test:{port}"
            good = await poll(simulator, url, Network(ip_family="ipv4"))
            assert worked(good)
            assert good.requests[-1].address == f"127.0.0.1:{port}"
            bad = await poll(simulator, url, Network(ip_family="ipv6"))
            assert error(bad).reason == "authentication"
            assert bad.requests[-1].address == f"[::1]:{port}"

    run(main)


def test_a_host_with_a_dot_at_its_end_has_the_certificate_of_the_one_without(
    authority: trustme.CA, ca_file: Path
):
    async def main(simulator: Simulator) -> None:
        tls = server_context(authority.issue_cert("api.exchange.test"))
        async with relay_to(simulator.url, tls=tls) as relay:
            url = f"https://api.exchange.test.:{relay.port}"
            result = await poll(simulator, url, Network(ca_file=ca_file, ip_family="ipv4"))
            assert worked(result), result.outcome
            assert b"Host: api.exchange.test:" in relay.heard

    run(main)


async def test_causes_are_told_apart(simulator: Simulator, authority: trustme.CA, ca_file: Path):
    refused = error(await poll(simulator, "http://127.0.0.1:1", Network()))
    assert "Connection refused" in str(refused)
    unknown = error(await poll(simulator, "https://no-such-host.invalid", Network()))
    assert "look up no-such-host.invalid" in str(unknown)
    assert "DNS" in unknown.advice
    tls = server_context(authority.issue_cert("example.org"))
    async with relay_to(simulator.url, tls=tls) as relay:
        network = Network(ca_file=ca_file)
        mismatch = error(await poll(simulator, f"https://127.0.0.1:{relay.port}", network))
        assert "mismatch" in str(mismatch)
    assert len({refused.advice, unknown.advice, mismatch.advice}) == 3


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("https://Host.example.com", "host.example.com"),
        ("https://host.example.com/", "host.example.com"),
        ("https://host.example.com:443", "host.example.com"),
        ("https://host.example.com./", "host.example.com"),
        ("https://host.example.com/.", "host.example.com"),
        ("https://host.example.com/x/..", "host.example.com"),
        ("https://host.example.com/x/%2E%2e/", "host.example.com"),
        ("http://[0:0::1]:8080", "[::1]:8080"),
    ],
)
def test_one_api_has_one_name_however_it_is_written(written: str, host: str):
    assert api_host(written) == host
    scheme = written.partition(":")[0]
    assert api_url(written) == f"{scheme}://{host}"


def test_a_path_below_a_host_is_kept_and_a_dot_keeps_search_domains_away():
    assert normalise_base_url("https://host.example./a/./b/../c/") == "https://host.example./a/c"
    assert api_url("https://host.example./a") == "https://host.example/a"


@pytest.mark.parametrize(
    ("network", "url", "egress"),
    [
        (Network(), None, ""),
        (Network(ip_family="ipv6"), None, "ipv6"),
        (Network(source_address="192.0.2.10", ip_family="ipv4"), None, "192.0.2.10"),
        (
            Network(source_address="192.0.2.10"),
            "http://user:secret@Proxy.example:3128",
            "proxy.example:3128",
        ),
        (Network(), "https://proxy.example", "proxy.example:443"),
        (Network(), "http://[2001:db8::1]:3128", "[2001:db8::1]:3128"),
    ],
)
def test_an_egress_is_the_proxy_or_the_source_address_or_the_family(
    network: Network, url: str | None, egress: str
):
    assert make_route(network, Secret(url) if url else None).egress == egress


@pytest.mark.parametrize(
    "url", ["socks5://s3cret:1", "s3cret:3128", "http://s3cret:x", "http://s3cret/x"]
)
async def test_a_proxy_url_that_is_none_is_never_repeated(url: str, simulator: Simulator):
    result = await poll(simulator, simulator.url, Network(proxy_url=Secret(url)))
    assert error(result).reason == "config"
    assert "s3cret" not in str(error(result))
    assert make_account().network == Network()


async def test_a_bundle_that_can_not_be_read_is_not_remembered_as_empty(
    simulator: Simulator, authority: trustme.CA, ca_file: Path, monkeypatch: pytest.MonkeyPatch
):
    tls = server_context(authority.issue_cert("127.0.0.1"))
    bundle = ca_file.with_name("bundle.pem")
    bundle.write_text("late")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    async with relay_to(simulator.url, tls=tls) as relay:
        base_url = f"https://127.0.0.1:{relay.port}"
        failed = error(await poll(simulator, base_url, Network()))
        assert failed.reason == "tls"
        assert "CA certificates" in str(failed)
        authority.cert_pem.write_to_path(bundle)
        assert worked(await poll(simulator, base_url, Network()))
