"""Play what clients of ours do, good ones and bad, while Prometheus scrapes and polls go on."""

import asyncio
import random
import re
import signal
import socket
import struct
import time
import zlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from itertools import cycle, product
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.exchanges import EXCHANGES
from exporter.exposition.negotiation import Encoding
from exporter.simulator import config_text
from tests.faults.case import Case
from tests.faults.daemon import Daemon, process_case
from tests.programs import wait_for
from tests.web.shapes import (
    ACCEPT,
    ACCEPT_ENCODING,
    AMBIGUOUS,
    PROMETHEUS_2,
    PROMETHEUS_3,
    TOO_LARGE,
    request,
)

Clients = Callable[[Daemon], Coroutine[Any, Any, None]]
"""Do something to a daemon, and raise if it does not respond as it must."""

# Seconds. Prometheus allows a scrape 10.
_IN_TIME = 5.0
_AT_LEAST = 2.0
_PATIENCE = 60.0
_MOST_LAG = 2.0
_GUEST = "guest"
_PATHS = ("/", "/metrics", "/api/v1/balances", "/-/healthy", "/-/ready")
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def _get(path: str, *headers: str, method: str = "GET") -> bytes:
    return request(*headers, "Connection: close", line=f"{method} {path} HTTP/1.1")


_SCRAPES = [
    _get("/metrics", f"Accept: {accept}", f"Accept-Encoding: {coding}")
    for accept, coding in product((PROMETHEUS_2, PROMETHEUS_3), ("gzip", "identity"))
]


async def scrapers(daemon: Daemon) -> None:
    """1,000 clients scrape at once."""
    responses = await asyncio.gather(*(_fetch(daemon, _SCRAPES[0]) for _ in range(1000)))
    assert all(_text(response).endswith("# EOF\n") for response in responses)


async def slow_clients(daemon: Daemon) -> None:
    """500 clients never finish their request, each in another place."""

    async def begin(length: int) -> None:
        response = await _fetch(daemon, _SCRAPES[0][:length])
        assert not response or _status(response) == 408

    await asyncio.gather(*(begin(number % len(_SCRAPES[0])) for number in range(500)))


async def slow_readers(daemon: Daemon) -> None:
    """300 clients request 50 large pages each and read none, so that the kernel takes no more."""
    _give(daemon, "1.5", assets=2000)
    await asyncio.to_thread(
        wait_for, lambda: daemon.page().count("exchange_total_balance{") == 4000
    )

    async def send() -> None:
        _, writer = await _connect(daemon)
        writer.write(request(line="GET /metrics HTTP/1.1") * 50)
        await asyncio.sleep(5)
        writer.transport.abort()

    await asyncio.gather(*(send() for _ in range(300)))


async def leaving_clients(daemon: Daemon) -> None:
    """10,000 clients leave in the middle, half of them with a reset."""
    chance = random.Random(1)

    async def leave() -> None:
        reader, writer = await _connect(daemon)
        if chance.randrange(2):
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE
            )
        length = chance.choice([0, 1, 10, len(_SCRAPES[0])])
        writer.write(_SCRAPES[0][:length])
        if length == len(_SCRAPES[0]) and chance.randrange(2):
            await reader.read(1)
        writer.transport.abort()

    await _a_few_at_a_time(leave() for _ in range(10_000))


async def large_requests(daemon: Daemon) -> None:
    """Targets, headers, numbers of headers and bodies of 1 MB and more, ten times each."""
    for sent, refusal in 10 * list(TOO_LARGE.values()):
        assert _status(await _fetch(daemon, sent)) == refusal


async def ambiguous_requests(daemon: Daemon) -> None:
    """Contradictory lengths, and all else that two readers could understand in two ways."""
    for sent in 10 * list(AMBIGUOUS.values()):
        response = await _fetch(daemon, sent + _SCRAPES[0])
        assert _status(response) in {400, 501, 505}
        assert response.count(b"\r\nDate: ") == 1, "what follows is served"


