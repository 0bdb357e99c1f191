"""List what must be seen of faults below HTTP: names, TCP and TLS."""

import asyncio
import os
import re
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import trustme

from tests.faults.case import Begin, Case, Seen, Setting, fails, fault_case, serves
from tests.faults.relay import (
    Attend,
    Relay,
    listen,
    relay_to,
    reset,
    say,
    server_context,
    trusting,
)
from tests.faults.virtual_time import HANGS, UNKNOWN
from tests.faults.world import World

_NAME = "api.exchange.test"
_YEAR = timedelta(days=365)
# A whole header line. Two or three bytes of it would stand by chance in a random ClientHello.
_HEADER = re.compile(rb"\r\n[A-Za-z][A-Za-z-]+: ")


def _through_relay(misbehave: Callable[[Relay], Awaitable[None]]) -> Setting:
    """Poll the victim through a relay that misbehaves for a while."""

    @asynccontextmanager
    async def setting(world: World) -> AsyncIterator[Begin]:
        async with relay_to(world.simulator.url) as relay:
            world.poll_victim_at(f"http://127.0.0.1:{relay.port}")

            @asynccontextmanager
            async def begin(_: World) -> AsyncIterator[None]:
                await misbehave(relay)
                yield
                await relay.close()
                await relay.open()

            yield begin

    return setting


def _instead(attend: Attend) -> Setting:
    """Poll the victim through a relay that does something else for a while."""

    async def misbehave(relay: Relay) -> None:
        await relay.close()
        await relay.open(attend)

    return _through_relay(misbehave)


def _named(place: str) -> Setting:
    """Poll the victim by a name that does not resolve for a while."""

    @asynccontextmanager
    async def setting(world: World) -> AsyncIterator[Begin]:
        hosts = world.clocks.loop.hosts
        hosts[_NAME] = "127.0.0.1"
        async with relay_to(world.simulator.url) as relay:
            world.poll_victim_at(f"http://{_NAME}:{relay.port}")

            @asynccontextmanager
            async def begin(_: World) -> AsyncIterator[None]:
                await relay.drop()
                hosts[_NAME] = place
                yield
                hosts[_NAME] = "127.0.0.1"
                world.clocks.loop.unhang()

            yield begin

    return setting


def _over_tls(
    badly: Callable[[trustme.CA], ssl.SSLContext | None], attend: Attend | None = None
) -> Setting:
    """Poll the victim over TLS through a relay that misbehaves for a while.

    Where it is not to be trusted, it must not hear a request either.
    """

    @asynccontextmanager
    async def setting(world: World) -> AsyncIterator[Begin]:
        authority = trustme.CA()
        good, bad = server_context(authority.issue_cert("127.0.0.1")), badly(authority)
        with trusting(authority):
            async with relay_to(world.simulator.url, tls=good) as relay:
                world.poll_victim_at(f"https://127.0.0.1:{relay.port}")

                @asynccontextmanager
                async def begin(_: World) -> AsyncIterator[None]:
                    await relay.close()
                    await relay.open(attend, tls=bad)
                    relay.heard.clear()
                    yield
                    if badly is not _trusted:
                        assert b"HTTP/1.1" not in relay.heard, "a request went out unprotected"
                        assert not _HEADER.search(relay.heard), "a header went out unprotected"
                    await relay.close()
                    await relay.open(tls=good)

                yield begin

    return setting


def _certificate(*names: str, begins: timedelta, ends: timedelta) -> Callable[..., ssl.SSLContext]:
    def issue(authority: trustme.CA) -> ssl.SSLContext:
        now = datetime.now(UTC)
        return server_context(
            authority.issue_cert(*names, not_before=now + begins, not_after=now + ends)
        )

    return issue


def _self_signed(_: trustme.CA) -> ssl.SSLContext:
    return server_context(trustme.CA().issue_cert("127.0.0.1"))


