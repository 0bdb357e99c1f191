"""Numbers and times are said in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.status.words import count, duration, element_id, listed, name, prose

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.2, "1 s"),
        (59, "59 s"),
        (59.1, "1 min"),
        (61, "1 min 1 s"),
        (3541, "59 min 1 s"),
        (3599.5, "1 h"),
        (3601, "1 h 1 min"),
        (86400, "1 d"),
        (90061, "1 d 2 h"),
        (1e9, "11574 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float, words: str):
    assert duration(seconds) == words


@given(st.floats(min_value=0, max_value=1e9))
def test_no_duration_is_too_short_nor_much_too_long(seconds: float):
    parts = duration(seconds).split()
    shown = sum(
        int(number) * _SECONDS[unit] for number, unit in zip(parts[::2], parts[1::2], strict=True)
    )
    assert seconds <= shown <= seconds + max(1, seconds / 24)


def test_one_is_singular():
    assert [count(number, "row") for number in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]


def test_a_long_list_is_cut():
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d"]) == "a, b, c, and 1 more"


def test_a_name_keeps_its_direction_to_itself():
    assert name("\u202e<b>") == "<bdi>\u202e&lt;b&gt;</bdi>"


def test_no_two_names_make_the_same_id():
    assert element_id("a/b", "c") != element_id("a", "b/c")
    assert element_id('a "b"') == "a%20%22b%22"


def test_names_of_settings_stand_out():
    assert prose("Check `base_url` & `<x>`.") == (
        "Check <code>base_url</code> &amp; <code>&lt;x&gt;</code>."
    )
