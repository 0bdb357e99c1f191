"""Run blocking calls in threads of their own: one that hangs holds up neither others nor the end.

asyncio looks names up in a handful of threads that all such calls share, and waits for them when it
ends. A resolver that hangs would thus keep every account from connecting, and the daemon from
stopping.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from selectors import BaseSelector
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class OwnThreads(ThreadPoolExecutor):
    """Start a thread for each call; asyncio takes no executor of another kind as its default."""

    def submit(
        self,
        fn: Callable[Parameters, Result],
        /,
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Future[Result]:
        """Start a call; its thread is left behind if it still runs when the process ends.

        Where no thread can be started the call is made at once.
        """
        future: Future[Result] = Future()
        future.set_running_or_notify_cancel()  # from now on it can't be cancelled, only abandoned

        def run() -> None:
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            threading.Thread(target=run, daemon=True).start()
        except RuntimeError:  # no room for one more: better to be held up than to fail
            run()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the signature is given
        """Wait for nothing."""


class EventLoop(asyncio.SelectorEventLoop):
    """Make blocking calls in threads of their own, and wait for none of them."""

    def __init__(self, selector: BaseSelector | None = None) -> None:
        """Take the machine's best selector, unless one is given."""
        super().__init__(selector)
        self.set_default_executor(OwnThreads())

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 - the signature is given
        """Do nothing: asyncio would start one more thread for it, and there may be no room."""