async def bad_methods(daemon: Daemon) -> None:
    """Methods that a page does not have, made-up ones among them."""
    for path, method in product(_PATHS, ("POST", "PUT", "DELETE", "TRACE", "get", "X" * 1000)):
        response = await _fetch(daemon, _get(path, method=method))
        assert _status(response) == 405
        assert b"\r\nAllow: GET, HEAD\r\n" in response
    assert b"\r\nAllow: POST, PUT\r\n" in await _fetch(daemon, _get("/-/reload"))


async def odd_paths(daemon: Daemon) -> None:
    """Paths that are almost right, and some that lead out of where one is."""
    paths = ("//metrics", "/metrics/", "/%6detrics", "/x/../metrics", "/../../etc/passwd", "/-/")
    for path in (*paths, "/metrics;x", "/metrics%00", "/METRICS", "/" + "a" * 10_000):
        assert _status(await _fetch(daemon, _get(path))) == 404


async def pipelining(daemon: Daemon) -> None:
    """20 clients send 2,000 requests each without waiting for responses, and read them later."""
    sent = request(line="GET /-/healthy HTTP/1.1") * 1999 + _get("/metrics")

    async def send() -> None:
        assert (await _fetch(daemon, sent)).count(b"HTTP/1.1 200 ") == 2000

    await asyncio.gather(*(send() for _ in range(20)))


async def negotiation(daemon: Daemon) -> None:
    """Every kind of Accept with every kind of Accept-Encoding, with weights and garbage."""
    garbage = {"garbage of 10 kB": ("," * 5000 + ";q=" * 1600, next(iter(ACCEPT.values()))[1])}
    for accept, coding in product({**ACCEPT, **garbage}.values(), ACCEPT_ENCODING.values()):
        headers = f"Accept: {accept[0]}", f"Accept-Encoding: {coding[0]}"
        response = await _fetch(daemon, _get("/metrics", *headers))
        assert _status(response) == 200
        assert f"\r\nContent-Type: {accept[1].value}\r\n".encode() in response
        assert (b"\r\nContent-Encoding: gzip\r\n" in response) == (coding[1] is Encoding.GZIP)


async def head(daemon: Daemon) -> None:
    """HEAD of every page."""
    for path in _PATHS:
        responses = [await _fetch(daemon, _get(path, method=method)) for method in ("GET", "HEAD")]
        whole, bare = [response.partition(b"\r\n\r\n") for response in responses]
        assert _names(bare[0]) == _names(whole[0])
        assert whole[2]
        assert not bare[2]


async def scrapes_in_reloads(daemon: Daemon) -> None:
    """400 scrapes, 8 at a time, while reloads let a third account come and go."""
    without_guest = daemon.config.read_text()
    daemon.add_account(next(iter(EXCHANGES)), _GUEST)
    _give(daemon, "1.5")
    configs = cycle([config_text(daemon.simulator, interval="1s", timeout="500ms"), without_guest])

    async def scrape(number: int) -> None:
        if number % 10 == 0:
            draft = daemon.folder / "draft"
            draft.write_text(next(configs))
            draft.rename(daemon.config)
            daemon.process.send_signal(signal.SIGHUP)
        await _scrape(daemon)

    await _a_few_at_a_time(scrape(number) for number in range(400))
    assert daemon.log.count("configuration reloaded") > 10


async def scrapes_in_swaps(daemon: Daemon) -> None:
    """Scrapes without a pause, 8 at a time, while every response has new balances."""
    seen: set[str] = set()

    async def scrape(number: int) -> None:
        if number % 10 == 0:
            _give(daemon, str(number + 1))
        seen.update(await _scrape(daemon))

    await _a_few_at_a_time(scrape(number) for number in range(2000))
    assert len(seen) > 3


def _give(daemon: Daemon, total: str, assets: int = 200) -> None:
    """Let each account hold the same of every asset."""
    names = ("BTC", *(f"A{number}" for number in range(1, assets)))
    for account in daemon.simulator.accounts:
        daemon.simulator.set_balances(account, dict.fromkeys(names, (total, total, "0")))


