"""Write the dashboards as Grafana's JSON, or check that what is written is up to date."""

import argparse
import json
import sys
from pathlib import Path

from . import account, exporter, treasury
from .look import Json

DIRECTORY = Path(__file__).parent.parent / "dashboards"
DASHBOARDS: tuple[Json, ...] = (treasury.DASHBOARD, account.DASHBOARD, exporter.DASHBOARD)


def main() -> int:
    """Write each dashboard to its file, or with `--check` only compare; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m grafana.source", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    stale = 0
    for dashboard in DASHBOARDS:
        path = DIRECTORY / f"{dashboard['uid']}.json"
        text = json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path}: differs from its source: run python -m grafana.source\n")
            stale += 1
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
