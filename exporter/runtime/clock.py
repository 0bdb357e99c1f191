"""Read the clocks of this machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple


def boottime() -> float:
    """Return seconds that never jump and go on while the machine sleeps.

    A suspended machine must not serve what it knew before it slept as fresh, and on Linux
    `time.monotonic` stands still while it sleeps.
    """
    return time.clock_gettime(_BOOTTIME)


_BOOTTIME: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


CLOCK_ERROR = 1.0
"""Seconds by which two readings of the same time may differ."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Read the two clocks: `monotonic` for durations and ages, `wall` (Unix seconds) for dates."""

    monotonic: Callable[[], float] = boottime
    wall: Callable[[], float] = time.time


class Bounds(NamedTuple):
    """Bound how far another clock is ahead of our monotonic one, in seconds."""

    least: float
    most: float

    def agree(self, other: "Bounds", tolerance: float = 0.0) -> bool:
        """Return whether both can be true, give or take some seconds."""
        least, most = max(self.least, other.least), min(self.most, other.most)
        return least <= most + tolerance

    def narrowed(self, other: "Bounds") -> "Bounds":
        """Return what both say if they agree, else what the other one says."""
        if not self.agree(other):
            return other
        return Bounds(max(self.least, other.least), min(self.most, other.most))

    def nearest(self, ahead: float) -> float:
        """Return a clock within the bounds: this one if it is, else their middle."""
        if self.least <= ahead <= self.most:
            return ahead
        return (self.least + self.most) / 2
