"""Send the requests of one poll, each when the rate limit admits it."""

import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from exporter.errors import PollError
from exporter.exchange_api.client import HttpClient, StaleConnectionError
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.progress import Progress
from exporter.runtime.clock import Clock

Admit = Callable[[], Awaitable[None]]
"""Wait until a request may be sent; called before each one, and after the end of the last."""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """Describe one request for metrics and the log; `code` is its status, or why there is none."""

    call: str
    code: str
    seconds: float
    size: int = 0
    address: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        phases = "".join(f" {name}={seconds:.3f}s" for name, seconds in self.phases.items())
        where = f" from {self.address}" if self.address else ""
        return f"{self.call} {self.code} {self.size}B{where} in {self.seconds:.3f}s{phases}"


def _ignore(_response: ApiResponse) -> None:
    pass


class Session:
    """Send one poll's requests over an account's connection.

    `uncounted` is a context in which time does not count against the poll's timeout: for waiting on
    other accounts, such as those that renew a shared token.
    """

    def __init__(  # noqa: PLR0913 - each has a name
        self,
        client: HttpClient,
        admit: Admit,
        clock: Clock,
        *,
        uncounted: Callable[[], AbstractContextManager[None]] = nullcontext,
        patience: float = math.inf,
        on_response: Callable[[ApiResponse], None] = _ignore,
    ) -> None:
        """Send nothing yet; `patience` is how long a kept connection may stay silent (s)."""
        self._patience = patience
        self._on_response = on_response
        self.records: list[RequestRecord] = []
        self.uncounted = uncounted
        self._client = client
        self._admit = admit
        self._clock = clock
        self._progress = Progress(self._clock)

    async def send(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        """Return the response, whatever its status; raises a `PollError` if there is none.

        The request is made just before it is sent, so that its timestamp is of that moment. It is
        made again if the connection turns out to be dead since it was last used: that is not a
        failure, but the first request must not be sent twice.
        """
        try:
            return await self._send(make_request)
        except StaleConnectionError:
            return await self._send(make_request)

    def timed_out(self) -> PollError:
        """Return the error for a poll that was given up on, by how far its request had come."""
        return self._progress.timed_out()

    async def _send(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        await self._admit()
        self._progress = Progress(self._clock)
        request = make_request()
        with self._recording(request.call) as note:
            response = await self._client.send(request, self._progress, self._patience)
            note(response)
        self._on_response(response)
        return response

    @contextmanager
    def _recording(self, call: str) -> Iterator[Callable[[ApiResponse], None]]:
        started = self._clock.monotonic()
        code, size = "timeout", 0  # unless something else comes out, it was cancelled

        def note(response: ApiResponse) -> None:
            nonlocal code, size
            code, size = str(response.status), len(response.body)

        try:
            yield note
        except StaleConnectionError:
            code = ""  # it never reached the exchange
            raise
        except PollError as error:
            code = error.reason
            raise
        finally:
            if code:
                seconds = self._clock.monotonic() - started
                progress = self._progress
                self.records.append(
                    RequestRecord(call, code, seconds, size, progress.address, progress.phases)
                )
