"""Install the newest Go, client_golang and Prometheus for comparison into `.tools/`, on Debian.

Go comes from PyPI. The others are Debian's packages from its newest suite, unpacked without
installing them: the sources need no build and Prometheus needs only libc.
"""

import os
import shlex
import subprocess
import sys

from benchmarks.subjects import ROOT, TOOLS

_SUITE = "sid"
_SOURCES = (
    "golang-github-prometheus-client-golang-dev",
    "golang-github-beorn7-perks-dev",
    "golang-github-cespare-xxhash-v2-dev",
    "golang-github-klauspost-compress-dev",
    "golang-github-kylelemons-godebug-dev",
    "golang-github-munnerz-goautoneg-dev",
    "golang-github-prometheus-client-model-dev",
    "golang-github-prometheus-common-dev",
    "golang-github-prometheus-procfs-dev",
    "golang-golang-x-sys-dev",
    "golang-google-protobuf-dev",
)
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_APT = """
Dir::State::Lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "-";
APT::Sandbox::User "";
"""


def install_go() -> None:
    """Install the Go toolchain."""
    requirements = ROOT / "requirements" / "bench.txt"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([*pip, "--require-hashes", "--target", TOOLS, "-r", requirements], check=True)


def unpack_debian(packages: tuple[str, ...]) -> None:
    """Download packages of Debian's newest suite and unpack them."""
    folder = TOOLS / "apt"
    for name in ("lists/partial", "cache/archives/partial", "packages"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "apt.conf").write_text(_APT.format(folder=folder))
    source = f"deb [signed-by={_KEYRING}] {_mirror()} {_SUITE} main\n"
    (folder / "sources.list").write_text(source)
    environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
    downloads = folder / "packages"
    for command in ("update", f"download {shlex.join(packages)}"):
        apt = ["apt-get", "-qq", *command.split()]
        subprocess.run(apt, check=True, cwd=downloads, env=environment)
    for package in downloads.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, TOOLS], check=True)


def _mirror() -> str:
    """Return the mirror that this machine's own packages come from."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
        check=True,
        capture_output=True,
        text=True,
    )
    return next(site for site in listed.stdout.split() if site.rstrip("/").endswith("/debian"))


if __name__ == "__main__":
    TOOLS.mkdir(parents=True, exist_ok=True)
    install_go()
    unpack_debian((*_SOURCES, "prometheus"))
