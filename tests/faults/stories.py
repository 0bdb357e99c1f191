"""Tell what must be seen where a fault takes more than one step."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from itertools import pairwise
from pathlib import Path

from exporter.credentials import SecretFile
from exporter.model import Account
from exporter.simulator import Entry, Fault
from exporter.simulator.on_wire import late
from tests.faults.case import Case, story_case
from tests.faults.relay import Relay, relay_to
from tests.faults.virtual_time import HANGS
from tests.faults.world import INTERVAL, LIMITS, Page, World

Tell = Callable[[World], Awaitable[None]]
_DAY = 86_400.0
_TRUBIT_ONLY = {"exchanges": ("trubit",), "why": "there are no tokens"}


# Time


async def two_hundred_accounts_start_spread(world: World) -> None:
    """200 accounts at one exchange are polled for the first time."""
    accounts = [world.add(f"a{number}", world.exchange) for number in range(200)]
    async with world.polling(accounts):
        page = await world.run(230 if world.exchange == "btcturk" else 470)
    assert all(page.is_up(account.key) for account in accounts)
    starts = sorted(first.began for first in _firsts(world, accounts))
    assert starts[-1] - starts[0] > 100
    assert max(later - earlier for earlier, later in pairwise(starts)) < 5
    assert world.most_requests(world.exchange) <= LIMITS[world.exchange]


async def a_stall_of_our_own(world: World) -> None:
    """Our event loop stands still for 20 s while polls are under way."""
    async with world.polling():
        await world.run(INTERVAL - 5)
        with world.simulator.show("late"):
            await asyncio.sleep(5.5)
            world.clocks.loop.advance(20)
        page = await world.run(2 * INTERVAL)
    for account in (world.victim, world.neighbour, world.stranger):
        assert set(page.failures(account.key)) <= {"internal"}, page.failures(account.key)
        assert page.is_up(account.key)


async def an_answer_just_in_time(world: World) -> None:
    """Every answer takes 9.9 of the 10 s that a poll may take."""
    fault = Fault("very_late", "The answer comes after 9.9 s.", deliver=late(9.9), only="balances")
    async with world.polling():
        await world.run(INTERVAL)
        with world.simulator.show(fault, account="victim"):
            page = await world.run(5 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.number("exchange_account_poll_duration_seconds", world.victim.key) >= 9.8


async def a_poll_ends_at_its_timeout(world: World) -> None:
    """Nothing is answered; the poll is given up at its timeout, within half a second."""
    async with world.polling():
        await world.run(INTERVAL - 5)
        with world.simulator.show("silence", account="victim"):
            page = await world.run(30)
    assert page.failures(world.victim.key) == {"timeout": 1}, page.failures(world.victim.key)
    took = page.number("exchange_account_poll_duration_seconds", world.victim.key)
    assert 10.0 <= took < 10.5


async def many_hang_in_the_resolver(world: World) -> None:
    """The names of ten accounts hang in the resolver; others have names too."""
    hosts = world.clocks.loop.hosts
    async with relay_to(world.simulator.url) as relay:
        hosts["good.test"] = "127.0.0.1"
        world.poll_victim_at(f"http://good.test:{relay.port}")
        hanging = []
        for number in range(10):
            hosts[f"bad{number}.test"] = HANGS
            account = world.add(f"a{number}", world.exchange)
            hanging.append(
                world.configured(world.simulated(account), base_url=f"http://bad{number}.test")
            )
        async with world.polling([*hanging, world.victim, world.neighbour]):
            await world.run(INTERVAL)
            await relay.drop()
            page = await world.run(4 * INTERVAL)
        world.clocks.loop.unhang()
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.polls(world.victim.key) >= 4
    assert all(set(page.failures(account.key)) == {"timeout"} for account in hanging)


async def a_connection_that_died_unnoticed(world: World) -> None:
    """A firewall forgets the connection: what is sent on it is lost, a new one works."""
    async with relay_to(world.simulator.url) as relay:
        world.poll_victim_at(f"http://127.0.0.1:{relay.port}")
        async with world.polling():
            await world.run(INTERVAL)
            relay.forget()
            page = await world.run(3 * INTERVAL)
    assert page.failures(world.victim.key) == {"timeout": 1}, page.failures(world.victim.key)
    assert page.is_up(world.victim.key)


# HTTP


def _retry_after(fault: str, least: float, most: float) -> Tell:
    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(INTERVAL + 5)
            with world.simulator.show(fault, account="victim", times=1):
                page = await world.until(
                    lambda page: bool(page.failures(world.victim.key)), within=INTERVAL
                )
            await world.run(1000)
        assert page.failures(world.victim.key) == {"rate_limited": 1}, page.failures(
            world.victim.key
        )
        entries = world.simulator.ledger.entries(world.exchange)
        [refused] = [entry for entry in entries if entry.faults]
        later = min(entry.began for entry in entries if entry.number > refused.number)
        assert least <= later - refused.began <= most

    return tell


async def a_redirect_is_not_followed(world: World) -> None:
    """The exchange redirects to another host; that host is never asked."""
    async with world.polling():
        await world.run(INTERVAL)
        with world.simulator.show("http_307", account="victim"):
            await world.run(3 * INTERVAL)
    assert not [entry for entry in world.simulator.ledger if entry.path == "/elsewhere"]


async def a_cookie_is_not_kept(world: World) -> None:
    """The exchange sets a cookie; it never gets it back."""
    async with relay_to(world.simulator.url) as relay:
        world.poll_victim_at(f"http://127.0.0.1:{relay.port}")
        with world.simulator.show("set_cookie", account="victim"):
            async with world.polling():
                await world.run(3 * INTERVAL)
        assert b"cookie" not in bytes(relay.heard).lower()
        assert b"accept-encoding: identity" in bytes(relay.heard).lower()


async def a_refused_key_is_left_alone(world: World) -> None:
    """The key is revoked for 40 minutes, and asked for ever more seldom."""
    async with world.polling():
        await world.run(INTERVAL)
        world.simulated(world.victim).is_active = False
        began = world.now
        page = await world.run(2400)
        world.simulated(world.victim).is_active = True
        after = await world.until(lambda page: page.is_up(world.victim.key), within=905)
    asked = [e.began for e in _balances(world, world.victim) if began <= e.began < began + 2400]
    polls = [at for at in asked if not any(0 < at - other < 1 for other in asked)]
    pauses = [later - earlier for earlier, later in pairwise(polls)]
    assert [round(pause / 60) for pause in pauses[:3]] == [1, 5, 15]
    assert set(page.failures(world.victim.key)) == {"authentication"}
    assert after.failures(world.victim.key) == page.failures(world.victim.key) or len(pauses) > 2


async def refusals_count_from_the_first(world: World) -> None:
    """After an hour of other failures the key is refused once: the pause is a minute, not 15."""
    async with world.polling():
        await world.run(INTERVAL)
        with world.simulator.show("http_503", account="victim"):
            await world.run(20 * INTERVAL)
        with world.simulator.show("http_401", account="victim"):
            await world.run(INTERVAL)
        await world.until(lambda page: page.is_up(world.victim.key), within=2 * INTERVAL)


# Keys and clocks


def _clock_off(skew: float) -> Tell:
    async def tell(world: World) -> None:
        world.clocks.skew = skew
        async with world.polling():
            page = await world.run(5 * INTERVAL)
        _check_skew(world, page, skew)

    return tell


def _clock_jumps(skew: float) -> Tell:
    async def tell(world: World) -> None:
        async with world.polling():
            await world.run(2 * INTERVAL)
            world.clocks.skew = skew
            world.simulator.expire_tokens(world.simulated(world.victim))
            page = await world.run(5 * INTERVAL)
            polls = page.polls(world.victim.key)
        _check_skew(world, page, skew)
        assert abs(polls - 7) <= 1, "the rhythm changed"

    return tell


def _check_skew(world: World, page: Page, skew: float) -> None:
    for account in (world.victim, world.neighbour):
        failures = page.failures(account.key)
        assert set(failures) <= {"clock_skew"}, failures
        assert sum(failures.values()) <= 1, failures
        assert page.is_up(account.key)
        offset = page.number("exchange_account_clock_offset_seconds", account.key)
        assert abs(offset + skew) <= 1.0


async def a_date_that_lies_for_one(world: World) -> None:
    """One account's answers have a Date that is an hour off, while the exchange's clock is right."""

    def lie(response: object, _call: object) -> object:
        date = ("Date", formatdate(world.clocks.true() + 3600, usegmt=True))
        return response.without("Date").adding(date)  # type: ignore[attr-defined]

    fault = Fault("date_lies", "A Date an hour ahead.", response=lie)  # type: ignore[arg-type]
    async with world.polling():
        with world.simulator.show(fault, account="victim"):
            await world.run(3 * INTERVAL)
            world.simulator.expire_tokens(world.simulated(world.victim))
            page = await world.run(3 * INTERVAL)
    for account in (world.victim, world.neighbour):
        assert page.failures(account.key) == {}, page.failures(account.key)


async def a_token_expires(world: World) -> None:
    """A token is refused once: one renewal, and nobody notices."""
    async with world.polling():
        await world.run(INTERVAL)
        world.simulator.expire_tokens(world.simulated(world.victim))
        page = await world.run(2 * INTERVAL)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert len(world.simulator.ledger.entries("trubit", "victim", "token")) == 2


async def a_token_is_renewed_ahead(world: World) -> None:
    """Tokens live for an hour: they are renewed before they end."""
    async with world.polling():
        page = await world.run(3 * 3600)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    refused = [e for e in _balances(world, world.victim) if e.rows is None]
    assert refused == []
    assert len(world.simulator.ledger.entries("trubit", "victim", "token")) in {3, 4}


async def every_token_is_void(world: World) -> None:
    """Each token is void as soon as it is used: one renewal for each poll, then a refusal."""
    async with world.polling():
        await world.run(INTERVAL + 5)
        with world.simulator.show("token_expired", account="victim"):
            page = await world.run(INTERVAL)
        await world.until(lambda page: page.is_up(world.victim.key), within=3 * INTERVAL)
    assert page.failures(world.victim.key) == {"authentication": 1}, page.failures(world.victim.key)


async def fifty_polls_see_a_token_expire(world: World) -> None:
    """50 accounts share a key; its token expires: one renewal for all of them."""
    key = world.simulated(world.victim)
    accounts = [world.configured(key, name=f"a{number}") for number in range(50)]
    async with world.polling(accounts):
        await world.run(3 * INTERVAL)
        world.simulator.expire_tokens(key)
        page = await world.run(3 * INTERVAL)
    assert all(page.failures(account.key) == {} for account in accounts)
    assert len(world.simulator.ledger.entries("trubit", "victim", "token")) == 2


async def two_accounts_with_one_key(world: World) -> None:
    """Two accounts have the same key, and the network lets the later request overtake."""

    async def slow_for_the_first(
        relay: Relay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_first, relay.connections = relay.connections == 0, relay.connections + 1
        there, back = await relay.connect()
        try:
            while data := await reader.read(65536):
                await asyncio.sleep(3 if is_first else 0)
                back.write(data)
                writer.write(await there.read(65536))
        finally:
            back.transport.abort()

    async with relay_to(world.simulator.url) as relay:
        await relay.close()
        await relay.open(slow_for_the_first)
        url = f"http://127.0.0.1:{relay.port}"
        key = world.simulated(world.victim)
        twins = [world.configured(key, name=name, base_url=url) for name in ("one", "two")]
        async with world.polling([*twins, world.stranger]):
            page = await world.run(5 * INTERVAL)
    for twin in twins:
        assert page.failures(twin.key) == {}, page.failures(twin.key)


def _firsts(world: World, accounts: list[Account]) -> Iterator[Entry]:
    for account in accounts:
        yield world.simulator.ledger.entries(*account.key)[0]


def _balances(world: World, account: Account) -> tuple[Entry, ...]:
    return world.simulator.ledger.entries(*account.key, "balances")


# Configuration and secrets


@contextmanager
def _secret_file(world: World) -> Iterator[Path]:
    """Keep the victim's secret in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret"
        simulated = world.simulated(world.victim)
        path.write_text(simulated.api_secret)
        credentials = world.victim.credentials | {"api_secret": SecretFile(path)}  # type: ignore[operator]
        world.victim = world.configured(simulated, credentials=credentials)
        yield path


