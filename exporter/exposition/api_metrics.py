"""Measure the requests to exchanges, and show their rate limits, with prometheus_client."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from exporter.exchange_api.session import RequestRecord
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import LimitState

ReadLimits = Callable[[], Iterable[LimitState]]

_API = ("exchange", "host", "egress")
_LIMIT = (*_API, "limit", "account")
_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ApiMetrics(Collector):
    """Count requests as they end; limits are read when they are collected."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every family."""
        self._requests = Counter(
            "exchange_api_requests",
            "Requests to an exchange. Label code is the HTTP status, or the reason if none came.",
            (*_API, "call", "code"),
            registry=registry,
        )
        self._duration = Histogram(
            "exchange_api_request_duration_seconds",
            "Duration of requests to an exchange, including connecting.",
            (*_API, "call"),
            buckets=_BUCKETS,
            registry=registry,
        )
        self._read_limits: ReadLimits = tuple
        registry.register(self)

    def watch(self, read_limits: ReadLimits) -> None:
        """Show these limits from now on."""
        self._read_limits = read_limits

    def count(self, key: EndpointKey, record: RequestRecord) -> None:
        """Count a request that ended."""
        api = key.exchange, key.host, key.egress, record.call
        self._requests.labels(*api, record.code).inc()
        self._duration.labels(*api).observe(record.seconds)

    def collect(self) -> Iterator[Metric]:
        """Yield the limits as they are now."""
        limits = list(self._read_limits())
        per_minute = GaugeMetricFamily(
            "exchange_api_rate_limit_requests_per_minute",
            "Rate limit that requests are kept below.",
            labels=_LIMIT,
        )
        paused_until = GaugeMetricFamily(
            "exchange_api_paused_until_timestamp_seconds",
            "Unix time until which no request is sent after a rate limit was exceeded. 0 if none.",
            labels=_LIMIT,
        )
        for limit in limits:
            key = limit.key
            labels = [key.exchange, key.host, key.egress, key.limit, key.account]
            per_minute.add_metric(labels, limit.requests_per_minute)
            paused_until.add_metric(labels, limit.paused_until)
        yield per_minute
        yield paused_until
