"""Say which tests a run skipped, and what to install so that it skips none."""

from collections import Counter
from collections.abc import Iterable

import pytest


def reason_of(report: pytest.TestReport) -> str:
    """Return why a test was skipped."""
    _, _, reason = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, "")
    return reason.removeprefix("Skipped: ")


def summary(reports: Iterable[pytest.TestReport]) -> list[str]:
    """Return a line for each reason with the modules of its tests, the most frequent first."""
    reasons: dict[str, Counter[str]] = {}
    for report in reports:
        module = report.nodeid.partition("::")[0]
        reasons.setdefault(reason_of(report), Counter())[module] += 1
    by_number = sorted(reasons.items(), key=lambda item: (-item[1].total(), item[0]))
    return [
        f"{modules.total()} skipped, {reason}: "
        + ", ".join(f"{module} ({number})" for module, number in sorted(modules.items()))
        for reason, modules in by_number
    ]
