"""Write one line for each event to stderr, as logfmt or JSON, also for what libraries log."""

import io
import logging
import os
import select
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

FORMATS = ("logfmt", "json")

_LEAST = {
    "asyncio": logging.INFO,  # below that it names its selector, as the first line of all
    # These log whole URLs and headers, which hold signatures.
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "hpack": logging.WARNING,
}


def configure(
    level: str,
    style: str,
    count: Callable[[str], None] | None = None,
    *,
    stream: TextIO | None = None,
) -> None:
    """Send all logging from `level` on to a stream (stderr); `count` gets each message's level."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        name_exceptions,
        structlog.processors.EventRenamer("msg"),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "msg"], bool_as_flag=False
        )
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    output = logging.StreamHandler(_unblocking(sys.stderr if stream is None else stream))
    output.setFormatter(formatter)
    if count:
        output.addFilter(_counting(count))
    logging.raiseExceptions = False  # a full disk or a closed stderr must not stop the daemon
    root = logging.getLogger()
    root.handlers = [output]
    root.setLevel(logging.getLevelNamesMapping()[level.upper()])
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(max(root.level, least))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _unblocking(stream: TextIO) -> "TextIO | _Unblocking":
    """Return a writer to the stream's file that never blocks; the stream if it has no file."""
    try:
        return _Unblocking(stream.fileno())
    except (AttributeError, io.UnsupportedOperation):  # closed, or only in memory
        return stream


class _Unblocking:
    """Write without blocking and drop what does not fit: a pipe may have no reader."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)
        self._is_cut = False

    def write(self, text: str) -> None:
        line_end = "\n" if self._is_cut else ""  # of the line of which only a part was taken
        data = (line_end + text).encode(errors="backslashreplace")
        for start in range(0, len(data), select.PIPE_BUF):
            if not self._room.poll(0):
                self._is_cut = self._is_cut or start > 0
                return
            os.write(self._descriptor, data[start : start + select.PIPE_BUF])
        self._is_cut = False


def name_exceptions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its types and places: its text could repeat a secret."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exception()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = describe(error)
    return event


def describe(error: BaseException) -> str:
    """Return an exception's type and its innermost places, and the same for its cause."""
    first = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
    cause = first or error.__cause__ or error.__context__
    text = f"{type(error).__name__} at {_places(error.__traceback__)}"
    return f"{text}; after {describe(cause)}" if cause else text


def _places(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)[-3:]
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[::-1])


def _counting(count: Callable[[str], None]) -> Callable[[logging.LogRecord], bool]:
    def count_and_pass(record: logging.LogRecord) -> bool:
        count(record.levelname.lower())
        return True

    return count_and_pass
