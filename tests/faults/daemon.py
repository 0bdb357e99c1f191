"""Run the exporter as a process, with the simulated exchanges beside it."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from exporter.exchanges import EXCHANGES
from exporter.simulator import Simulator, config_text
from tests.faults.canaries import Canaries
from tests.faults.case import Case, case_of_all, no_reason
from tests.programs import fetch, wait_for

Result = TypeVar("Result")

_BALANCE = 'exchange_total_balance{{exchange="{}",account="{}",asset="BTC"}}'
# Two are enough for what concerns a process; which exchanges they are does not matter.
_ACCOUNTS = tuple((exchange, f"at-{exchange}") for exchange in [*EXCHANGES][:2])
_LISTEN = "--web.listen-address=127.0.0.1:{}"


class Exchanges:
    """Run the simulated exchanges in a thread, for a daemon that is another process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)

    def __enter__(self) -> Simulator:
        self._thread.start()
        return self._await(self._open())

    def __exit__(self, *_: object) -> None:
        self._await(self.simulator.__aexit__(None, None, None))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _open(self) -> Simulator:
        self.simulator = await Simulator().__aenter__()
        return self.simulator

    def _await(self, running: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(running, self.loop).result(10)


@dataclass
class Daemon:
    """Run an exporter with accounts at two of the simulated exchanges."""

    simulator: Simulator
    folder: Path
    canaries: Canaries
    port: int
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def log(self) -> str:
        path = self.folder / "stderr"
        return path.read_text() if path.exists() else ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def descriptors(self) -> int:
        """Return how many file descriptors the process has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def add_account(self, exchange: str, name: str) -> None:
        """Open a simulated account with canaries for secrets."""
        self.simulator.add_account(
            exchange=exchange,
            name=name,
            balances={"BTC": ("1.5", "1", "0.5")},
            credentials=self.canaries.credentials(exchange, name),
        )

    def write_config(self, interval: str = "1s") -> None:
        """Write the configuration of the simulated accounts."""
        self.config.write_text(config_text(self.simulator, interval=interval, timeout="500ms"))

    def start(self, before: str = "", errors: str = "2>stderr", after: str = "") -> None:
        """Start in a shell that may set limits `before`, and says where the errors go."""
        command = f"{before} exec {sys.executable} -m exporter --config.file={self.config} "
        command += f"{_LISTEN.format(self.port)} --log.level=debug --web.enable-lifecycle {after}"
        self.process = subprocess.Popen(
            ["/bin/sh", "-c", f"{command} {errors}"], cwd=self.folder, env=_environment()
        )

    def page(self) -> str:
        return fetch(f"{self.url}/metrics")

    def is_up(self) -> bool:
        """Return whether all accounts are up with their balances."""
        page = self.page()
        return all(
            f'exchange_account_up{{exchange="{e}",account="{a}"}} 1\n' in page
            and _BALANCE.format(e, a) in page
            for e, a in _ACCOUNTS
        )

    def polls(self) -> int:
        """Return the polls of all accounts that ended."""
        found = re.findall(r"^exchange_account_polls_total\{.*\} (\d+)$", self.page(), re.MULTILINE)
        return sum(map(int, found))

    def goes_on(self) -> None:
        """Wait until all accounts were polled twice more, and are up."""
        before = self.polls()
        wait_for(lambda: self.polls() >= before + 2 * len(_ACCOUNTS) and self.is_up())

    def stop(self, *, within: float = 5.0) -> None:
        """Stop, which must give exit status 0 in time."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(within)
        assert status == 0, f"exit status {status}"

    def check_secrets(self) -> None:
        """Look for secrets in all that came out, and where every user of the machine can look."""
        if self.process.poll() is None:
            command = Path(f"/proc/{self.process.pid}/cmdline").read_text()
            self.canaries.check(command, "the command line")
            for path in ("/metrics", "/", "/api/v1/balances"):
                self.canaries.check(fetch(self.url + path), path)
        self.canaries.check(self.log, "the log")


def _environment() -> dict[str, str]:
    root = Path(__file__).parents[2]
    return os.environ | {"PYTHONPATH": str(root), "PYTHONWARNINGS": "error"}


@contextmanager
def daemon() -> Iterator[Daemon]:
    """Prepare a daemon that is not yet started, and leave nothing of it behind."""
    with Exchanges() as simulator, tempfile.TemporaryDirectory() as folder:
        running = Daemon(simulator, Path(folder), Canaries(), free_port())
        for account in _ACCOUNTS:
            running.add_account(*account)
        running.write_config()
        try:
            yield running
            running.check_secrets()
        finally:
            if hasattr(running, "process"):
                running.process.kill()
                running.process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def process_case(
    group: str,
    name: str,
    seen: str,
    play: Callable[[Daemon], None],
    unplayable: Callable[[], str] = no_reason,
    *,
    does: str = "",
) -> Case:
    """Return a case of a process that has an account at each exchange."""

    def play_in_daemon() -> None:
        with daemon() as prepared:
            play(prepared)

    does = does or " ".join((play.__doc__ or "").split())
    return case_of_all(group, name, does, seen, play_in_daemon, unplayable)