def _secret(change: Callable[[Path, str], None], *, works: bool) -> Tell:
    async def tell(world: World) -> None:
        with _secret_file(world) as path:
            good = path.read_text()
            async with world.polling():
                before = await world.run(INTERVAL + 5)
                change(path, good)
                page = await world.run(2 * INTERVAL)
                if works:
                    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
                else:
                    failed = page.polls(world.victim.key) - before.polls(world.victim.key)
                    assert page.failures(world.victim.key) == {"config": failed}, page.failures(
                        world.victim.key
                    )
                    _clear(path)
                    path.write_text(good)
                page = await world.until(lambda p: p.is_up(world.victim.key), within=INTERVAL + 5)
        assert page.failures(world.neighbour.key) == {}, page.failures(world.neighbour.key)

    return tell


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def _directory(path: Path, _: str) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path, _: str) -> None:
    path.unlink()
    os.mkfifo(path)


def _dangling(path: Path, _: str) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def _loop(path: Path, _: str) -> None:
    path.unlink()
    path.symlink_to(path)


def _device(path: Path, _: str) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _renamed(path: Path, good: str) -> None:
    new = path.with_name("new")
    new.write_text(good)
    new.rename(path)


def _swapped(path: Path, good: str) -> None:
    """Replace as Kubernetes does: the file is a link into a folder that is itself a link."""
    for version in ("..1", "..2"):
        path.with_name(version).mkdir()
        path.with_name(version).joinpath("secret").write_text(good)
    data = path.with_name("..data")
    data.symlink_to("..1")
    path.unlink()
    path.symlink_to("..data/secret")
    new = path.with_name("..data_tmp")
    new.symlink_to("..2")
    new.rename(data)