def _outdated(authority: trustme.CA) -> ssl.SSLContext:
    context = server_context(authority.issue_cert("127.0.0.1"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _trusted(authority: trustme.CA) -> ssl.SSLContext:
    return server_context(authority.issue_cert("127.0.0.1"))


def _unprotected(_: trustme.CA) -> None:
    return None


def _break_tls(responses: int) -> Attend:
    """Return what passes on some responses, and a record that can't be deciphered after them."""

    async def attend(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await relay.connect()
        try:
            for _ in range(responses):
                back.write(await reader.read(65536))
                writer.write(await there.read(65536))
                await writer.drain()
            await reader.read(65536)
            os.write(writer.get_extra_info("socket").fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        finally:
            back.transport.abort()

    return attend


async def _close_idle(relay: Relay) -> None:
    """Drop every connection half a minute after it was made."""

    async def short_lived(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, back = await relay.connect()
        try:
            back.write(await reader.read(65536))
            writer.write(await there.read(65536))
            await writer.drain()
            await asyncio.sleep(30)
        finally:
            back.transport.abort()

    await relay.close()
    await relay.open(short_lived)


def _forgetting(seconds: float) -> Attend:
    """Return what loses, without a word, all that is sent over a connection after an idle time."""

    async def attend(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        there, back = await relay.connect()
        used_at = loop.time()

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            nonlocal used_at
            while data := await source.read(65536):
                if loop.time() - used_at > seconds:
                    continue
                used_at = loop.time()
                sink.write(data)
                await sink.drain()

        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.transport.abort()

    return attend


_CONNECTION, _TIMEOUT, _TLS = fails("connection"), fails("timeout"), fails("tls")
_GARBAGE = say(b"\x15\x03\x01\x00\x02\x02\x28" + b"\x00" * 64)
_PLAIN = say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

_CASES: tuple[tuple[str, str, Seen, Setting], ...] = (
    ("refused", "Nobody listens.", _CONNECTION, _through_relay(Relay.close)),
    ("unknown_host", "The name does not exist.", _CONNECTION, _named(UNKNOWN)),
    ("hanging_resolver", "The resolver hangs.", _TIMEOUT, _named(HANGS)),
    ("empty_label", "The name can't be looked up at all.", _CONNECTION, _named("api..test")),
    ("black_hole", "A SYN gets no response.", _TIMEOUT, _through_relay(Relay.plug)),
    ("reset_at_accept", "Reset as soon as it is accepted.", _CONNECTION, _instead(reset)),
    ("silence_at_accept", "Accepted, and then nothing.", _TIMEOUT, _instead(listen)),
    ("closed_once", "Closed between two polls.", serves(), _through_relay(Relay.drop)),
    ("closed_always", "Closed between all polls.", serves(), _through_relay(_close_idle)),
    (
        "forgotten_by_a_nat",
        "What is sent over a connection that idled for 2 s is lost silently.",
        serves(),
        _instead(_forgetting(2.0)),
    ),
    (
        "tls_expired",
        "The certificate has expired.",
        _TLS,
        _over_tls(_certificate("127.0.0.1", begins=-_YEAR, ends=-timedelta(days=1))),
    ),
    (
        "tls_not_yet_valid",
        "The certificate is not valid yet.",
        _TLS,
        _over_tls(_certificate("127.0.0.1", begins=timedelta(days=1), ends=_YEAR)),
    ),
    (
        "tls_wrong_host",
        "The certificate is another host's.",
        _TLS,
        _over_tls(_certificate("example.org", begins=-_YEAR, ends=_YEAR)),
    ),
    ("tls_self_signed", "The certificate is nobody's we know.", _TLS, _over_tls(_self_signed)),
    ("tls_outdated", "Nothing newer than TLS 1.1 is spoken.", _TLS, _over_tls(_outdated)),
    ("tls_stalls", "The handshake never ends.", _TLS, _over_tls(_unprotected, listen)),
    ("tls_reset", "Reset in the handshake.", _TLS, _over_tls(_unprotected, reset)),
    (
        "tls_broken",
        "A record in place of a response can't be deciphered.",
        _TLS,
        _over_tls(_trusted, _break_tls(responses=0)),
    ),
    (
        "tls_broken_on_reuse",
        "That happens at the second request of a connection.",
        serves(),
        _over_tls(_trusted, _break_tls(responses=1)),
    ),
    ("tls_refused", "An alert in the handshake.", _TLS, _over_tls(_unprotected, _GARBAGE)),
    ("tls_plain", "Plain HTTP on the TLS port.", _TLS, _over_tls(_unprotected, _PLAIN)),
)

NETWORK: list[Case] = [fault_case("A", *case) for case in _CASES]
