"""The image: linted, pinned, labelled; built and run here on a base of Debian's own."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from tests.packaging.tools import debian, lack, program

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
EXPORTER = "/opt/exporter/bin/exchange-balance-exporter"
BASE = """
FROM scratch
ADD base.tar /
RUN ln -s python3.13 /usr/bin/python && ln -sf python3.13 /usr/bin/python3
"""


def test_the_dockerfile_has_no_known_fault():
    hadolint = program("hadolint")
    ended = subprocess.run(
        [hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_base_is_pinned_by_digest_and_used_for_both_stages():
    assert re.search(r"(?m)^ARG PYTHON_IMAGE=\S+:3\.\d+-slim-\w+@sha256:[0-9a-f]{64}$", DOCKERFILE)
    assert set(re.findall(r"(?m)^FROM (\S+)", DOCKERFILE)) == {"${PYTHON_IMAGE}"}


def test_the_build_sees_all_that_the_wheel_needs():
    shown = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    wanted = re.findall(r'(?m)^"(\S+)" = "exporter/assets/', (ROOT / "pyproject.toml").read_text())
    for path in (*wanted, "exporter", "pyproject.toml", "README.md", "LICENSE", "requirements"):
        parts = path.split("/")
        assert shown & {"/".join(parts[:length]) for length in range(1, len(parts) + 1)}, path


class Buildah:
    """Run buildah with a storage of its own."""

    def __init__(self, folder: Path) -> None:
        self._program = debian("buildah", "buildah")
        self._storage = [f"--root={folder}/root", f"--runroot={folder}/run", "--storage-driver=vfs"]

    def __call__(self, *arguments: str | Path, check: bool = True) -> str:
        ended = subprocess.run(
            [self._program, *self._storage, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or ended.returncode == 0, ended.stderr[-2000:]
        return ended.stdout

    def build(self, tag: str, context: Path, *more: str) -> None:
        mode = ["--isolation=chroot", "--format=docker", "--pull=never"]
        self("build", *mode, *more, f"--tag=localhost/{tag}", context)


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """Build the image on a base that stands for the official one."""
    if os.geteuid():
        lack("run as root: building an image mounts file systems")
    folder = tmp_path_factory.mktemp("image")
    try:
        found = Buildah(folder)
        mmdebstrap = debian("mmdebstrap", "mmdebstrap")
        packages = "--include=python3.13,python3.13-venv,ca-certificates"
        bootstrap = [mmdebstrap, "--quiet", "--variant=minbase", packages]
        context = folder / "base"
        context.mkdir()
        subprocess.run([*bootstrap, "trixie", context / "base.tar"], check=True)
        (context / "Dockerfile").write_text(BASE)
        found.build("python:base", context)
        found.build(
            "exporter",
            ROOT,
            "--build-arg=PYTHON_IMAGE=localhost/python:base",
            f"--build-arg=VERSION={__version__}",
            f"--volume={CERTIFICATES}:{CERTIFICATES}:ro",
        )
        yield found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def settings(buildah: Buildah) -> dict[str, Any]:
    inspected = buildah("inspect", "--type=image", "localhost/exporter")
    found: dict[str, Any] = json.loads(inspected)["Docker"]["config"]
    return found


@pytest.fixture(scope="module")
def container(buildah: Buildah) -> Iterator[str]:
    name = buildah("from", "--pull-never", "localhost/exporter").strip()
    yield name
    buildah("rm", name)


def test_it_runs_as_a_user_without_a_name(settings: dict[str, Any]):
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == [EXPORTER]


def test_its_labels_say_what_it_is(settings: dict[str, Any]):
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): text for name, text in settings["Labels"].items()}
    names = "title description licenses vendor url source documentation base.name version"
    assert set(names.split()) | {"revision", "created"} <= set(labels)
    assert labels["version"] == __version__


def test_it_has_its_own_version_assets_and_no_installer(buildah: Buildah, container: str):
    run = ["run", "--isolation=chroot", container, "--"]
    assert buildah(*run, EXPORTER, "--version").split() == [
        "exchange-balance-exporter",
        __version__,
    ]
    folder = "/tmp/assets"  # noqa: S108 - the container's own
    assert f"{folder}/prometheus/rules/totals.yaml\n" in buildah(*run, EXPORTER, "assets", folder)
    assert buildah(*run, "/opt/exporter/bin/python", "-m", "pip", check=False) == ""


def test_it_is_healthy_by_its_own_health_check(
    buildah: Buildah, container: str, settings: dict[str, Any]
):
    script = (
        f"{EXPORTER} demo --web.listen-address=127.0.0.1:0 >/dev/null 2>&1 & "
        "for _ in 1 2 3 4 5 6 7 8 9; do "
        f"{EXPORTER} healthcheck && kill $! && wait $! && exit; sleep 1; done; exit 1"
    )
    assert settings["Healthcheck"]["Test"] == ["CMD", EXPORTER, "healthcheck"]
    said = buildah("run", "--isolation=chroot", container, "--", "sh", "-c", script)
    assert said.splitlines()[-1] == "healthy: http://127.0.0.1:10518/-/healthy: 200"
