"""Check that everything which is installed with the exporter has a licence that allows it."""

import re
import sys

from release.dependencies import LOCK, Dependency, dependencies

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MPL-2.0",
    "PSF-2.0",
    "Unlicense",
}
"""Licences under which an unmodified library may be shipped beside ours."""


def problem(each: Dependency) -> str | None:
    """Return why a dependency must not be shipped, None if it may be."""
    if not each.is_installed:
        return None
    if each.licence is None:
        return f"{each.name} {each.version} states no licence"
    if not is_allowed(each.licence):
        return f"{each.name} {each.version} is {each.licence}"
    return None


def is_allowed(expression: str) -> bool:
    """Return whether an SPDX expression, of one level, leaves a choice that is allowed."""
    choices = re.split(r" OR ", expression.strip("()"))
    return any(set(re.split(r" AND ", choice)) <= ALLOWED for choice in choices)


def main() -> int:
    """Print every problem; exit 1 if there is one."""
    problems = [found for each in dependencies(LOCK.read_text()) if (found := problem(each))]
    print("\n".join(problems) or "licences: all dependencies may be shipped")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
