"""Certificate authorities are read again when their file changes, and looked at once for all."""

from pathlib import Path

import trustme

from exporter.exchange_api.client import HttpClient
from exporter.exchange_api.messages import ApiRequest
from exporter.exchange_api.network import make_route
from exporter.exchange_api.progress import Progress
from exporter.exchange_api.server_clock import ServerClock
from exporter.exchange_api.trust import TrustStore
from exporter.model import Network
from exporter.runtime.clock import Clock
from exporter.simulator import Simulator
from tests.faults.relay import relay_to, server_context

TICKER = ApiRequest("/api/v2/ticker", {}, call="ticker")


class Seconds:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def add_authority(ca_file: Path) -> None:
    trustme.CA().cert_pem.write_to_path(ca_file, append=True)


async def test_one_context_is_shared_while_the_file_stays_as_it_is(ca_file: Path):
    trust = TrustStore()
    assert await trust.context(ca_file) is await trust.context(ca_file)


async def test_a_file_that_changed_is_read_at_once_unless_an_older_look_will_do(ca_file: Path):
    trust = TrustStore(Seconds())
    before = await trust.context(ca_file)
    add_authority(ca_file)
    assert await trust.context(ca_file, max_age=10.0) is before
    assert await trust.context(ca_file) is not before


async def test_a_look_is_too_old_after_its_age(ca_file: Path):
    seconds = Seconds()
    trust = TrustStore(seconds)
    before = await trust.context(ca_file)
    add_authority(ca_file)
    seconds.now += 9.9
    assert await trust.context(ca_file, max_age=10.0) is before
    seconds.now += 0.1
    assert await trust.context(ca_file, max_age=10.0) is not before


async def test_a_look_at_an_unchanged_file_counts_from_when_it_was_made(ca_file: Path):
    seconds = Seconds()
    trust = TrustStore(seconds)
    before = await trust.context(ca_file)
    seconds.now += 10.0
    assert await trust.context(ca_file, max_age=10.0) is before
    add_authority(ca_file)
    seconds.now += 9.9
    assert await trust.context(ca_file, max_age=10.0) is before


async def test_a_kept_connection_is_made_anew_within_ten_seconds_of_a_change_of_its_authorities(
    simulator: Simulator, authority: trustme.CA, ca_file: Path
):
    seconds, clock = Seconds(), Clock()
    async with relay_to(
        simulator.url, tls=server_context(authority.issue_cert("127.0.0.1"))
    ) as relay:
        client = HttpClient(
            f"https://127.0.0.1:{relay.port}",
            server_clock=ServerClock(clock),
            clock=clock,
            trust=TrustStore(seconds),
        )
        client.route = make_route(Network(ca_file=ca_file), None)
        connections = []
        for passed in (0.0, 5.0, 10.0):
            seconds.now = 1000.0 + passed
            assert (await client.send(TICKER, Progress(clock))).status == 200
            connections.append(relay.connections)
            if not passed:
                add_authority(ca_file)
        await client.aclose()
    assert connections == [1, 1, 2]
