"""Durations are those of Prometheus."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.yamlfile.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("0s", 0),
        ("500ms", 0.5),
        ("30s", 30),
        ("1m30s", 90),
        ("90s", 90),
        ("5m", 300),
        ("1h", 3600),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1y2w3d4h5m6s7ms", 33_019_506.007),
        ("05m", 300),
    ],
)
def test_a_duration_is_read(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        *("", "5", "s", "5 s", " 5s", "5s ", "-5s", "+5s", "1.5s", "1_0s", "5S", "5sec", "1s1m"),
        *("1m1m", "1e3s", "\u0665s", "5s\n", "300y", "9" * 5000 + "s", "9" * 19 + "ms"),
    ],
)
def test_anything_else_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="duration") as caught:
        parse_duration(text)
    assert not text or text not in str(caught.value).replace("30s, 1m30s or 5m", "").split(" ")


@given(st.text())
def test_no_text_raises_anything_but_a_value_error(text):
    with contextlib.suppress(ValueError):
        assert parse_duration(text) >= 0
