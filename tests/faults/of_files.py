"""Check what must be visible of files of secrets and of configurations that change."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from exporter.credentials import SecretFile
from tests.faults.case import Tell, story_case
from tests.faults.world import INTERVAL, LIMITS, World


@contextmanager
def _secret_file(world: World) -> Iterator[Path]:
    """Keep the victim's secret in a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "secret"
        simulated = world.simulated(world.victim)
        name, secret = _secret_of(world)
        path.write_text(secret)
        credentials = world.victim.credentials | {name: SecretFile(path)}  # type: ignore[operator]
        world.victim = world.configured(simulated, credentials=credentials)
        yield path


def _secret_of(world: World) -> tuple[str, str]:
    """Return the victim's last credential: a secret, or a token where there is no other."""
    return list(world.simulated(world.victim).credentials.items())[-1]


def _secret(change: Callable[[Path, str], object], *, works: bool) -> Tell:
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


async def a_key_is_replaced_in_its_poll(world: World) -> None:
    """The old key is refused just as the file gets the new one: it is tried within an interval."""
    with _secret_file(world) as path:
        good = path.read_text()
        path.write_text(good[:-8] + good[-4:] + good[-4:])
        world.victim = replace(world.victim, interval=10.0)
        async with world.polling():
            with world.simulator.show("late", account="victim"):
                await asyncio.sleep(2.5)  # its first poll waits for its turn, and then for this
                path.write_text(good)
                await world.run(5)
            page = await world.until(lambda p: p.is_up(world.victim.key), within=10)
    assert page.failures(world.victim.key) == {"authentication": 1}, page.failures(world.victim.key)


async def a_refused_key_goes(world: World) -> None:
    """A refused key's file is missing in its pause: polls keep their rhythm, and no more."""
    with _secret_file(world) as path:
        good = path.read_text()
        path.write_text(good[:-8] + good[-4:] + good[-4:])
        async with world.polling():
            before = await world.run(4 * INTERVAL)
            path.unlink()
            page = await world.run(5 * INTERVAL)
            assert set(page.failures(world.victim.key)) == {"authentication", "config"}
            assert 4 <= page.polls(world.victim.key) - before.polls(world.victim.key) <= 6
            path.write_text(good)
            await world.until(lambda p: p.is_up(world.victim.key), within=INTERVAL + 5)


async def a_secret_is_taken_for_a_path(world: World) -> None:
    """The secret itself stands where its file's path is due."""
    name, secret = _secret_of(world)
    credentials = world.victim.credentials | {name: SecretFile(Path("/run") / secret)}  # type: ignore[operator]
    world.victim = replace(world.victim, credentials=credentials)
    async with world.polling():
        page = await world.run(2 * INTERVAL)
    assert page.failures(world.victim.key).keys() == {"config"}, page.failures(world.victim.key)
    assert f"{name}_file: No such file or directory" in world.log.getvalue()


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
    (
        "bom",
        "begins with a byte order mark",
        lambda path, good: path.write_text(good, "utf-8-sig"),
        True,
    ),
    ("renamed", "is replaced by rename", _renamed, True),
    ("swapped", "is replaced by a link, as Kubernetes does", _swapped, True),
    ("rewritten", "is truncated and written", lambda path, good: path.write_text(good), True),
)

OF_FILES = [
    story_case("G", "refused_key_goes", "config, in rhythm", a_refused_key_goes),
    story_case("G", "key_replaced_in_poll", "one failure", a_key_is_replaced_in_its_poll),
    story_case("G", "secret_as_path", "config, named by its key", a_secret_is_taken_for_a_path),
    story_case("G", "reload_adds_and_removes", "no gap in the others", a_reload_adds_and_removes),
    story_case("G", "removed_in_mid_poll", "gone, and back", an_account_goes_while_it_is_polled),
    story_case("G", "reload_storm", "no poll more or less", a_storm_of_reloads),
    *(
        story_case(
            "G",
            f"secret_{name}",
            "no failure" if works else "config, recovers by itself",
            _secret(change, works=works),
            does=f"A secret's file {does}.",
        )
        for name, does, change, works in _SECRETS
    ),
]
