"""Run programs on this machine's loopback until the end of a block, and stop them together."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from stack.configuration import ROOT

_PATIENCE = 30.0  # seconds for a program to become ready
_GRACE = 10.0  # seconds for it to stop by itself


class StackError(Exception):
    """The stack can't run; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A running program, its address (`host:port`) and the file with its output."""

    name: str
    address: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Raise `StackError` with the program's last lines of output if it has ended."""
        if self.process.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
            raise StackError(f"{self.name} has stopped:\n{last}")

    def is_ready(self) -> bool:
        """Return whether the program reports that it is ready."""
        connection = HTTPConnection(self.address, timeout=5)
        try:
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def free_address(preferred: int = 0) -> str:
    """Return a loopback address: at the preferred port, or at any other if that is taken."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return f"127.0.0.1:{probe.getsockname()[1]}"
    raise StackError("no port is free on 127.0.0.1")


@contextmanager
def exporter_demo(folder: Path, address: str, flags: Sequence[str]) -> Iterator[Program]:
    """Run the exporter on simulated exchanges."""
    command = [sys.executable, "-m", "exporter", "demo", f"--web.listen-address={address}", *flags]
    with _run("exporter", command, folder, address) as program:
        yield program


@contextmanager
def prometheus(folder: Path, address: str) -> Iterator[Program]:
    """Run Prometheus with the configuration that was copied to a folder."""
    command = [
        _find("prometheus"),
        f"--config.file={folder / 'prometheus/prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
        "--enable-feature=extra-scrape-metrics",
    ]
    with _run("prometheus", command, folder, address) as program:
        yield program


@contextmanager
def alertmanager(folder: Path, address: str) -> Iterator[Program]:
    """Run Alertmanager with the configuration that was copied to a folder."""
    command = [
        _find("prometheus-alertmanager", "alertmanager"),
        f"--config.file={folder / 'alertmanager/alertmanager.yml'}",
        f"--storage.path={folder / 'notifications'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with _run("alertmanager", command, folder, address) as program:
        yield program


def _find(*names: str) -> str:
    for name in names:
        if path := shutil.which(name):
            return path
    raise StackError(
        f"{names[-1]} is not installed. On Debian and Ubuntu:"
        " apt-get install prometheus prometheus-alertmanager"
    )


@contextmanager
def _run(name: str, command: Sequence[str], folder: Path, address: str) -> Iterator[Program]:
    log = folder / f"{name}.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - only the programs above
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
        ) as process,
    ):
        program = Program(name, address, process, log)
        try:
            _wait_until_ready(program)
            yield program
        finally:
            _stop(process)


def _wait_until_ready(program: Program) -> None:
    end = time.monotonic() + _PATIENCE
    while not program.is_ready():
        program.check()
        if time.monotonic() > end:
            raise StackError(f"{program.name} did not become ready within {_PATIENCE:.0f} s")
        time.sleep(0.05)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
