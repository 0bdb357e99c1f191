"""The client's words about formats and codings decide what it gets, and never break anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.negotiation import Encoding, Format, choose_encoding, choose_format

TEXT, OPENMETRICS = Format.TEXT, Format.OPENMETRICS
IDENTITY, GZIP = Encoding.IDENTITY, Encoding.GZIP
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param("", TEXT, id="nothing said"),
        pytest.param("*/*", TEXT, id="anything"),
        pytest.param(PROMETHEUS_3, OPENMETRICS, id="Prometheus 3"),
        pytest.param(PROMETHEUS_2, OPENMETRICS, id="Prometheus 2"),
        pytest.param(BROWSER, TEXT, id="a browser"),
        pytest.param("application/openmetrics-text", OPENMETRICS, id="no version"),
        pytest.param("application/openmetrics-text; version=0.0.1", OPENMETRICS, id="0.0.1"),
        pytest.param('application/openmetrics-text; version="1.0.0"', OPENMETRICS, id="quoted"),
        pytest.param("APPLICATION/OpenMetrics-Text", OPENMETRICS, id="any case"),
        pytest.param("application/openmetrics-text; version=2.0.0", TEXT, id="a later version"),
        pytest.param(
            "application/openmetrics-text;version=2.0.0,*/*;q=0.1", TEXT, id="later or any"
        ),
        pytest.param(
            "application/openmetrics-text;q=0.4,text/plain;q=0.5", TEXT, id="text weighs more"
        ),
        pytest.param("application/openmetrics-text;q=0.5,text/plain;q=0.5", TEXT, id="a tie"),
        pytest.param("application/openmetrics-text;q=0", TEXT, id="excluded"),
        pytest.param(
            "application/openmetrics-text;q=0,*/*", TEXT, id="excluded, though all is welcome"
        ),
        pytest.param("text/plain;q=0,*/*", OPENMETRICS, id="anything but text"),
        pytest.param("text/*;q=0.2,*/*;q=0.8", OPENMETRICS, id="the narrower wildcard counts"),
        pytest.param(
            "text/plain;version=0.0.4;q=0.9,text/plain;q=0.1,application/*;q=0.5",
            TEXT,
            id="version",
        ),
        pytest.param("application/*", OPENMETRICS, id="a wildcard that text is not in"),
        pytest.param("application/json", TEXT, id="nothing fits"),
        pytest.param(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily",
            TEXT,
            id="protobuf",
        ),
        pytest.param("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT, id="no weight"),
        pytest.param(";;;,,,=;q", TEXT, id="garbage"),
    ],
)
def test_the_format_is_the_one_that_the_client_weighs_most(accept, chosen):
    assert choose_format(accept) is chosen


@pytest.mark.parametrize(
    ("accept_encoding", "chosen"),
    [
        pytest.param("", IDENTITY, id="nothing said"),
        pytest.param("gzip", GZIP, id="Prometheus"),
        pytest.param("gzip, deflate, br, zstd", GZIP, id="a browser"),
        pytest.param("GZip", GZIP, id="any case"),
        pytest.param("x-gzip", GZIP, id="the old name"),
        pytest.param("*", GZIP, id="anything"),
        pytest.param("gzip;q=0.001", GZIP, id="hardly welcome"),
        pytest.param("gzip;q=0", IDENTITY, id="excluded"),
        pytest.param("gzip;q=0.0, *", IDENTITY, id="excluded, though all is welcome"),
        pytest.param("*;q=0", IDENTITY, id="all excluded"),
        pytest.param("identity;q=1, gzip;q=0.5", IDENTITY, id="identity weighs more"),
        pytest.param("identity;q=0.5, gzip", GZIP, id="gzip weighs more"),
        pytest.param("identity;q=0, *", GZIP, id="anything but identity"),
        pytest.param("gzip;q=0.5, *;q=1", IDENTITY, id="the wildcard speaks for identity"),
        pytest.param("deflate, br", IDENTITY, id="codings we lack"),
        pytest.param("gzip;q=abc", IDENTITY, id="no weight"),
        pytest.param("gzipped", IDENTITY, id="another word"),
    ],
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
def test_the_heavier_format_wins_whatever_the_order(text, openmetrics):
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
