"""Metrics of requests and limits: one sample for each way to an exchange."""

from prometheus_client import CollectorRegistry, generate_latest

from exporter.exchange_api.session import RequestRecord
from exporter.exposition.api_metrics import ApiMetrics
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import LimitState

DIRECT = EndpointKey("x", "api.example.com")
PROXIED = EndpointKey("x", "api.example.com", "proxy:3128", account="desk")


def page(*records: tuple[EndpointKey, RequestRecord], limits: tuple[LimitState, ...] = ()) -> str:
    registry = CollectorRegistry()
    api = ApiMetrics(registry)
    api.watch(lambda: limits)
    for key, record in records:
        api.count(key, record)
    return generate_latest(registry).decode()


def test_requests_are_counted_by_status_or_by_the_reason_why_there_was_none():
    text = page(
        (DIRECT, RequestRecord("balances", "200", 0.2)),
        (DIRECT, RequestRecord("balances", "200", 0.2)),
        (DIRECT, RequestRecord("token", "timeout", 10.0)),
    )
    labels = 'egress="",exchange="x",host="api.example.com"'
    assert f'exchange_api_requests_total{{call="balances",code="200",{labels}}} 2.0' in text
    assert f'exchange_api_requests_total{{call="token",code="timeout",{labels}}} 1.0' in text


def test_durations_are_counted_in_buckets():
    text = page((PROXIED, RequestRecord("balances", "200", 0.2)))
    labels = 'call="balances",egress="proxy:3128",exchange="x",host="api.example.com"'
    name = "exchange_api_request_duration_seconds"
    assert f'{name}_bucket{{call="balances",egress="proxy:3128",exchange="x",' in text
    assert f"{name}_count{{{labels}}} 1.0" in text
    assert f"{name}_sum{{{labels}}} 0.2" in text
    assert 'le="0.1"} 0.0' in text
    assert 'le="0.25"} 1.0' in text


def test_limits_and_pauses_are_those_of_now():
    text = page(limits=(LimitState(PROXIED, 120, 0.0), LimitState(DIRECT, 60, 1.7e9)))
    labels = 'egress="proxy:3128",exchange="x",host="api.example.com",limit="private"'
    paused = 'account="",egress="",exchange="x",host="api.example.com",limit="private"'
    name = "exchange_api_rate_limit_requests_per_minute"
    assert f'{name}{{account="desk",{labels}}} 120.0' in text
    assert f"exchange_api_paused_until_timestamp_seconds{{{paused}}} 1.7e+09" in text
