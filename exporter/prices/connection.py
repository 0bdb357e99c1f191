"""Keep the connection of a price source from one fetch to the next."""

from exporter.exchange_api.client import HttpClient
from exporter.polling.poller import Polled


class Connection:
    """Keep the client of a source while account and endpoint stay the same."""

    def __init__(self) -> None:
        """Start without a client."""
        self._polled: Polled | None = None
        self._client: HttpClient | None = None

    async def to(self, polled: Polled | None) -> HttpClient | None:
        """Return the client for this way, None without one."""
        if polled != self._polled:
            await self.aclose()
            if polled:
                self._client = polled.endpoint.connect(polled.account)
                self._polled = polled
        return self._client

    async def aclose(self) -> None:
        """Close the client; the next one is new."""
        client, self._client, self._polled = self._client, None, None
        if client:
            await client.aclose()
