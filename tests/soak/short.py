"""Run a soak of a few seconds as the long one runs."""

import subprocess
import sys

from tests.soak.samples import BOUNDS


def short_soak() -> None:
    """See that it polls, reloads and scrapes as often as it should.

    Its verdict is left aside: a process that has just started still grows.
    """
    run = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--share=0.002"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    head, *rows, _, rss, heap, blocks, descriptors, tasks = map(str.split, run.stdout.splitlines())
    last = dict(zip(head, rows[-1], strict=True))
    assert int(last["polls"]) >= 200
    assert (last["reloads"], last["scrapes"]) == ("20", "2,000")
    assert 0 < int(last["failures"]) < int(last["polls"])
    assert [line[0] for line in (rss, heap, blocks, descriptors, tasks)] == list(BOUNDS)
    assert float(descriptors[1]) < 50
    assert float(tasks[1]) < 50
