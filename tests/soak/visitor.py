"""Scrape from another process, as Prometheus, browsers and rude clients do."""

import socket
from functools import cache
from itertools import cycle, islice

from benchmarks.scraper import Scraper

_PATHS = ("/metrics", "/metrics", "/metrics", "/metrics", "/api/v1/balances", "/")


def scrape(port: int, count: int, accounts: tuple[str, ...]) -> int:
    """Scrape so many times over a few kept connections, and return how many responses were whole.

    The first page is read to see that every account is on it. One more client leaves in the middle
    of its request, and one after the request, without waiting for the response.
    """
    scrapers = _scrapers(port)
    page = scrapers[0].page().decode()
    assert all(f'account="{account}"' in page for account in accounts), "an account is missing"
    for scraper in islice(cycle(scrapers), count - 1):
        scraper.scrape()
    for request in (b"GET /metrics HT", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(request)
    return count


@cache
def _scrapers(port: int) -> list[Scraper]:
    return [Scraper(port, gzip=number % 2 == 0, path=path) for number, path in enumerate(_PATHS)]
