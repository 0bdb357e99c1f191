"""Logs: one line for each event, whoever logs it, and never what an exception says."""

import fcntl
import io
import json
import logging
import os
import select
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
import structlog

from exporter.runtime import logs

CANARY = "canary-7c1d9e"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Collect what is logged, and leave logging as it was."""
    root = logging.getLogger()
    handlers, level, raising = root.handlers, root.level, logging.raiseExceptions
    output = io.StringIO()
    yield output
    root.handlers, logging.raiseExceptions = handlers, raising
    root.setLevel(level)
    structlog.reset_defaults()


def configure(stream: io.StringIO, level: str = "info", style: str = "logfmt", count=None) -> None:
    logs.configure(level, style, count, stream=stream)


def test_a_line_has_its_time_level_and_message_first(stream: io.StringIO):
    configure(stream)
    structlog.get_logger().info("account is up", account="treasury tr", assets=3)
    line = stream.getvalue()
    assert line.startswith("ts=20")
    assert line.split(" ", 1)[1] == (
        'level=info msg="account is up" account="treasury tr" assets=3\n'
    )


def test_third_party_loggers_write_the_same_lines(stream: io.StringIO):
    configure(stream, style="json")
    logging.getLogger("asyncio").warning("slow %s", "callback")
    event = json.loads(stream.getvalue())
    assert (event["level"], event["msg"]) == ("warning", "slow callback")


def test_what_is_below_the_level_is_not_written(stream: io.StringIO):
    configure(stream, level="warn")
    structlog.get_logger().info("quiet")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", ["httpx", "httpcore", "httpcore.http11"])
def test_libraries_that_log_urls_are_silent_even_at_debug(stream: io.StringIO, name: str):
    configure(stream, level="debug")
    logging.getLogger(name).info("GET https://x/?signature=%s", CANARY)
    logging.getLogger(name).debug("headers %s", CANARY)
    assert stream.getvalue() == ""


def test_asyncio_does_not_name_its_selector_at_debug(stream: io.StringIO):
    configure(stream, level="debug")
    logging.getLogger("asyncio").debug("Using selector: EpollSelector")
    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", ["asyncio", "httpx"])
def test_libraries_are_as_silent_as_the_level_says(stream: io.StringIO, name: str):
    configure(stream, level="error")
    logging.getLogger(name).warning("slow")
    assert stream.getvalue() == ""


def test_logfmt_spells_out_what_is_true_and_what_is_false(stream: io.StringIO):
    configure(stream)
    structlog.get_logger().info("fetched", up=True, cached=False)
    assert stream.getvalue().endswith(" up=true cached=false\n")


def raise_one_from_another() -> None:
    try:
        dict[str, str]()[CANARY]
    except KeyError as error:
        raise ValueError(CANARY) from error


@pytest.mark.parametrize("style", logs.FORMATS)
def test_an_exception_is_named_with_its_places_and_never_its_words(stream: io.StringIO, style: str):
    configure(stream, style=style)
    try:
        raise_one_from_another()
    except ValueError:
        structlog.get_logger().exception("unexpected error in a poll")
        logging.getLogger("asyncio").error("task failed", exc_info=sys.exc_info())
    text = stream.getvalue()
    assert CANARY not in text
    assert text.count("ValueError at raise_one_from_another") == 2
    assert text.count("after KeyError at") == 2
    assert len(text.splitlines()) == 2


def test_a_new_line_in_a_value_stays_inside_its_line(stream: io.StringIO):
    configure(stream)
    structlog.get_logger().info("x", error='two\nlines "quoted"')
    assert len(stream.getvalue().splitlines()) == 1


def test_every_line_is_counted_by_its_level(stream: io.StringIO):
    counts: Counter[str] = Counter()
    configure(stream, count=lambda level: counts.update([level]))
    log = structlog.get_logger()
    log.info("a")
    log.warning("b")
    log.warning("c")
    log.debug("not written")
    assert counts == {"info": 1, "warning": 2}


def test_a_stream_that_fails_stops_nothing(stream: io.StringIO):
    configure(stream)
    stream.close()
    structlog.get_logger().info("into the void")


@pytest.mark.usefixtures("stream")
def test_a_pipe_that_nobody_reads_holds_nothing_up_and_gets_whole_lines():
    reader, writer = os.pipe()
    room = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    with os.fdopen(reader) as unread, os.fdopen(writer, "w") as full:
        logs.configure("info", "logfmt", stream=full)
        for _ in range(room // 50):
            structlog.get_logger().info("x" * 50)
        full.close()
        lines = unread.readlines()
    assert len(lines) > 100
    assert all(line.startswith("ts=") and line.endswith(f"{'x' * 50}\n") for line in lines)


@pytest.mark.usefixtures("stream")
def test_after_a_line_that_was_cut_the_next_one_is_whole():
    reader, writer = os.pipe()
    room = fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 2 * select.PIPE_BUF)
    with os.fdopen(reader, "rb", buffering=0) as lines, os.fdopen(writer, "w") as output:
        logs.configure("info", "logfmt", stream=output)
        structlog.get_logger().info("x" * 10 * room)
        assert lines.read(10 * room).count(b"\n") == 0
        structlog.get_logger().info("after it")
        assert b"after it" in lines.read(room).splitlines()[1]


@pytest.mark.usefixtures("stream")
def test_a_long_line_arrives_whole():
    reader, writer = os.pipe()
    with os.fdopen(reader) as lines, os.fdopen(writer, "w") as output:
        logs.configure("info", "logfmt", stream=output)
        structlog.get_logger().info("x" * 10_000 + "ü")
        output.close()
        assert "x" * 10_000 + "ü" in lines.read()


def test_what_ended_a_group_of_tasks_is_named(stream: io.StringIO):
    configure(stream)
    error = ExceptionGroup(CANARY, [ValueError(CANARY)])
    structlog.get_logger().error("ended", exc_info=error)
    assert "ExceptionGroup at" in stream.getvalue()
    assert "after ValueError at" in stream.getvalue()
    assert CANARY not in stream.getvalue()
