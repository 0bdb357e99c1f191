"""Read the clocks of this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass


def boottime() -> float:
    """Return seconds that never jump and go on while the machine sleeps.

    A suspended machine must not serve what it knew before it slept as fresh, and `time.monotonic`
    stands still meanwhile on Linux.
    """
    return time.clock_gettime(_BOOTTIME)


_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Read the two clocks: `monotonic` for durations and ages, `wall` (Unix seconds) for dates."""

    monotonic: Callable[[], float] = boottime
    wall: Callable[[], float] = time.time
