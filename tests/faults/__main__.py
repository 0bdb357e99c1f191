"""Play the whole fault matrix and print what became of every case: `python -m tests.faults`.

Words of the command line choose the cases that have one of them in their name.
"""

import sys
import time
from collections.abc import Iterator, Sequence

from tests.faults.case import EXCHANGES, Case
from tests.faults.matrix import GROUPS, MATRIX


def main(words: Sequence[str]) -> int:
    """Return 0 if every case showed what must be seen."""
    began = time.monotonic()
    cases = [case for case in MATRIX if not words or any(word in str(case) for word in words)]
    played = failed = 0
    group = ""
    for case in cases:
        if case.group != group:
            group = case.group
            print(f"\n{group}. {GROUPS[group]}")
        outcomes = {exchange: outcome(case, exchange) for exchange in EXCHANGES}
        played += len(case.exchanges)
        failed += sum(text.startswith("FAILED") for text in outcomes.values())
        print("\n".join(lines(case, outcomes)), flush=True)
    took = time.monotonic() - began
    print(f"\n{len(cases)} cases, played {played} times in {took:.0f} s, {failed} failed")
    return 1 if failed else 0


def outcome(case: Case, exchange: str) -> str:
    """Play a case at one exchange and say what became of it."""
    if exchange not in case.exchanges:
        return f"-: {case.why}"
    if reason := case.unplayable():
        return f"skipped: {reason}"
    try:
        case.play(exchange)
    except Exception as error:  # noqa: BLE001 - any failure is an outcome
        return f"FAILED: {type(error).__name__}: {error}"
    return "ok"


def lines(case: Case, outcomes: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a case: one where both exchanges show the same, else one for each."""
    seen = [case.seen.get(exchange, "") for exchange in EXCHANGES]
    if len(set(outcomes.values())) == 1 and len(set(seen)) == 1:
        yield _line("both", case, seen[0], outcomes[EXCHANGES[0]])
    else:
        for exchange, text in zip(EXCHANGES, seen, strict=True):
            yield _line(exchange, case, text, outcomes[exchange])


def _line(exchange: str, case: Case, seen: str, result: str) -> str:
    return f"  {case.name:<28} {exchange:<8} {result:<6} {case.does}" + (
        f" -> {seen}" if seen else ""
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