async def a_key_is_replaced_while_its_poll_is_under_way(world: World) -> None:
    """The old key is refused just as the file gets the new one: it is tried within an interval."""
    with _secret_file(world) as path:
        good = path.read_text()
        path.write_text(good[:-8] + good[-4:] + good[-4:])
        world.victim = replace(world.victim, interval=10.0)
        async with world.polling():
            with world.simulator.show("late", account="victim"):
                await asyncio.sleep(0.5)
                path.write_text(good)
                await world.run(5)
            page = await world.until(lambda p: p.is_up(world.victim.key), within=10)
    assert page.failures(world.victim.key) == {"authentication": 1}, page.failures(world.victim.key)


async def a_reload_adds_and_removes(world: World) -> None:
    """Accounts are added and removed again and again; the others have no gap."""
    async with world.polling([world.neighbour, world.stranger]) as poller:
        await world.run(INTERVAL)
        for _ in range(20):
            await poller.reconcile([world.victim, world.neighbour, world.stranger], LIMITS)
            page = await world.run(7)
            assert page.total(world.neighbour.key) == "1.5"
            assert page.total(world.victim.key) == "1.5"
            await poller.reconcile([world.neighbour, world.stranger], LIMITS)
            page = await world.run(7)
            assert 'account="victim"' not in page.text
    assert page.failures(world.neighbour.key) == {}, page.failures(world.neighbour.key)
    assert abs(page.polls(world.neighbour.key) - (INTERVAL + 280) / INTERVAL) <= 1.5


