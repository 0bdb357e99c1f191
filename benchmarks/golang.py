"""Build the programs in Go, with the newest Go if `benchmarks.newest` installed it."""

import os
import subprocess
from functools import cache
from pathlib import Path
from shutil import which

from benchmarks.subjects import ROOT, TOOLS

GO_PACKAGES = "golang-go golang-github-prometheus-client-golang-dev"
"""Debian's packages that these programs need."""

_LIBRARY = "golang-github-prometheus-client-golang-dev"
_OUR_SOURCES = ROOT / "benchmarks" / "go"
_DEBIAN_SOURCES = Path("usr", "share", "gocode")


def has_go() -> bool:
    """Return whether this machine can build the programs in Go."""
    return _toolchain() is not None and _sources().is_dir()


@cache
def go(package: str) -> str:
    """Build a program in Go, and return its path."""
    folder = TOOLS / "built"
    folder.mkdir(parents=True, exist_ok=True)
    sources = {
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{_OUR_SOURCES}:{_sources()}",
        "GOTOOLCHAIN": "local",
    }
    program = str(folder / package)
    subprocess.run(
        [_toolchain() or "go", "build", "-o", program, package],
        check=True,
        env={**os.environ, **sources},
    )
    return program


def versions() -> str:
    """Return the versions of Go and client_golang; call it only where `has_go`."""
    go_version = _output(_toolchain() or "go", "version").split()[2].removeprefix("go")
    if _is_newest():
        (package,) = (TOOLS / "apt" / "packages").glob(f"{_LIBRARY}_*.deb")
        library = package.name.split("_")[1]
    else:
        library = _output("dpkg-query", "--show", "--showformat=${Version}", _LIBRARY)
    return f"Go {go_version}, client_golang {library.partition('-')[0]}"


def _is_newest() -> bool:
    return (TOOLS / _DEBIAN_SOURCES).is_dir()


def _toolchain() -> str | None:
    return str(TOOLS / "go" / "bin" / "go") if _is_newest() else which("go")


def _sources() -> Path:
    return (TOOLS if _is_newest() else Path("/")) / _DEBIAN_SOURCES


def _output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
