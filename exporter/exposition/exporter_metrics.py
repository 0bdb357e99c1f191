"""Measure the exporter itself, with prometheus_client."""

import platform
from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    exposition,
)
from prometheus_client.openmetrics import exposition as openmetrics

from exporter.exposition.api_metrics import ApiMetrics
from exporter.exposition.deflate import Block, deflate
from exporter.exposition.families import Format

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

_MAX_AGE = 1.0  # seconds: reading /proc costs more than a whole scrape


class ExporterMetrics:
    """Register and render the exporter's own families; a rendering is reused for a second."""

    def __init__(
        self,
        version: str,
        revision: str,
        monotonic: Callable[[], float],
        *,
        with_process: bool = True,
    ) -> None:
        """Register every family, so that all are there from the first scrape on."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._monotonic = monotonic
        self._rendered: dict[Format, tuple[float, Block]] = {}
        self._gauge(
            "build_info",
            "Running version, revision and Python. Always 1.",
            ["version", "revision", "python_version"],
        ).labels(version, revision, platform.python_version()).set(1)
        self._reload_successful = self._gauge(
            "config_last_reload_successful", "Whether the last configuration reload succeeded."
        )
        self._reload_time = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "Unix time of the last successful configuration reload.",
        )
        self.series = self._gauge("series", "Series of balances, accounts and prices served.")
        self.loop_lag = self._gauge(
            "event_loop_lag_seconds",
            "Maximum event loop lag over the last minute.",
        )
        self.shard = self._gauge("shard", "Number of this shard, from 0.")
        self.total_shards = self._gauge("total_shards", "Shards that poll the accounts together.")
        self._log_messages = self._count_log_messages()
        self.api = ApiMetrics(self._registry)
        if with_process:
            ProcessCollector(registry=self._registry)
            PlatformCollector(registry=self._registry)
            GCCollector(registry=self._registry)

    def _count_log_messages(self) -> Counter:
        """Return the counter of log messages, at 0 for every level."""
        name, text = "exchange_exporter_log_messages", "Total number of log messages."
        counter = Counter(name, text, ["level"], registry=self._registry)
        for level in LOG_LEVELS:
            counter.labels(level)
        return counter

    def count_log_message(self, level: str) -> None:
        """Count a logged message."""
        self._log_messages.labels(level).inc()

    def note_reload(self, loaded_at: float | None) -> None:
        """Record when a configuration was loaded (Unix time), or None if it was rejected."""
        self._reload_successful.set(loaded_at is not None)
        if loaded_at is not None:
            self._reload_time.set(loaded_at)
        self._rendered.clear()

    def block(self, page_format: Format) -> Block:
        """Return all families in one of the two formats, at most a second old."""
        now = self._monotonic()
        made_at, block = self._rendered.get(page_format, (-_MAX_AGE, None))
        if block is None or now - made_at >= _MAX_AGE:
            block = deflate(self._render(page_format))
            self._rendered[page_format] = now, block
        return block

    def _render(self, page_format: Format) -> bytes:
        if page_format is Format.TEXT:
            return exposition.generate_latest(self._registry)
        page: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
        return page.removesuffix(page_format.end.encode())

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"exchange_exporter_{name}", text, labels or [], registry=self._registry)
