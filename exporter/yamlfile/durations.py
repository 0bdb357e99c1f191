"""Read durations as Prometheus does: `30s`, `1m30s`, `500ms`, `1d`."""

import re

_MILLISECONDS = {
    "y": 365 * 24 * 3_600_000,
    "w": 7 * 24 * 3_600_000,
    "d": 24 * 3_600_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
# Prometheus keeps nanoseconds in 64 bits: about 292 years.
_MAX_MILLISECONDS = (2**63 - 1) // 1_000_000
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,19}}){unit})?" for unit in _MILLISECONDS))


def parse_duration(text: str) -> float:
    """Return the seconds of a duration; units go from large to small, each at most once.

    Raises `ValueError`, whose message does not repeat the text.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not match or not text:
        raise ValueError("must be a duration with its unit, such as 30s, 1m30s or 5m")
    milliseconds = sum(
        int(number) * _MILLISECONDS[unit] for unit, number in match.groupdict("0").items()
    )
    if milliseconds > _MAX_MILLISECONDS:
        raise ValueError("is longer than a duration can be")
    return milliseconds / 1_000
