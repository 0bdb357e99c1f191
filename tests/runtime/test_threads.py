"""Threads: bounded, shared, and never the event loop's own."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from exporter.runtime.threads import MAX_LOOK_UPS, EventLoop, OwnThreads


class Resolver:
    """A resolver that hangs until it is let go; `calls` are the names that it looked up."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.go_on = threading.Event()

    def __call__(self, host: str, port: int, *_: Any) -> list[Any]:
        self.calls.append(host)
        self.go_on.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


def run(main: Callable[[EventLoop, Resolver], Awaitable[None]]) -> None:
    resolver = Resolver()
    loop = EventLoop(resolve=resolver)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(main(loop, resolver))  # type: ignore[arg-type]
        finally:
            resolver.go_on.set()


def test_a_name_is_looked_up_once_for_all_who_wait_for_it():
    async def main(loop: EventLoop, resolver: Resolver) -> None:
        waiting = [asyncio.create_task(loop.getaddrinfo("a.test", 443)) for _ in range(20)]
        await asyncio.sleep(0.05)
        waiting[0].cancel()
        resolver.go_on.set()
        found = await asyncio.gather(*waiting[1:])
        assert all(each[0][4] == ("127.0.0.1", 443) for each in found)
        assert resolver.calls == ["a.test"]

    run(main)


def test_a_resolver_that_hangs_takes_no_more_than_its_threads():
    async def main(loop: EventLoop, resolver: Resolver) -> None:
        before = threading.active_count()
        waiting = [
            asyncio.create_task(loop.getaddrinfo(f"host{number}.test", 443)) for number in range(50)
        ]
        await asyncio.sleep(0.1)
        assert threading.active_count() - before <= MAX_LOOK_UPS
        assert len(resolver.calls) <= MAX_LOOK_UPS
        assert await loop.run_in_executor(None, lambda: 7) == 7  # other calls have their own
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    run(main)


def test_an_address_needs_no_resolver():
    async def main(loop: EventLoop, resolver: Resolver) -> None:
        assert (await loop.getaddrinfo("192.0.2.1", 443))[0][4] == ("192.0.2.1", 443)
        assert (await loop.getaddrinfo("::1", 443))[0][4][:2] == ("::1", 443)
        assert resolver.calls == []

    run(main)


def test_a_thread_is_used_again():
    threads = OwnThreads(4)
    names = {threads.submit(lambda: threading.current_thread().name).result(5) for _ in range(20)}
    assert len(names) <= 2


def test_a_call_waits_for_a_thread_if_there_are_too_many():
    threads, go_on = OwnThreads(2), threading.Event()
    stuck = [threads.submit(go_on.wait, 30) for _ in range(2)]
    waiting = threads.submit(lambda: "done")
    assert not waiting.done()
    go_on.set()
    assert waiting.result(5) == "done"
    assert all(each.result(5) for each in stuck)


def test_an_error_is_raised_where_it_is_waited_for():
    with pytest.raises(ZeroDivisionError):
        OwnThreads(1).submit(lambda: 1 // 0).result(5)
