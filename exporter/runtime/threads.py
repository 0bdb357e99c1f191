"""Run blocking calls in threads: one that hangs holds up neither the event loop nor the end.

asyncio looks names up in a handful of threads that all such calls share, and waits for them when it
ends. A resolver that hangs would thus keep every account from connecting, and the daemon from
stopping.
"""

import asyncio
import queue
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from selectors import BaseSelector
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

MAX_THREADS = 32
MAX_LOOK_UPS = 32
"""Names that are looked up at once, each in one thread: if as many hang, the others wait."""

_IDLE_SECONDS = 10.0

Job = tuple["Future[Any]", Callable[[], Any]]


class OwnThreads(ThreadPoolExecutor):
    """Run calls in at most some threads; asyncio takes no executor of another kind as its default.

    A call never runs in the thread that submits it: that is the event loop's, which nothing may
    hold up. It waits for a thread if there are too many, and fails if not one can be started.
    """

    def __init__(self, limit: int = MAX_THREADS) -> None:
        """Start no thread yet."""
        super().__init__(max_workers=1)  # whose threads are never used
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._count = self._idle = 0

    def submit(
        self,
        fn: Callable[Parameters, Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Future[Result]:
        """Start a call; its thread is left behind if it still runs when the process ends."""
        future: Future[Result] = Future()
        with self._lock:
            if self._jobs.qsize() >= self._idle and self._count < self._limit:
                self._start_thread(future)
        if not future.done():
            self._jobs.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is given
        """Wait for nothing."""

    def _start_thread(self, future: "Future[Any]") -> None:
        try:
            threading.Thread(target=self._work, daemon=True).start()
        except RuntimeError as error:  # no room for one more
            if self._count == 0:
                future.set_exception(error)
        else:
            self._count += 1

    def _work(self) -> None:
        # Signals are for the main thread, whose mask decides what a late one does.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while True:
            with self._lock:
                self._idle += 1
            try:
                job = self._jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                job = None
            with self._lock:
                self._idle -= 1
                if job is None and self._jobs.empty():
                    self._count -= 1
                    return
            if job is not None:
                _run(*job)
                del job  # and with it what the call was given, which can be a secret


def _run(future: "Future[Any]", call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
        future.set_exception(error)
    else:
        future.set_result(result)


Resolve = Callable[..., Any]


class EventLoop(asyncio.SelectorEventLoop):
    """Make blocking calls in threads of their own, and wait for none of them at the end."""

    def __init__(
        self, selector: BaseSelector | None = None, resolve: Resolve = socket.getaddrinfo
    ) -> None:
        """Take the machine's best selector, and its resolver, unless others are given."""
        super().__init__(selector)
        self.set_default_executor(OwnThreads())
        self._resolve = resolve
        self._resolvers = OwnThreads(MAX_LOOK_UPS)
        self._look_ups: dict[tuple[Any, ...], asyncio.Future[Any]] = {}

    async def getaddrinfo(  # noqa: PLR0913 - the signature is given
        self,
        host: Any,  # noqa: ANN401
        port: Any,  # noqa: ANN401
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002
        proto: int = 0,
        flags: int = 0,
    ) -> Any:  # noqa: ANN401
        """Look a name up, once for all that wait for the same one; an address needs no thread."""
        try:  # an address needs no lookup, so this can't hang
            return socket.getaddrinfo(
                host, port, family, type, proto, flags | socket.AI_NUMERICHOST
            )
        except socket.gaierror:
            pass
        wanted = host, port, family, type, proto, flags
        running = self._look_ups.get(wanted)
        if running is None:
            running = self.run_in_executor(self._resolvers, self._resolve, *wanted)
            running.add_done_callback(partial(self._forget, wanted))
            self._look_ups[wanted] = running
        try:
            return await asyncio.shield(running)
        except RuntimeError as error:  # done here instead, it could hold up everything
            text = "no thread can be started to look it up"
            raise socket.gaierror(socket.EAI_AGAIN, text) from error

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the signature is given
        """Do nothing: asyncio would start one more thread for it, and there may be no room."""

    def _forget(self, wanted: tuple[Any, ...], ended: "asyncio.Future[Any]") -> None:
        self._look_ups.pop(wanted, None)
        if not ended.cancelled():
            ended.exception()  # looked at, in case nothing waits for it any more
