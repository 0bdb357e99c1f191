"""Wheel and source distribution: the same bytes each time, whole, and of use without the clone."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, target: Path) -> dict[str, str]:
    """Build both distributions and return their hashes by suffix."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return {path.suffix: digest(path) for path in target.iterdir()}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder)
    return folder


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the source distribution."""
    folder = tmp_path_factory.mktemp("sdist")
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return next(folder.iterdir())


def test_a_second_build_has_the_same_hash(built: Path, tmp_path: Path):
    assert build(ROOT, tmp_path) == {path.suffix: digest(path) for path in built.iterdir()}


def test_the_source_distribution_builds_the_same_wheel(built: Path, unpacked: Path, tmp_path: Path):
    [wheel] = built.glob("*.whl")
    assert build(unpacked, tmp_path)[".whl"] == digest(wheel)


def test_the_source_distribution_has_the_tests_and_all_that_they_need(unpacked: Path):
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if tracked.returncode:
        pytest.skip("this is not a clone, so nothing is known of what it should have")
    missing = [
        name
        for name in tracked.stdout.split("\0")
        if name and not name.startswith("docs/images/") and not (unpacked / name).exists()
    ]
    assert missing == []


def test_tests_pass_in_the_source_distribution(unpacked: Path):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    tests = ["tests/test_amounts.py", "tests/alerts/test_docs.py", "tests/commands/test_assets.py"]
    subprocess.run([*command, *tests], cwd=unpacked, check=True, capture_output=True)


def test_an_installed_wheel_writes_its_assets_without_the_clone(built: Path, tmp_path: Path):
    environment = tmp_path / "venv"
    venv.create(environment, system_site_packages=False)
    [wheel] = built.glob("*.whl")
    packages = next(environment.glob("lib/python*/site-packages"))
    shutil.unpack_archive(wheel, packages, "zip")
    # The libraries are those of this environment: nothing has to be downloaded.
    (packages / "libraries.pth").write_text(
        str(next(Path(sys.prefix).glob("lib/python*/site-packages")))
    )
    python, folder = str(environment / "bin/python"), str(tmp_path / "assets")
    program = [python, "-I", "-m", "exporter", "assets", folder]
    subprocess.run(program, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "assets/prometheus/rules/totals.yaml").exists()
    assert (tmp_path / "assets/config.example.yaml").exists()
