"""Write the reference pages, or check that what is written is up to date."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.source import cli, configuration, http, metrics
from exporter.config.example import config_example

ROOT = Path(__file__).parents[2]

# One line for each page: its path, and the function that returns its text.
PAGES: Mapping[str, Callable[[], str]] = {
    "config.example.yaml": config_example,
    "docs/cli.md": cli.page,
    "docs/configuration.md": configuration.page,
    "docs/http.md": http.page,
    "docs/metrics.md": metrics.page,
}


def main() -> int:
    """Write each page to its file, or with `--check` only compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.source", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    stale = 0
    for name, page in PAGES.items():
        path, text = ROOT / name, page()
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{name}: differs from the code: run make docs\n")
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
