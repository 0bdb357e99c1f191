"""An exchange of another package: the guide's own example, installed beside the exporter."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import exporter, wait_for

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "adding-an-exchange.md"
_BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_ENTRY = re.compile(r'^(\[)project\.entry-points\."([^"]+)"\]$', re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the guide's package into a folder, as an installer would."""
    folder = tmp_path_factory.mktemp("site-packages")
    files = dict(_BLOCK.findall(GUIDE.read_text()))
    (folder / "toy_exchange").mkdir()
    (folder / "toy_exchange" / "__init__.py").touch()
    for name in ("client", "simulated"):
        path = f"toy_exchange/{name}.py"
        (folder / path).write_text(files[path])
    metadata = folder / "toy_exchange-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-exchange\nVersion: 1.0\n")
    entries = _ENTRY.sub(r"[\2]", files["pyproject.toml"]).replace('"', "")
    (metadata / "entry_points.txt").write_text(entries)
    responses = folder / "responses" / "toy"
    responses.mkdir(parents=True)
    (responses / "documented.json").write_text(files["documented.json"])
    return folder


def python(installed: Path, code: str) -> str:
    """Run some code where the package is installed, and return what it printed."""
    environment = os.environ | {"PYTHONPATH": f"{installed}:{ROOT}"}
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_demo_serves_it(installed: Path, tmp_path: Path):
    environment = {"PYTHONPATH": f"{installed}:{ROOT}"}
    listen = "--web.listen-address=127.0.0.1:0"
    with exporter(tmp_path, "demo", listen, environment=environment) as running:
        labels = '{exchange="toy",account="treasury"'
        wait_for(lambda: f"exchange_account_up{labels}}} 1" in running.get("/metrics"))
        assert f'exchange_total_balance{labels},asset="EUR"}}' in running.get("/metrics")


def test_the_contract_has_no_complaint(installed: Path):
    code = (
        "from pathlib import Path\n"
        "from exporter.exchanges import EXCHANGES\n"
        "from tests.exchanges.contract import complaints\n"
        f"print(complaints(EXCHANGES['toy'], recorded=Path({str(installed / 'responses')!r})))\n"
    )
    assert python(installed, code) == "[]\n"


def test_the_matrix_plays_its_faults(installed: Path):
    names = ["http_401", "http_429", "total_null", "code_unknown", "refused_once", "silence"]
    code = (
        "import json\n"
        "from tests.faults.__main__ import outcome\n"
        "from tests.faults.matrix import MATRIX\n"
        f"names = {names}\n"
        "cases = [case for case in MATRIX if case.name in names]\n"
        "print(json.dumps({case.name: outcome(case, 'toy') for case in cases}))\n"
    )
    assert json.loads(python(installed, code)) == dict.fromkeys(names, "ok")


def test_its_balances_are_fuzzed(installed: Path):
    code = (
        "from fuzz.targets import TARGETS\n"
        """TARGETS['toy_balances'](b'{"balances":[{"currency":"a","available":"1","held":"?"}]}')\n"""
    )
    python(installed, code)


def test_a_package_that_can_not_be_loaded_costs_a_warning(installed: Path, tmp_path: Path):
    metadata = tmp_path / "broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    entries = "[exchange_balance_exporter.exchanges]\nbroken = no_such_module:EXCHANGE\n"
    (metadata / "entry_points.txt").write_text(entries)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{installed}:{ROOT}"}
    ended = subprocess.run(
        [sys.executable, "-c", "from exporter.exchanges import EXCHANGES; print(*EXCHANGES)"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "toy" in ended.stdout.split()
    assert "can't be loaded (ModuleNotFoundError)" in ended.stderr