async def _play(daemon: Daemon, clients: Clients) -> None:
    """Scrape as Prometheus does until the clients are done, and see that they leave no trace."""
    descriptors, polls, began = daemon.descriptors, daemon.polls(), time.monotonic()
    crowd = asyncio.create_task(clients(daemon))
    while not crowd.done() or time.monotonic() < began + _AT_LEAST:
        async with asyncio.timeout(_IN_TIME):
            await _scrape(daemon)
        await asyncio.sleep(0.1)
    await crowd
    due = len(daemon.simulator.accounts) * (time.monotonic() - began)  # each once a second
    assert daemon.polls() - polls > due / 2 - 2, "polls do not go on"
    page = _text(await _fetch(daemon, _SCRAPES[0]))
    assert list(text_string_to_metric_families(page))
    lag = re.search(r"^exchange_exporter_event_loop_lag_seconds (\S+)$", page, re.MULTILINE)
    assert lag, page
    assert float(lag[1]) < _MOST_LAG, f"the daemon kept itself waiting for {lag[1]} s"
    await asyncio.to_thread(wait_for, lambda: daemon.descriptors <= descriptors)
    assert "level=error" not in daemon.log


async def _scrape(daemon: Daemon) -> set[str]:
    """Return the totals of a page that is whole, and has one response of each account."""
    text = _text(await _fetch(daemon, random.choice(_SCRAPES)))
    assert text.endswith("# EOF\n")
    seen: set[str] = set()
    for account in daemon.simulator.accounts:
        labels = f'{{exchange="{account.exchange}",account="{account.name}"'
        count = re.search(rf"^exchange_account_assets{labels}}} (\d+)$", text, re.MULTILINE)
        totals = re.findall(rf"^exchange_total_balance{labels},.*}} (\S+)$", text, re.MULTILINE)
        assert len(totals) == int(count[1] if count else 0)
        assert totals or account.name == _GUEST, "balances are missing"
        assert len(set(totals)) <= 1, "half of one response and half of another"
        seen.update(totals)
    return seen


async def _connect(daemon: Daemon) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", daemon.port)


async def _fetch(daemon: Daemon, sent: bytes) -> bytes:
    """Return the response until the daemon closes."""
    reader, writer = await _connect(daemon)
    try:
        async with asyncio.timeout(_PATIENCE):
            writer.write(sent)
            return await reader.read()
    finally:
        writer.transport.abort()


async def _a_few_at_a_time(tasks: Iterable[Awaitable[None]]) -> None:
    waiting = iter(tasks)

    async def work() -> None:
        for task in waiting:
            await task

    await asyncio.gather(*(work() for _ in range(8)))


def _text(response: bytes) -> str:
    assert _status(response) == 200
    head, _, body = response.partition(b"\r\n\r\n")
    is_gzip = b"\r\nContent-Encoding: gzip\r\n" in head
    return (zlib.decompress(body, wbits=31) if is_gzip else body).decode()


def _status(response: bytes) -> int:
    return int(response.split(maxsplit=2)[1])


def _names(head: bytes) -> list[bytes]:
    return [line.partition(b":")[0] for line in head.splitlines()]


def _case(clients: Clients) -> Case:
    def play(daemon: Daemon) -> None:
        _give(daemon, "1.5")
        daemon.start()
        wait_for(daemon.is_up)
        asyncio.run(_play(daemon, clients))
        daemon.stop()

    does = " ".join((clients.__doc__ or "").split())
    seen = "whole pages in time, polls go on, nothing is left behind"
    return process_case("H", clients.__name__, seen, play, does=does)


_CLIENTS: tuple[Clients, ...] = (
    scrapers,
    slow_clients,
    slow_readers,
    leaving_clients,
    large_requests,
    ambiguous_requests,
    bad_methods,
    odd_paths,
    pipelining,
    negotiation,
    head,
    scrapes_in_reloads,
    scrapes_in_swaps,
)

SERVING = [_case(clients) for clients in _CLIENTS]
