"""Start the exporters that are compared, and read what each has cost so far."""

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / ".tools" / "bench"
"""Where `benchmarks.newest` installs what is newer than the machine's own, and Go builds."""


class Process(AbstractContextManager["Process"]):
    """Run a program that takes commands as lines, and replies to each with a line."""

    def __init__(self, command: Sequence[str]) -> None:
        """Start it, and wait for its first line."""
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.greeting = self._reply()

    def __exit__(self, *_error: object) -> None:
        """End it by ending its input."""
        self._process.communicate()

    def tell(self, *words: object) -> list[str]:
        """Give a command and return the words of the reply."""
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        print(*words, file=self._process.stdin, flush=True)
        return self._reply()

    def processor_time(self) -> float:
        """Return the seconds of CPU that it has used, those of ended threads included."""
        return processor_time(self._process.pid)

    def memory(self) -> float:
        """Return its resident memory in MB."""
        return resident(self._process.pid)

    def _reply(self) -> list[str]:
        assert self._process.stdout is not None  # noqa: S101 - for the type checker
        if line := self._process.stdout.readline():
            return line.split()
        raise ChildProcessError(f"{self._process.args!r} ended with {self._process.wait()}")


def processor_time(process: int) -> float:
    """Return the seconds of CPU that a process has used, those of ended threads included."""
    clock = (~process << 3) | 2  # what clock_getcpuclockid(3) gives for a process
    return time.clock_gettime(clock)


def resident(process: int) -> float:
    """Return the resident memory of a process, by its id, in MB of 10^6 bytes."""
    return _memory(process, "VmRSS")


def peak(process: int) -> float:
    """Return the highest resident memory that a process has had, in MB."""
    return _memory(process, "VmHWM")


def _memory(process: int, field: str) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024 / 1e6


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the benchmarks."""
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]


def prometheus() -> str | None:
    """Return the newest Prometheus there is, None without one."""
    return which("prometheus", path=TOOLS / "usr" / "bin") or which("prometheus")
