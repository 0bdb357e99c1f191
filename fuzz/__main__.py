"""Fuzz with atheris: `python -m fuzz [TARGET …] [--seconds=60]`; exit 1 if a target fails.

Each target runs in a process of its own, which begins with the committed files, keeps what it finds
worth keeping in `--work`, and leaves the input that made it fail in `crashes/TARGET`.
"""

import argparse
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir

_MAX_BYTES = 20_000
_ONE = "--run-one"  # the libFuzzer below ends the process that it runs in


def main() -> int:
    """Run the targets one after the other."""
    if _ONE in sys.argv:
        _run_one(sys.argv[-1], sys.argv[2:-1])
    from fuzz.targets import FOLDER, TARGETS  # noqa: PLC0415 - atheris wants to import it first

    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target (%(default)s)")
    parser.add_argument("--work", type=Path, default=Path(gettempdir()) / "fuzz")
    options = parser.parse_args()
    if find_spec("atheris") is None:
        parser.error("atheris is not installed; `make fuzz` sees to that")
    failed = []
    for name in options.targets or TARGETS:
        work, crashes = options.work / name, FOLDER / "crashes" / name
        for folder in (work, crashes):
            folder.mkdir(parents=True, exist_ok=True)
        arguments = [
            f"-max_total_time={options.seconds}",
            f"-max_len={_MAX_BYTES}",
            "-timeout=30",
            "-print_final_stats=1",
            f"-artifact_prefix={crashes}/",
            str(work),
            *map(str, [FOLDER / "corpus" / name, crashes]),
        ]
        command = [sys.executable, "-m", "fuzz", _ONE, *arguments, name]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    sys.stdout.write(f"failed: {', '.join(failed) or 'none'}\n")
    return bool(failed)


def _run_one(name: str, arguments: list[str]) -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415 - optional

    with atheris.instrument_imports(include=["exporter", "fuzz", "email", "yaml", "h11"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415 - imports are instrumented from here on

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
