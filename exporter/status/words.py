"""Format names, numbers, times and durations in words, as HTML."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from html import escape
from math import ceil
from urllib.parse import quote

from exporter.model import Account

MOST_NAMED = 3
_IN_BACKTICKS = re.compile(r"`([^`]+)`")
_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))


def name(text: str) -> str:
    """Return a name that stays what it is: escaped, and with its own direction of writing."""
    return f"<bdi>{escape(text)}</bdi>"


def element_id(*parts: str) -> str:
    """Return an id that no other parts make, free of spaces and of what would need escaping."""
    return "/".join(quote(part, safe="") for part in parts)


def prose(text: str) -> str:
    """Return a sentence about settings, whose names it has in backticks."""
    return _IN_BACKTICKS.sub(r"<code>\1</code>", escape(text))


def account_name(account: Account) -> str:
    """Return how a sentence names an account."""
    return f"{name(account.name)} ({escape(account.exchange)})"


def listed(items: Sequence[str], separator: str = ", ") -> str:
    """Return the first of many items, and how many there are besides."""
    shown = separator.join(items[:MOST_NAMED])
    more = len(items) - MOST_NAMED
    return f"{shown}{separator}and {more} more" if more > 0 else shown


def count(number: int, noun: str) -> str:
    """Return a number with its noun in the right form."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spoken(reason: str) -> str:
    """Return a failure's reason, which is a label's value, as words."""
    return reason.replace("_", " ")


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, rounded up: no age is shown too small."""
    for size, unit, part_size, part_unit in _UNITS:
        if ceil(seconds) >= size:
            parts, part = divmod(ceil(seconds / part_size) * part_size, size)
            return f"{parts} {unit} {part // part_size} {part_unit}" if part else f"{parts} {unit}"
    return f"{ceil(seconds)} s"


def moment(wall: float, words: str) -> str:
    """Return a time in words, with the date and time in UTC behind them."""
    date, time = _utc(int(wall))
    return f'<time datetime="{date}T{time}Z" title="{date} {time} UTC">{words}</time>'


def ago(wall: float, age: float) -> str:
    """Return a time that passed `age` seconds ago."""
    return moment(wall, f"{duration(age)} ago" if age > 0 else "now")


def ahead(wall: float, wait: float) -> str:
    """Return a time that comes in `wait` seconds."""
    return moment(wall, f"in {duration(wait)}" if wait > 0 else "now")


def clock_time(wall: float) -> str:
    """Return the time of day in UTC."""
    return moment(wall, f"{_utc(int(wall))[1]} UTC")


@lru_cache(maxsize=2048)
def _utc(second: int) -> tuple[str, str]:
    date, _, time = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S").partition(" ")
    return date, time
