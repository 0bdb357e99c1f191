"""The Debian package: the same bytes each time, whole, and gone when it is removed."""

import os
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from exporter import __version__
from tests.packaging.tools import debian

ROOT = Path(__file__).parents[2]
NAME = "exchange-balance-exporter"


def sh(*command: str | Path, **more: Any) -> str:
    """Return what a program prints; raises if it fails."""
    ended = subprocess.run(
        [str(each) for each in command], capture_output=True, text=True, check=False, **more
    )
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


def build(folder: Path) -> Path:
    debian("dpkg-deb", "dpkg")
    if not Path("/usr/bin/python3").exists():
        debian("python3", "python3")
    sh("make", "deb", f"DIST={folder}", cwd=ROOT)
    [package] = folder.glob("*.deb")
    return package


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("deb"))


def test_a_second_build_has_the_same_bytes(package: Path, tmp_path: Path):
    digests = [sha256(each.read_bytes()).hexdigest() for each in (build(tmp_path), package)]
    assert digests[0] == digests[1]


def test_it_says_what_it_is(package: Path):
    control = sh("dpkg-deb", "--field", package)
    assert f"Package: {NAME}\nVersion: {__version__.replace('.dev', '~dev')}\n" in control
    assert "python3 (<< 3." in control


def test_it_has_a_unit_a_user_defaults_and_a_closed_folder_for_keys(package: Path):
    content = sh("dpkg-deb", "--contents", package)
    for line in (
        f"./usr/lib/systemd/system/{NAME}.service",
        f"./usr/lib/systemd/system/{NAME}.socket",
        f"./usr/lib/sysusers.d/{NAME}.conf",
        f"./etc/default/{NAME}",
        f"./usr/bin/{NAME}",
        f"./usr/lib/{NAME}/exporter/assets/prometheus/rules/totals.yaml",
    ):
        assert f"{line}\n" in content
    [keys] = [line for line in content.splitlines() if line.endswith(f"./etc/{NAME}/keys/")]
    assert keys.startswith("drwx------ ")
    assert not [line for line in content.splitlines() if line.split()[1] != "root/root"]


@pytest.fixture
def installed(package: Path) -> Iterator[None]:
    """Install the package where CI runs as root: nobody's own machine is changed by a test."""
    if os.geteuid() or not os.environ.get("CI"):
        pytest.skip("installs a package on this machine: run as root with CI=true")
    sh("dpkg", "--install", package)
    yield
    sh("dpkg", "--purge", NAME)


@pytest.mark.usefixtures("installed")
def test_installed_it_runs_as_its_user_and_removed_it_is_gone():
    assert sh(f"/usr/bin/{NAME}", "--version") == f"{NAME} {__version__}\n"
    assert sh("systemd-analyze", "verify", f"{NAME}.service") == ""
    user = sh("id", "--user", NAME).strip()
    config = Path(f"/etc/{NAME}/config.yaml")
    config.write_text(
        "accounts:\n  - name: a\n    exchange: btcturk\n"
        '    credentials: {api_key: "${KEY}", api_secret: "${SECRET}"}\n'
    )
    config.chmod(0o640)
    os.chown(config, 0, config.parent.stat().st_gid)
    check = [f"/usr/bin/{NAME}", "--config.check=syntax", f"--config.file={config}"]
    sh("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *check)
    config.unlink()
    sh("dpkg", "--remove", NAME)
    assert not Path(f"/usr/bin/{NAME}").exists()
    assert not Path(f"/usr/lib/{NAME}").exists()
    assert Path(f"/etc/default/{NAME}").exists()
    sh("dpkg", "--purge", NAME)
    assert not Path(f"/etc/default/{NAME}").exists()
    assert not Path(f"/etc/{NAME}").exists()
