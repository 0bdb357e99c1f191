"""Play the whole fault matrix and print what became of every case: `python -m tests.faults`.

Words of the command line choose the cases that have one of them in their name, and the exchange
that is named by one: `python -m tests.faults http_4 bitso`.
"""

import sys
import time
from collections.abc import Iterator, Sequence

from tests.faults.case import EXCHANGES, Case
from tests.faults.matrix import GROUPS, MATRIX


def main(words: Sequence[str]) -> int:
    """Return 0 if every case showed what must be seen, 1 if one did not or none was chosen."""
    began = time.monotonic()
    named = [word for word in words if word not in EXCHANGES]
    chosen = [word for word in words if word in EXCHANGES] or EXCHANGES
    cases = [
        case
        for case in MATRIX
        if (not named or any(word in str(case) for word in named))
        and not set(chosen).isdisjoint(case.exchanges)
    ]
    played = failed = 0
    group = ""
    for case in cases:
        if case.group != group:
            group = case.group
            print(f"\n{group}. {GROUPS[group]}")
        outcomes = {each: outcome(case, each) for each in case.exchanges if each in chosen}
        played += len(outcomes)
        failed += sum(text.startswith("FAILED") for text in outcomes.values())
        print("\n".join(lines(case, outcomes)), flush=True)
    took = time.monotonic() - began
    print(f"\n{len(cases)} cases, played {played} times in {took:.0f} s, {failed} failed")
    return 1 if failed or not played else 0


def outcome(case: Case, exchange: str) -> str:
    """Play a case at one exchange and say what became of it."""
    if reason := case.unplayable():
        return f"skipped: {reason}"
    try:
        case.play(exchange)
    except Exception as error:  # noqa: BLE001 - any failure is an outcome
        return f"FAILED: {type(error).__name__}: {error}"
    return "ok"


def lines(case: Case, outcomes: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a case: one for all exchanges that show the same."""
    alike: dict[tuple[str, str], list[str]] = {}
    for exchange, result in outcomes.items():
        alike.setdefault((case.seen[exchange], result), []).append(exchange)
    for (seen, result), exchanges in alike.items():
        where = "all" if tuple(exchanges) == EXCHANGES else ",".join(exchanges)
        yield _line(where, case, seen, result)


def _line(exchange: str, case: Case, seen: str, result: str) -> str:
    only = f" ({case.why} elsewhere)" if case.exchanges != EXCHANGES else ""
    return f"  {result:<4} {exchange:<8} {case.name:<28} {case.does}{only} -> {seen}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
