"""Run an event loop whose clock jumps to the next timer as soon as nothing is left to do."""

import asyncio
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from exporter.runtime.clock import Clock
from exporter.runtime.threads import EventLoop

EPOCH = 1_735_866_257.0
"""Unix time at which a loop's clock shows zero."""

_GRACE = 0.0001  # seconds of real time in which the kernel may still deliver between our sockets
_SHORTEST = 2e-9  # seconds; asyncio runs a timer of less than 1e-9 at once, and no time would pass
_PATIENCE = 30.0  # seconds of real time for a thread of ours to end

HANGS = "hangs"
UNKNOWN = "unknown"


class VirtualLoop(EventLoop):
    """Make waiting cost nothing: an hour of polls passes in a tenth of a second.

    The sockets are real. Time stands still while a socket of this process or a thread has anything
    to do, so no deadline is missed because the machine is busy. `hosts` is the machine's resolver:
    the address of a name, `UNKNOWN`, or `HANGS` for a thread that waits until `unhang()`.
    """

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        self._now = 1_000.0
        self._threads = 0
        self._unhang = threading.Event()
        super().__init__(_Selector(self), self._look_up)

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; called from a callback, that is a stall of the loop."""
        self._now += seconds

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        return super().call_later(max(delay, _SHORTEST), callback, *args, context=context)

    @property
    def is_waiting_for_threads(self) -> bool:
        return self._threads > 0

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> Any:
        result = super().run_in_executor(executor, func, *args)
        if not (func == self._look_up and self._place(args[0]) == HANGS):
            self._threads += 1
            result.add_done_callback(self._forget_thread)
        return result

    def unhang(self) -> None:
        """Let the resolver respond to the calls that it kept waiting."""
        self._unhang.set()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the signature is given
        self.unhang()
        await super().shutdown_default_executor(timeout)

    def _place(self, host: Any) -> Any:
        return self.hosts.get(host.decode() if isinstance(host, bytes) else host, host)

    def _look_up(self, host: Any, *wanted: Any) -> Any:
        """Look a name up as the machine's resolver would, in a thread."""
        place = self._place(host)
        if place == HANGS:
            self._unhang.wait()
        if place in {HANGS, UNKNOWN}:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return socket.getaddrinfo(place, *wanted)

    def _forget_thread(self, _: object) -> None:
        self._threads -= 1


class _Selector(selectors.EpollSelector):
    """Poll the kernel first, and let time pass only if it has nothing."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(0)
        if not events and self._loop.is_waiting_for_threads:
            events = super().select(_PATIENCE)
        elif not events:
            time.sleep(_GRACE)  # epoll waits for whole milliseconds
            events = super().select(0)
        if not events:
            self._loop.advance(timeout)
        return events


class Clocks:
    """Read a loop's clock as everybody does: the exchanges truly, and we with an error of ours."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.skew = 0.0
        self.loop = loop
        self.ours = Clock(loop.time, lambda: self.true() + self.skew)

    def true(self) -> float:
        """Return the true time in seconds since 1970."""
        return EPOCH + self.loop.time()


def run(main: Callable[[], Any]) -> Any:
    """Run a coroutine function in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            return runner.run(main())
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
