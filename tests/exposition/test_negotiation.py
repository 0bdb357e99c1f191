"""The client's words about formats and codings decide what it gets, and never break anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.families import Format
from exporter.exposition.negotiation import Encoding, choose_encoding, choose_format
from tests.web.shapes import ACCEPT, ACCEPT_ENCODING

TEXT, OPENMETRICS = Format.TEXT, Format.OPENMETRICS
IDENTITY, GZIP = Encoding.IDENTITY, Encoding.GZIP


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [pytest.param(accept, chosen, id=name) for name, (accept, chosen) in ACCEPT.items()],
)
def test_the_format_is_the_one_that_the_client_weighs_most(accept, chosen):
    assert choose_format(accept) is chosen


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [pytest.param(accept, chosen, id=name) for name, (accept, chosen) in ACCEPT_ENCODING.items()],
)
def test_the_coding_is_gzip_where_it_is_welcome(accept_encoding, chosen):
    assert choose_encoding(accept_encoding) is chosen


@pytest.mark.parametrize("accept", ["application/openmetrics-text", "text/plain", "*/*"])
def test_content_types_are_exactly_those_that_prometheus_knows(accept):
    assert choose_format(accept).value in {
        "text/plain; version=0.0.4; charset=utf-8",
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    }


WORDS = st.sampled_from(
    [
        "text/plain",
        "application/openmetrics-text",
        "*/*",
        "text/*",
        "gzip",
        "identity",
        "*",
        ";",
        ",",
        "=",
        "q=",
        "q=0",
        "1",
        ".5",
        '"',
        "version=",
        "1.0.0",
        " ",
    ]
)


@given(st.text() | st.lists(WORDS).map("".join))
def test_no_header_is_too_strange(header):
    assert choose_format(header) in Format
    assert choose_encoding(header) in Encoding


WEIGHTS = st.integers(0, 1000)


@given(text=WEIGHTS, openmetrics=WEIGHTS)
def test_the_format_with_more_weight_wins_in_any_order(text, openmetrics):
    items = [
        f"text/plain;q={text / 1000:.3f}",
        f"application/openmetrics-text;q={openmetrics / 1000:.3f}",
    ]
    chosen = OPENMETRICS if openmetrics > text else TEXT
    assert choose_format(",".join(items)) is chosen
    assert choose_format(",".join(reversed(items))) is chosen


@given(gzip=WEIGHTS, identity=WEIGHTS)
def test_a_coding_of_weight_0_is_never_chosen_before_one_that_is_welcome(gzip, identity):
    header = f"gzip;q={gzip / 1000:.3f}, identity;q={identity / 1000:.3f}"
    assert choose_encoding(header) is (GZIP if gzip and gzip >= identity else IDENTITY)
