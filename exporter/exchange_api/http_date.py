"""Parse the times in HTTP headers: `Date` and `Retry-After`."""

from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER = 15 * 60.0
"""Longest time in seconds that a `Retry-After` is followed."""

_ABSURD_RETRY_AFTER = 24 * 60 * 60.0


def parse_date(value: str | None) -> float | None:
    """Return an HTTP date as Unix seconds, or None if it is missing or not valid."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
        # RFC 850 and asctime dates may name no zone: HTTP means UTC, not this machine's zone.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def parse_retry_after(value: str, now: float, longest: float = MAX_RETRY_AFTER) -> float | None:
    """Return the seconds to wait, at most `longest`, or None if the value is not usable.

    `value` is a number of seconds or an HTTP date, which is compared with the exchange's time `now`
    (Unix seconds). No time at all is not usable: something was refused, after all.
    """
    text = value.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        seconds = float(text)
    else:
        date = parse_date(text)
        seconds = -1.0 if date is None else date - now
    if not 0 < seconds <= max(_ABSURD_RETRY_AFTER, longest):
        return None
    return min(seconds, longest)


def longest_retry_after(
    values: Iterable[str], now: float, longest: float = MAX_RETRY_AFTER
) -> float | None:
    """Return the longest of several `Retry-After` headers, or None if none is usable."""
    parsed = (parse_retry_after(value, now, longest) for value in values)
    return max((seconds for seconds in parsed if seconds is not None), default=None)