async def an_account_goes_while_it_is_polled(world: World) -> None:
    """An account is removed in the middle of its poll, and comes back."""
    async with world.polling() as poller:
        await world.run(INTERVAL)
        with world.simulator.show("silence", account="victim"):
            await world.run(5)
            await poller.reconcile([world.neighbour, world.stranger], LIMITS)
            page = await world.run(30)
            assert 'account="victim"' not in page.text
        await poller.reconcile([world.victim, world.neighbour, world.stranger], LIMITS)
        page = await world.run(5)
    assert page.is_up(world.victim.key)
    assert page.failures(world.victim.key) == {}, page.failures(world.victim.key)
    assert page.failures(world.neighbour.key) == {}, page.failures(world.neighbour.key)


async def a_storm_of_reloads(world: World) -> None:
    """A hundred configurations are taken over at once, all alike."""
    accounts = [world.victim, world.neighbour, world.stranger]
    async with world.polling() as poller:
        await world.run(INTERVAL)
        for _ in range(100):
            await poller.reconcile(accounts, LIMITS)
        page = await world.run(3 * INTERVAL)
    for account in accounts:
        assert page.failures(account.key) == {}, page.failures(account.key)
        assert page.polls(account.key) == 4


_STORIES: tuple[Case, ...] = (
    story_case("A", "resolver_hangs_for_many", "the others keep their rhythm", many_hang_in_the_resolver),
    story_case("A", "connection_died_unnoticed", "one timeout, then fresh", a_connection_that_died_unnoticed),
    story_case("B", "start_of_200", "spread over the interval", two_hundred_accounts_start_spread),
    story_case("B", "own_stall", "not blamed on the exchanges", a_stall_of_our_own),
    story_case("B", "just_in_time", "served", an_answer_just_in_time),
    story_case("B", "timeout_is_exact", "timeout after 10 to 10.5 s", a_poll_ends_at_its_timeout),
    story_case("D", "redirect_second_host", "gets no request", a_redirect_is_not_followed),
    story_case("D", "cookie", "never sent", a_cookie_is_not_kept),
    story_case("D", "refused_key", "pauses of 1, 5, 15 min, recovers by itself", a_refused_key_is_left_alone),
    story_case("D", "refused_once", "back within two minutes", refusals_count_from_the_first),
    story_case("F", "date_lies", "nobody's stamps are spoilt", a_date_that_lies_for_one),
    story_case("F", "token_expires", "one silent renewal", a_token_expires, **_TRUBIT_ONLY),  # type: ignore[arg-type]
    story_case("F", "token_renewed_ahead", "no refusal", a_token_is_renewed_ahead, **_TRUBIT_ONLY),  # type: ignore[arg-type]
    story_case("F", "token_expired", "authentication", every_token_is_void, **_TRUBIT_ONLY),  # type: ignore[arg-type]
    story_case("F", "token_of_50", "one renewal", fifty_polls_see_a_token_expire, **_TRUBIT_ONLY),  # type: ignore[arg-type]
    story_case("F", "shared_key", "no failure", two_accounts_with_one_key),
    story_case("G", "key_replaced_in_poll", "one failure", a_key_is_replaced_while_its_poll_is_under_way),
    story_case("G", "reload_adds_and_removes", "no gap in the others", a_reload_adds_and_removes),
    story_case("G", "removed_in_mid_poll", "gone, and back", an_account_goes_while_it_is_polled),
    story_case("G", "reload_storm", "no poll more or less", a_storm_of_reloads),
)  # fmt: skip

