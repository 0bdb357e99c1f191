"""Send the requests of one poll, each when the rate limit admits it."""

from collections.abc import Awaitable, Callable

from exporter.errors import PollError
from exporter.exchange_api.client import HttpClient, StaleConnectionError
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.progress import Progress

Admit = Callable[[], Awaitable[None]]
"""Wait until a request may be sent; called before each one, and after the end of the last."""


class Session:
    """Send one poll's requests over an account's connection."""

    def __init__(self, client: HttpClient, admit: Admit) -> None:
        """Send nothing yet."""
        self._client = client
        self._admit = admit
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
        return await self._client.send(make_request(), self._progress)
