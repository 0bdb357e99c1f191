"""Collect the names of all metrics that the exporter exposes, from the code that exposes them."""

from prometheus_client.parser import text_string_to_metric_families

from exporter.exposition import metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.families import Format


def exposed_metrics() -> set[str]:
    """Return the name of every metric, as a query would name it."""
    own = inflate(ExporterMetrics("1.0.0", "", lambda: 0.0).block(Format.TEXT)).decode()
    return {family.name for family in metrics.FAMILIES} | {
        sample.name for family in text_string_to_metric_families(own) for sample in family.samples
    }
