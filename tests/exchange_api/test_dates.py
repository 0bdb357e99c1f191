"""Dates in headers: every format that HTTP knows, read as UTC wherever this machine stands."""

import time
from collections.abc import Iterator

import pytest

from exporter.exchange_api.http_date import parse_retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.fixture(params=["UTC", "Asia/Kolkata", "America/Mexico_City"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    "value",
    [
        "Tue, 14 Nov 2023 22:14:20 GMT",
        "Tuesday, 14-Nov-23 22:14:20 GMT",
        "Tue Nov 14 22:14:20 2023",
        "Tue, 14 Nov 2023 22:14:20 -0000",
    ],
)
def test_a_date_means_the_same_in_every_time_zone(value: str) -> None:
    assert parse_retry_after(value, NOW) == 60
