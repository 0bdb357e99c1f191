"""Run rules and routes sixty times faster, so that a test need not wait for their minutes."""

import re

_MILLISECONDS = {
    "ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
}  # fmt: skip
DURATION = re.compile(r"\b(\d+)(ms|s|m|h|d|w)\b")

SECONDS = {"60 * max by": "1 * max by", "[3m])), 180\n": "[3m])), 3\n", "[3m]), 180)": "[3m]), 3)"}
"""The durations in the rules that no unit marks, all in ExchangeAccountDown."""


def sixty_times_faster(text: str) -> str:
    """Return a configuration in which every duration is a sixtieth, and all else as it was."""
    for seconds, sixtieth in SECONDS.items():
        text = text.replace(seconds, sixtieth)
    return DURATION.sub(_sixtieth, text)


def _sixtieth(duration: re.Match[str]) -> str:
    return f"{int(duration[1]) * _MILLISECONDS[duration[2]] // 60}ms"
