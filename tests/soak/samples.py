"""Measure what a process holds, and tell whether it grows."""

import asyncio
import gc
import resource
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import linear_regression

BOUNDS: Mapping[str, float] = {"rss_mib": 2.0, "objects": 5_000, "descriptors": 8, "tasks": 8}
"""Growth over the second half of a soak that still counts as flat."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold what had been done so far, and what the process held then."""

    hours: float
    polls: int
    failures: int
    reloads: int
    scrapes: int
    rss_mib: float
    objects: int
    descriptors: int
    tasks: int


def resources() -> dict[str, float]:
    """Return what this process holds, after a full garbage collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss_mib": pages * resource.getpagesize() / 2**20,
        "objects": len(gc.get_objects()),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
    }


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """Return by how much each resource grew over the second half, by the line of best fit."""
    half = samples[len(samples) // 2 :]
    polls = [sample.polls for sample in half]
    return {
        name: linear_regression(polls, [getattr(sample, name) for sample in half]).slope
        * (polls[-1] - polls[0])
        for name in BOUNDS
    }


def table(samples: Sequence[Sample]) -> str:
    """Return samples as a table that a person can read."""
    names = [field.name for field in fields(Sample)]
    rows = [[_text(value) for value in astuple(sample)] for sample in samples]
    return "\n".join(" ".join(f"{cell:>11}" for cell in row) for row in [names, *rows])


def verdict(grown: Mapping[str, float]) -> str:
    """Return what grew by how much, and by how much it might."""
    lines = [
        f"{name:>11} {grown[name]:+10.1f} {bound:10.1f}  {'flat' if is_flat else 'GROWS'}"
        for name, bound in BOUNDS.items()
        for is_flat in [grown[name] <= bound]
    ]
    return "\n".join([f"{'second half':>11} {'growth':>10} {'bound':>10}", *lines])


def _text(value: float) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"
