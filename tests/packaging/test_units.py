"""The units of systemd: valid, hardened, and wide enough for what the daemon does."""

import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.packaging.tools import debian
from tests.programs import wait_for

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "packaging/systemd"
SERVICE = FOLDER / "exchange-balance-exporter.service"
MOST_EXPOSURE = 1.5


def settings(path: Path) -> dict[str, list[str]]:
    """Return the settings of a unit, each with all its values."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


def test_the_units_are_valid(tmp_path: Path):
    verify = debian("systemd-analyze", "systemd")
    program = tmp_path / "exchange-balance-exporter"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for unit in FOLDER.glob("*.s*"):
        if unit.suffix in {".service", ".socket"}:
            text = unit.read_text().replace("/usr/bin/exchange-balance-exporter", str(program))
            (tmp_path / unit.name).write_text(text)
    units = [tmp_path / SERVICE.name, tmp_path / SERVICE.with_suffix(".socket").name]
    ended = subprocess.run([verify, "verify", *units], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_service_is_exposed_to_little():
    analyze = debian("systemd-analyze", "systemd")
    command = [analyze, "security", "--offline=true", str(SERVICE)]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", report)
    assert exposure
    assert float(exposure[1]) <= MOST_EXPOSURE


def test_the_service_notifies_and_is_watched():
    found = settings(SERVICE)
    assert found["Type"] == ["notify"]
    assert found["WatchdogSec"] == ["30s"]
    assert found["RestartPreventExitStatus"] == ["2"]
    assert found["ExecStartPre"][0].endswith(" --config.check=syntax")
    assert found["LoadCredential"]


def test_a_documented_command_gets_the_user_and_the_files_of_the_service():
    shown = (ROOT / "docs/operations.md").read_text()
    found = settings(SERVICE)
    for name in ("User", "Group", "EnvironmentFile", "LoadCredential"):
        assert f"-p {name}={found[name][0]} " in shown
    config = found["Environment"][0].partition("CONFIG_FILE=")[2]
    assert f"exchange-balance-exporter poll --config.file={config} " in shown


def allowed_calls(filters: list[str]) -> set[str]:
    """Return the system calls that a list of SystemCallFilter= lets through."""
    allowed: set[str] = set()
    for line in filters:
        names = {each for name in line.removeprefix("~").split() for each in calls(name)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def calls(name: str) -> set[str]:
    """Return the system calls of a group of systemd's, and of the groups in it."""
    if not name.startswith("@"):
        return {name}
    command = [debian("systemd-analyze", "systemd"), "syscall-filter", "--no-pager", name]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in text.splitlines()[1:]]
    return {each for name in members if name and name[0] != "#" for each in calls(name)}


def test_every_system_call_of_the_daemon_is_allowed(tmp_path: Path):
    strace = debian("strace", "strace")
    trace = tmp_path / "trace"
    command = [sys.executable, "-m", "exporter", "demo", "--web.listen-address=127.0.0.1:0"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [strace, "-f", "-qq", "-o", trace, *command], stdout=log, stderr=log
        )
    try:
        log_of = (tmp_path / "log").read_text
        wait_for(lambda: log_of().count('msg="account is up"') >= 4, seconds=60)
        child = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        subprocess.run(["kill", f"-{signal.SIGTERM.value}", str(child)], check=True)
        process.wait(10)
    finally:
        process.kill()
    text = trace.read_text()
    used = set(re.findall(r"(?m)^\d+ +(\w+)\(", text))
    assert {"socket", "prlimit64", "exit_group"} <= used
    assert used - allowed_calls(settings(SERVICE)["SystemCallFilter"]) == set()
    assert not re.search(r"PROT_WRITE\|PROT_EXEC", text), "MemoryDenyWriteExecute="


def test_the_defaults_name_flags_that_exist():
    text = (FOLDER / "exchange-balance-exporter.default").read_text()
    twins = re.findall(r"(?m)^#(EXCHANGE_BALANCE_EXPORTER_\w+)=", text)
    shown = subprocess.run(
        [sys.executable, "-m", "exporter", "--help"], capture_output=True, text=True, check=True
    ).stdout
    flags = {
        "EXCHANGE_BALANCE_EXPORTER_" + re.sub(r"\W", "_", flag).upper()
        for flag in re.findall(r"--([a-z][a-z.-]+)", shown)
    }
    assert set(twins) <= flags
