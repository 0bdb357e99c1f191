"""Check random schedules against the exchanges' ledger: `python -m tests.ledger --seeds 1000`."""

import argparse
import sys
import time
import traceback

from tests.ledger.drive import check


def main() -> int:
    """Return 0 if every page of every schedule was true, else 1: the seeds were printed."""
    parser = argparse.ArgumentParser("tests.ledger", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first (default: %(default)s)")
    options = parser.parse_args()
    began, samples, failed = time.monotonic(), 0, 0
    for seed in range(options.seed, options.seed + options.seeds):
        try:
            samples += check(seed)
        except Exception:  # noqa: BLE001 - after any failure the next seed is checked too
            failed += 1
            traceback.print_exc()
            print(f"seed {seed} failed; replay: python -m tests.ledger --seed {seed} --seeds 1")
    took = time.monotonic() - began
    print(f"{options.seeds} schedules, {samples} samples, {failed} failed, in {took:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
