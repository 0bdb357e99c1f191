"""Send the requests of one poll, each when the rate limit admits it."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

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


class Session:
    """Send one poll's requests over an account's connection.

    `uncounted` is a context in which time does not count against the poll's timeout: for waiting on
    other accounts, such as those that renew a shared token.
    """

    def __init__(
        self,
        client: HttpClient,
        admit: Admit,
        clock: Clock,
        uncounted: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Send nothing yet."""
        self.records: list[RequestRecord] = []
        self.uncounted = uncounted
        self._client = client
        self._admit = admit
        self._clock = clock
        self._progress = Progress()

    async def send(self, make_request: Callable[[], ApiRequest]) -> ApiResponse:
        """Return the response, whatever its status; raises a `PollError` if there is none.

        The request is made just before it is sent, so that its timestamp is of that moment. It is
        made again if the connection turns out to have been closed since it was last used: that is
        not a failure, but the first request must not be sent twice.
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
        self._progress = Progress()
        request = make_request()
        with self._recording(request.call) as note:
            response = await self._client.send(request, self._progress)
            note(response)
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
                self.records.append(RequestRecord(call, code, seconds, size))
