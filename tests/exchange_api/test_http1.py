"""The response reader: it reads what HTTP allows, and nothing without a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exchange_api.http1 import (
    MAX_BODY_BYTES,
    MAX_CHUNKS,
    MAX_ERROR_BODY_BYTES,
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_INTERIM_RESPONSES,
    HttpError,
    NotHttpError,
    Response,
    ResponseReader,
)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*parts: bytes, ended: bool = False) -> Response | None:
    """Return the response of bytes that come in parts."""
    reader = ResponseReader()
    for part in parts:
        reader.feed(part)
    if ended:
        reader.end()
    return reader.response


def whole(*parts: bytes, ended: bool = False) -> Response:
    response = read(*parts, ended=ended)
    assert response is not None
    return response


def sized(length: int, status: int = 200) -> bytes:
    return f"HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n".encode()


def test_a_body_ends_at_its_length():
    response = whole(sized(4) + b"body")
    assert (response.status, response.body, response.keeps_connection) == (200, b"body", True)


def test_a_response_is_not_there_before_its_last_byte():
    assert read(sized(4) + b"bod") is None


def test_chunks_are_joined_and_their_extensions_and_trailers_skipped():
    body = b"3;name=value\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"
    assert whole(CHUNKED + body).body == b"abcde"


def test_a_body_without_a_length_ends_with_the_connection():
    response = whole(OK + b"\r\nbody", ended=True)
    assert (response.body, response.keeps_connection) == (b"body", False)


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_body(status: int):
    assert whole(f"HTTP/1.1 {status} x\r\nContent-Length: 9\r\n\r\n".encode()).body == b""


def test_interim_responses_are_skipped():
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert whole(early * MAX_INTERIM_RESPONSES + sized(2) + b"ok").body == b"ok"


def test_lines_may_end_without_a_carriage_return():
    assert whole(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok").body == b"ok"


def test_names_of_fields_have_no_case_and_values_no_outer_spaces():
    assert whole(OK + b"DATE: \t now \t\r\nContent-Length: 0\r\n\r\n").values("date") == ["now"]


@pytest.mark.parametrize("field", [b"Connection: close", b"connection: x, Close"])
def test_a_connection_is_not_kept_if_the_server_closes_it(field: bytes):
    assert not whole(OK + field + b"\r\nContent-Length: 0\r\n\r\n").keeps_connection


def test_a_connection_of_http_1_0_is_not_kept():
    assert not whole(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keeps_connection


def test_bytes_after_the_end_are_noticed():
    reader = ResponseReader()
    reader.feed(sized(2) + b"okHTTP")
    assert reader.surplus


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK\r\n\r\n",
        OK + b"no colon\r\n\r\n",
        OK + b"Name : value\r\n\r\n",
        OK + b"Folded: a\r\n b\r\n\r\n",
        OK + b"Nul: \x00\r\n\r\n",
        OK + b"Bare: a\rb\r\n\r\n",
        OK + b": no name\r\n\r\n",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: +1\r\n\r\n",
        OK + b"Content-Length: 1_0\r\n\r\n",
        OK + b"Content-Length: \r\n\r\n",
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        OK + b"Content-Length: 1, 2\r\n\r\n",
        OK + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: gzip\r\n\r\n",
        OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ],
)
def test_a_head_that_is_not_valid_or_not_certain_is_an_error(head: bytes):
    with pytest.raises(HttpError):
        read(head)


@pytest.mark.parametrize("length", [b"5\r\nContent-Length: 5", b"5, 5"])
def test_a_length_that_is_repeated_alike_counts(length: bytes):
    assert whole(OK + b"Content-Length: " + length + b"\r\n\r\nhello").body == b"hello"


@pytest.mark.parametrize(
    "body", [b"x\r\n", b"-1\r\n", b"1\r\nab", b"1\r\na\rb", b"123456789\r\n", b"\r\n", b"1" * 300]
)
def test_a_chunk_that_is_not_valid_is_an_error(body: bytes):
    with pytest.raises(HttpError):
        read(CHUNKED + body)


def test_what_is_not_http_is_noticed_at_its_first_bytes():
    with pytest.raises(NotHttpError):
        read(b"SSH-2.0")


@pytest.mark.parametrize("start", [b"", OK, sized(4) + b"bod", CHUNKED + b"3\r\nabc\r\n"])
def test_a_response_that_breaks_off_is_an_error(start: bytes):
    with pytest.raises(HttpError, match="broke off"):
        read(start, ended=True)


def test_the_largest_body_is_read_and_one_byte_more_is_an_error_before_it_comes():
    assert len(whole(sized(MAX_BODY_BYTES) + b"x" * MAX_BODY_BYTES).body) == MAX_BODY_BYTES
    with pytest.raises(HttpError, match="larger"):
        read(sized(MAX_BODY_BYTES + 1))


def test_a_body_without_a_length_is_bounded_as_well():
    with pytest.raises(HttpError, match="larger"):
        read(OK + b"\r\n" + b"x" * (MAX_BODY_BYTES + 1))


def test_the_number_of_chunks_is_bounded():
    chunks = b"1\r\nx\r\n" * MAX_CHUNKS
    assert read(CHUNKED + chunks) is None
    with pytest.raises(HttpError, match="chunks"):
        read(CHUNKED + chunks + b"1\r\n")


@pytest.mark.parametrize(
    "endless",
    [
        OK + b"X: " + b"x" * MAX_HEAD_BYTES,
        OK + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * (MAX_INTERIM_RESPONSES + 1),
        CHUNKED + b"0\r\n" + b"x" * (MAX_HEAD_BYTES + 1),
        CHUNKED + b"0\r\n" + b"X: y\r\n" * MAX_CHUNKS,
    ],
)
def test_heads_and_trailers_are_bounded(endless: bytes):
    with pytest.raises(HttpError):
        read(endless)


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Length: %d\r\n\r\n" % (MAX_ERROR_BODY_BYTES + 1),
        b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        b"\r\n" + b"x" * (MAX_ERROR_BODY_BYTES + 1),
    ],
)
def test_the_status_of_an_error_counts_even_if_its_body_is_bad(rest: bytes):
    response = whole(b"HTTP/1.1 401 Unauthorized\r\n" + rest)
    assert (response.status, response.body, response.keeps_connection) == (401, b"", False)


def test_the_body_of_an_error_that_breaks_off_is_dropped():
    response = whole(sized(9, status=403) + b"half", ended=True)
    assert (response.status, response.body, response.keeps_connection) == (403, b"", False)


@given(st.binary(max_size=40), st.lists(st.integers(1, 60)))
def test_a_response_is_the_same_however_its_bytes_are_split(body: bytes, cuts: list[int]):
    sent = CHUNKED + b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n"
    places = sorted({cut for cut in cuts if cut < len(sent)})
    parts = [sent[a:b] for a, b in zip([0, *places], [*places, len(sent)], strict=True)]
    assert whole(*parts).body == body
