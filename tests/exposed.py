"""Collect the names of all metrics that the exporter exposes, from the code that exposes them."""

from prometheus_client.parser import text_string_to_metric_families

from exporter.exchange_api.session import RequestRecord
from exporter.exposition import metrics, price_metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.families import Format
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import LimitState


def exposed_metrics() -> set[str]:
    """Return the name of every metric, as a query would name it."""
    exporter, key = ExporterMetrics("1.0.0", "", lambda: 0.0), EndpointKey("x", "api.example.com")
    exporter.api.count(key, RequestRecord("balances", "200", 0.1))
    exporter.api.watch(lambda: [LimitState(key, 60, 0.0)])
    own = inflate(exporter.block(Format.TEXT)).decode()
    return {family.name for family in (*metrics.FAMILIES, *price_metrics.PRICES)} | {
        sample.name for family in text_string_to_metric_families(own) for sample in family.samples
    }
