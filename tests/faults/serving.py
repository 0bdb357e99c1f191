"""Play what clients of ours do badly while polls go on, and what only many polls show."""

import signal
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache

from tests.faults.case import EXCHANGES, Case
from tests.faults.daemon import Daemon, process_case
from tests.ledger.drive import check
from tests.programs import wait_for

_REQUEST = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_SEEDS = range(100, 110)
_check_once = cache(check)  # a schedule has accounts at both exchanges


def slow_clients(daemon: Daemon) -> None:
    """500 clients never finish their request."""
    daemon.start()
    wait_for(daemon.is_up)
    with ExitStack() as clients:
        for _ in range(500):
            client = socket.create_connection(("127.0.0.1", daemon.port), 5)
            clients.enter_context(client).sendall(_REQUEST)
        daemon.goes_on()
    daemon.stop()


def leaving_clients(daemon: Daemon) -> None:
    """1,000 clients reset the connection as soon as they have asked."""
    daemon.start()
    wait_for(daemon.is_up)
    for _ in range(1000):
        with socket.create_connection(("127.0.0.1", daemon.port), 5) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            client.sendall(_REQUEST + b"\r\n")
    daemon.goes_on()
    daemon.stop()


def scrapes_while_it_reloads(daemon: Daemon) -> None:
    """400 scrapes, 8 at a time, while the configuration is read again and again."""
    daemon.start()
    wait_for(daemon.is_up)

    def scrape(number: int) -> bool:
        if number % 10 == 0:
            daemon.process.send_signal(signal.SIGHUP)
        return daemon.is_up()

    with ThreadPoolExecutor(8) as scrapers:
        assert all(scrapers.map(scrape, range(400)))
    daemon.stop()


def _schedule(seed: int) -> Callable[[str], None]:
    def play(_exchange: str) -> None:
        assert _check_once(seed) > 0

    return play


SERVING = [
    process_case("H", "slow_clients", "scrapes and polls go on", slow_clients),
    process_case("H", "leaving_clients", "scrapes and polls go on", leaving_clients),
    process_case("H", "scrapes_in_reloads", "every page is whole", scrapes_while_it_reloads),
    *(
        Case(
            "I",
            f"schedule_{seed}",
            "Half an hour of random faults, reloads, restarts and clock jumps.",
            dict.fromkeys(EXCHANGES, "every page agrees with the ledger"),
            _schedule(seed),
        )
        for seed in _SEEDS
    ),
]
