"""Measure what a process holds, and tell whether it grows."""

import asyncio
import ctypes
import gc
import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from functools import _lru_cache_wrapper
from pathlib import Path
from statistics import median
from typing import Any

BOUNDS: Mapping[str, float] = {
    "rss_mib": 16.0,
    "heap_mib": 0.5,
    "blocks": 2_000,
    "descriptors": 8,
    "tasks": 8,
}
"""Growth from the third quarter of a soak to the last that still counts as flat.

`heap_mib` and `blocks` are what is in use of malloc's and of Python's own memory: a leak of a few
bytes shows there. `rss_mib` also has what both keep for later, which is as much as a response of
5,000 rows left behind, and the caches that are emptied before each sample.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Record the work done so far, and the resources in use at that time."""

    hours: float
    polls: int
    failures: int
    reloads: int
    scrapes: int
    rss_mib: float
    heap_mib: float
    blocks: int
    descriptors: int
    tasks: int


def resources() -> dict[str, Any]:
    """Return what this process holds, after a full garbage collection.

    Caches of a bounded size are emptied first; the simulated exchanges, which are in the same
    process, take hours to fill theirs.
    """
    for each in gc.get_objects():
        if isinstance(each, _lru_cache_wrapper) and each.cache_info().maxsize is not None:
            each.cache_clear()
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "rss_mib": pages * resource.getpagesize() / 2**20,
        "heap_mib": _in_use_of_malloc() / 2**20,
        "blocks": sys.getallocatedblocks(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "tasks": len(asyncio.all_tasks()),
    }


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """Return by how much the median of each resource rose from the third quarter to the last.

    A leak shows in it, a single response of 5,000 rows that happens to come last does not.
    """
    quarter = len(samples) // 4
    return {
        name: median(getattr(sample, name) for sample in samples[-quarter:])
        - median(getattr(sample, name) for sample in samples[-2 * quarter : -quarter])
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
        f"{name:>12} {grown[name]:+10.1f} {bound:10.1f}  {'flat' if is_flat else 'GROWS'}"
        for name, bound in BOUNDS.items()
        for is_flat in [grown[name] <= bound]
    ]
    return "\n".join([f"{'last quarter':>12} {'growth':>10} {'bound':>10}", *lines])


def _text(value: float) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


class _MallInfo(ctypes.Structure):
    """Lay out what glibc's `mallinfo2` returns."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _in_use_of_malloc() -> int:
    mallinfo = ctypes.CDLL("libc.so.6").mallinfo2
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)
