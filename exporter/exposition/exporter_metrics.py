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

from exporter.exposition.deflate import Block, deflate

LOG_LEVELS = ("debug", "info", "warning", "error", "critical")

_MAX_AGE = 1.0  # seconds: reading /proc costs more than a whole scrape


class ExporterMetrics:
    """Hold the exporter's own families; a rendering serves all scrapes within a second."""

    def __init__(self, version: str, revision: str, monotonic: Callable[[], float]) -> None:
        """Register every family, so that all are there from the first scrape on."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._monotonic = monotonic
        self._rendered: dict[bool, tuple[float, Block]] = {}
        self._gauge(
            "build_info", "The running build.", ["version", "revision", "python_version"]
        ).labels(version, revision, platform.python_version()).set(1)
        self._reload_successful = self._gauge(
            "config_last_reload_successful", "Whether the last reading of the configuration worked."
        )
        self._reload_time = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "Unix time at which a configuration was last taken over.",
        )
        self.series = self._gauge("series", "Series of balances and accounts that are exposed.")
        self.loop_lag = self._gauge(
            "event_loop_lag_seconds",
            "Longest time within the last minute for which the exporter kept itself waiting.",
        )
        self._log_messages = Counter(
            "exchange_exporter_log_messages", "Logged messages.", ["level"], registry=self._registry
        )
        for level in LOG_LEVELS:
            self._log_messages.labels(level)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def count_log_message(self, level: str) -> None:
        """Count a logged message."""
        self._log_messages.labels(level).inc()

    def note_reload(self, taken_over_at: float | None) -> None:
        """Note a configuration's taking over at a Unix time, or None where it was refused."""
        self._reload_successful.set(taken_over_at is not None)
        if taken_over_at is not None:
            self._reload_time.set(taken_over_at)
        self._rendered.clear()

    def block(self, *, as_openmetrics: bool) -> Block:
        """Return all families in one of the two formats, at most a second old."""
        now = self._monotonic()
        made_at, block = self._rendered.get(as_openmetrics, (-_MAX_AGE, None))
        if block is None or now - made_at >= _MAX_AGE:
            block = deflate(self._render(as_openmetrics=as_openmetrics))
            self._rendered[as_openmetrics] = now, block
        return block

    def _render(self, *, as_openmetrics: bool) -> bytes:
        if as_openmetrics:
            page: bytes = openmetrics.generate_latest(self._registry)  # type: ignore[no-untyped-call]
            return page.removesuffix(b"# EOF\n")
        return exposition.generate_latest(self._registry)

    def _gauge(self, name: str, text: str, labels: list[str] | None = None) -> Gauge:
        return Gauge(f"exchange_exporter_{name}", text, labels or [], registry=self._registry)
