"""Print a version's entry of the changelog, as the notes of its release."""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def entry(text: str, version: str) -> str | None:
    """Return what stands below a version's dated heading, None if there is nothing."""
    heading = rf"(?m)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d\n"
    parts = re.split(heading, text, maxsplit=1)
    if len(parts) == 1:
        return None
    return re.split(r"(?m)^## |^\[\S+\]: ", parts[1], maxsplit=1)[0].strip() or None


def main() -> int:
    """Print the entry of the version that is given."""
    found = entry(CHANGELOG.read_text(), sys.argv[1])
    print(found or f"CHANGELOG.md has no entry for {sys.argv[1]}")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
