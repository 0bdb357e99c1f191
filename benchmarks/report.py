"""Print figures so that they can be read, and pasted into a page."""

import platform
import statistics
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path


def heading(text: str) -> None:
    """Print a heading."""
    print(f"\n### {text}\n", flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; all columns but the first are aligned to the right."""
    print(f"| {' | '.join(columns)} |")
    print(f"|---|{'---:|' * (len(columns) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def machine() -> str:
    """Return what was measured on, and with what."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    return (
        f"{len(models)} x {models[0] if models else platform.machine()}, {memory:.0f} GB,"
        f" Linux {platform.release()}; CPython {platform.python_version()},"
        f" prometheus_client {version('prometheus-client')}, httpx {version('httpx')}"
    )


def milliseconds(seconds: float) -> str:
    """Return a duration in ms, with three significant digits."""
    return f"{seconds * 1000:,.{digits(seconds * 1000)}f}"


def digits(value: float) -> int:
    """Return how many decimals make three significant digits."""
    return 0 if value >= 100 else 1 if value >= 10 else 2


def times(value: float) -> str:
    """Return a ratio."""
    return f"{value:,.{max(0, digits(value) - 1)}f} x"


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile; of fewer than a hundred values, the greatest."""
    return sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)]
