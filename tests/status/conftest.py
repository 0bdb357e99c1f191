"""Serve made-up states over HTTP, and look at them with a browser."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest

from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.polling.snapshots import SnapshotStore
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.web.addresses import Address
from exporter.web.server import Server
from tests.accounts import WALL
from tests.programs import require
from tests.status.browser import Browser, Tab, chromium
from tests.status.pages import NOW


class Site:
    """Serve a store's status page, with a clock of the test's own."""

    def __init__(self, store: SnapshotStore) -> None:
        self.now = NOW
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)
        clock = Clock(monotonic=lambda: self.now, wall=lambda: WALL + self.now)
        routes = make_routes(
            telemetry_path="/metrics",
            store=store,
            own=ExporterMetrics("1.2.3", "abc", time.monotonic),
            clock=clock,
            is_ready=lambda: True,
            reload=None,
        )
        self._server = Server(routes)
        self._is_open = False
        self.url = ""

    def open(self) -> None:
        self._thread.start()
        [(host, port)] = self._do(self._server.start([Address("127.0.0.1", 0)]))
        self._is_open = True
        self.url = f"http://{host}:{port}/"

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._do(self._server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(require("chromium"), tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def site() -> Iterator[Callable[[SnapshotStore], Site]]:
    with ExitStack() as stack:

        def start(store: SnapshotStore) -> Site:
            it = Site(store)
            it.open()
            stack.callback(it.close)
            return it

        yield start


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    opened = Tab(browser)
    yield opened
    opened.close()
