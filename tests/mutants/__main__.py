"""Run the tests against mutants of the core and print the score: `make mutants`."""

import argparse
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

# What every child needs is imported once, before it is forked.
import h11
import httpx
import hypothesis
import msgspec
import prometheus_client
import pytest
import structlog
import trustme

from tests.mutants.mutations import Mutant, mutants

_IMPORTED = (h11, httpx, hypothesis, msgspec, prometheus_client, structlog, trustme)
_ROOT = Path(__file__).parents[2]
_GOAL = 0.9
_OPTIONS = (
    *("-x", "-q", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # of what is imported already
)
_PATIENCE = 120  # seconds; a mutant that hangs is noticed, too

CORE: dict[str, tuple[str, ...]] = {
    "exporter/polling/rate_limit.py": (
        "tests/polling/test_rate_limit.py",
        "tests/polling/test_rate_limit_properties.py",
    ),
    "exporter/polling/snapshots.py": (
        "tests/polling/test_snapshots.py",
        "tests/test_truth.py",
        "tests/exposition/test_pages.py",
    ),
    "exporter/amounts.py": ("tests/test_amounts.py",),
    "exporter/exchange_api/responses.py": ("tests/exchange_api/test_responses.py",),
    "exporter/exchange_api/rows.py": (
        "tests/exchange_api/test_responses.py",
        "tests/exchange_api/test_rows.py",
        "tests/exchange_api/test_ticker.py",
    ),
    "exporter/exchange_api/server_clock.py": ("tests/exchange_api/test_server_clock.py",),
    "exporter/credentials.py": ("tests/test_credentials.py", "tests/polling/test_snapshots.py"),
    "exporter/exposition/pages.py": (
        "tests/exposition",
        "tests/test_truth.py",
    ),
    "exporter/exposition/metrics.py": ("tests/exposition", "tests/test_truth.py"),
}


class _Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Import one module from another source than its file."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)  # noqa: S102


def survives(path: str, source: str, tests: Sequence[str]) -> bool:
    """Return whether all tests pass with another source of a module."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        name = path.removesuffix(".py").replace("/", ".")
        sys.meta_path.insert(0, _Replaced(name, _ROOT / path, source))
        signal.alarm(_PATIENCE)
        found = [test for test in tests if (_ROOT / test).exists()]
        os._exit(pytest.main([*_OPTIONS, *found]))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def measure(path: str, tests: Sequence[str], sample: int, seed: int) -> tuple[int, list[Mutant]]:
    """Return how many mutants of a module were tried, and those that no test noticed."""
    source = (_ROOT / path).read_text()
    if not survives(path, source, tests):
        raise SystemExit(f"{path}: its tests fail without a mutant")
    found = mutants(source)
    chosen = found if sample >= len(found) else random.Random(seed).sample(found, sample)
    return len(chosen), [each for each in chosen if survives(path, each.source, tests)]


def main() -> None:
    """Print every survivor and the score; exit with 1 below the goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=45, help="mutants of each module (45)")
    parser.add_argument("--seed", type=int, default=0, help="what is chosen (0)")
    parser.add_argument("modules", nargs="*", help="part of a module's path; all without any")
    options = parser.parse_args()
    # Examples that a mutant failed are of no use to anybody else.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = folder
        score = _score(options)
    raise SystemExit(score < _GOAL)


def _score(options: argparse.Namespace) -> float:
    tried = survived = 0
    for path, tests in CORE.items():
        if options.modules and not any(part in path for part in options.modules):
            continue
        began = time.monotonic()
        count, left = measure(path, tests, options.sample, options.seed)
        tried, survived = tried + count, survived + len(left)
        took = time.monotonic() - began
        print(f"{path}: {count - len(left)} of {count} noticed, {took:.0f} s", flush=True)
        for each in left:
            print(f"  line {each.line}: {each.change}", flush=True)
    score = 1 - survived / tried if tried else 0.0
    print(f"score: {score:.0%} of {tried}")
    return score


if __name__ == "__main__":
    main()
