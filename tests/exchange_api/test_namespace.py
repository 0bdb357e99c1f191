"""The command line in a network namespace: a proxy with a password, a private CA, one address."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.exchange_api.in_namespace import SOURCE

ROOT = Path(__file__).parents[2]
SETUP = f"ip link set lo up && ip addr add {SOURCE}/32 dev lo"


def namespace() -> list[str]:
    """Return what runs a shell script in a network of its own; skips if this machine can't."""
    command = ["unshare", "--net", "--map-root-user", "sh", "-ec"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs unshare (util-linux) and ip (iproute2)")
    if subprocess.run([*command, SETUP], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make network namespaces")
    return command


def test_an_account_is_polled_through_a_proxy_with_a_private_authority_from_a_chosen_address(
    tmp_path: Path,
):
    script = f'{SETUP} && exec "{sys.executable}" -m tests.exchange_api.in_namespace "{tmp_path}"'
    ended = subprocess.run(
        [*namespace(), script], cwd=ROOT, capture_output=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr.decode()
    seen = json.loads(ended.stdout)
    assert seen["status"] == 0, seen["log"]
    assert set(seen["peers"]) == {SOURCE}
    assert set(seen["requests"]) == {f"CONNECT {seen['relay']}"}
    [account] = seen["poll"]["accounts"]
    assert account["up"]
    assert account["balances"]
    assert account["remote_addresses"] == [seen["proxy"]]
    assert "p@ss" not in seen["log"]
    assert "p%40ss" not in seen["log"]