_LIMITED = (
    ("http_429", 55, 61, "Retry-After in seconds"),
    ("http_429_date", 59, 120, "Retry-After as a date"),
    ("http_429_bare", 0, 61, "no Retry-After"),
    ("http_429_absurd", 0, 61, "an absurd Retry-After"),
)

_SECRETS: tuple[tuple[str, str, Callable[[Path, str], object], bool], ...] = (
    ("missing", "is missing", lambda path, _: path.unlink(), False),
    ("empty", "is empty", lambda path, _: path.write_text("\n"), False),
    ("directory", "is a directory", _directory, False),
    ("fifo", "is a FIFO", _fifo, False),
    ("device", "is a device without an end", _device, False),
    ("dangling", "is a link to nowhere", _dangling, False),
    ("loop", "is a link to itself", _loop, False),
    ("large", "has 17 kB", lambda path, _: path.write_text("x" * 17_000), False),
    ("binary", "is not text", lambda path, _: path.write_bytes(b"\xff\x00\xfe"), False),
    ("two_lines", "has two lines", lambda path, good: path.write_text(f"{good}\n{good}"), False),
    ("newline", "ends with a newline", lambda path, good: path.write_text(good + "\n"), True),
    ("crlf", "ends with CRLF", lambda path, good: path.write_bytes(f"{good}\r\n".encode()), True),
    ("renamed", "is replaced by rename", _renamed, True),
    ("swapped", "is replaced by a link, as Kubernetes does", _swapped, True),
    ("rewritten", "is truncated and written", lambda path, good: path.write_text(good), True),
)


def _named(tell: Tell, does: str) -> Tell:
    tell.__doc__ = does
    return tell


STORIES: list[Case] = [
    *_STORIES,
    *(
        story_case(
            "D",
            f"{fault}_obeyed",
            f"every account waits {least} to {most} s",
            _named(_retry_after(fault, least, most), f"An account is told 429, with {what}."),
        )
        for fault, least, most, what in _LIMITED
    ),
    *(
        story_case(
            "F",
            f"{kind}_{skew:+.0f}s",
            "at most one clock_skew, the metric shows it",
            _named(make(skew), f"Our clock {does} {skew:+.0f} s."),
        )
        for kind, does, make in (
            ("clock_off", "is off by", _clock_off),
            ("clock_jumps", "jumps by", _clock_jumps),
        )
        for skew in (-_DAY, -3600.0, -60.0, -6.0, -1.0, 1.0, 6.0, 60.0, 3600.0, _DAY)
    ),
    *(
        story_case(
            "G",
            f"secret_{name}",
            "no failure" if works else "config, recovers by itself",
            _named(_secret(change, works=works), f"A secret's file {does}."),  # type: ignore[arg-type]
        )
        for name, does, change, works in _SECRETS
    ),
]
