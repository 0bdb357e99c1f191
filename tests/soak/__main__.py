"""Soak the daemon and say whether it grows: `python -m tests.soak [--share=0.1]`."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.samples import BOUNDS, Sample, growth, table, verdict
from tests.soak.soak import Goals, soak


def main() -> int:
    """Print each sample as it is taken; exit 1 if anything grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of 100,000 polls (%(default)s)")
    share = parser.parse_args().share
    _say(table([]))
    with TemporaryDirectory() as folder:
        samples = soak(Path(folder), Goals().of(share), _show)
    grown = growth(samples)
    _say(verdict(grown))
    return int(any(grown[name] > bound for name, bound in BOUNDS.items()))


def _show(sample: Sample) -> None:
    _say(table([sample]).splitlines()[1])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
