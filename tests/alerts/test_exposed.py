"""Compare what the exporter exposes with what rules and dashboards use, both ways."""

import re

from tests.alerts.files import RECORDS, ROOT, RULES, metrics
from tests.exposed import exposed_metrics

UNUSED = {
    "exchange_account_info": "is for queries that group by labels of the accounts",
    "exchange_api_request_duration_seconds_count": "comes with the buckets, which are drawn",
    "exchange_api_request_duration_seconds_sum": "comes with the buckets, which are drawn",
    "exchange_exporter_shard": "tells the shards apart",
    "exchange_exporter_total_shards": "says how many shards there should be",
    "process_virtual_memory_bytes": "says nothing: address space costs nothing",
    "python_gc_objects_collected_total": "is for whoever hunts a leak",
    "python_gc_objects_uncollectable_total": "is for whoever hunts a leak",
    "python_info": "stands in exchange_exporter_build_info, too",
}
"""What comes with the client library and is not worth a panel."""

PROMETHEUS = {"ALERTS", "scrape_sample_limit", "scrape_samples_post_metric_relabeling", "up"}
"""What Prometheus itself knows of its targets and alerts."""


def documented() -> set[str]:
    """Return every metric of the reference, those of valuation included."""
    return set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))


def in_rules() -> set[str]:
    return set().union(*(metrics(rule["expr"]) for rule in RULES)) - RECORDS.keys()


def in_dashboards() -> set[str]:
    text = " ".join(path.read_text() for path in (ROOT / "grafana/dashboards").glob("*.json"))
    return exposed_metrics() & set(re.findall(r"\w+", text))


def test_rules_ask_only_for_metrics_that_are_exposed() -> None:
    assert in_rules() <= exposed_metrics() | documented() | PROMETHEUS


def test_every_exposed_metric_is_used_or_said_not_to_be() -> None:
    assert exposed_metrics() - in_rules() - in_dashboards() == UNUSED.keys()
