"""Run the simulated exchanges, alone or with the daemon on them: `simulate` and `demo`."""

import argparse
import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from exporter.commands.errors import CommandError
from exporter.config.watched_files import WatchedFiles
from exporter.daemon import Daemon, Options
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.runtime.clock import Clock
from exporter.simulator import (
    GROUPS,
    FaultInjection,
    Simulator,
    add_demo_accounts,
    config_text,
    no_limits,
)
from exporter.web.addresses import Address, ListenError

log = structlog.get_logger(__name__)

_CURRENCIES = ("TRY", "USDT")
_LOOPBACK = Address("127.0.0.1", 0)


class CannotWriteError(CommandError):
    """The file for the configuration of the simulated accounts can't be written."""

    event = "cannot write the configuration"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Describe the balances and the faults of the simulated exchanges."""

    faults: tuple[FaultInjection, ...] = ()
    accounts: int | None = None
    assets: int | None = None
    seed: int = 0
    has_limits: bool = True


def scenario(options: argparse.Namespace) -> Scenario:
    """Return the scenario that the flags describe."""
    return Scenario(
        faults=tuple(options.fault),
        accounts=options.accounts,
        assets=options.assets,
        seed=options.seed,
        has_limits=not getattr(options, "no_limits", False),
    )


def fault_list() -> str:
    """Return the name and the description of every fault, in groups."""
    return "\n".join(
        f"\n{group}\n" + "\n".join(f"  {fault.name:24} {fault.description}" for fault in faults)
        for group, faults in GROUPS.items()
    ).strip()


async def simulate(scenario: Scenario, listen: Address, write_config: Path | None) -> None:
    """Run the exchanges until a signal; `write_config` gets a configuration for their accounts.

    Raises `ListenError` and `CannotWriteError`.
    """
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with _simulator(scenario, listen) as simulator:
        print(f"Simulated exchanges at {simulator.url}", flush=True)
        if write_config:
            _write_private(write_config, config_text(simulator, currencies=_CURRENCIES))
            print(f"Wrote {write_config} for their accounts", flush=True)
        await stopping.wait()


async def demo(scenario: Scenario, options: Options, own: ExporterMetrics, clock: Clock) -> None:
    """Run the daemon on simulated exchanges until a signal."""
    async with _simulator(scenario, _LOOPBACK) as simulator:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "config.yaml")
            _write_private(path, config_text(simulator, currencies=_CURRENCIES))
            files = WatchedFiles((path,))
            daemon = Daemon(options, files, own, clock)

            def announce(url: str) -> None:
                print(
                    f"Simulated exchanges at {simulator.url}\n"
                    f"Status page              {url}\n"
                    f"Metrics                  {url}{options.telemetry_path.removeprefix('/')}\n"
                    "Stop with Ctrl-C.",
                    flush=True,
                )

            await daemon.run(files.load(os.environ), announce)


@asynccontextmanager
async def _simulator(scenario: Scenario, listen: Address) -> AsyncIterator[Simulator]:
    limits = None if scenario.has_limits else no_limits()
    simulator = Simulator(host=listen.host, port=listen.port, seed=scenario.seed, limits=limits)
    _prepare(simulator, scenario)
    async with AsyncExitStack() as running:
        try:
            await running.enter_async_context(simulator)
        except OSError as error:
            raise ListenError.at(listen, error) from error
        yield simulator


def _prepare(simulator: Simulator, scenario: Scenario) -> None:
    if scenario.accounts is None and scenario.assets is None:
        add_demo_accounts(simulator)
    else:
        for exchange in simulator.exchanges:
            for number in range(1, (scenario.accounts or 2) + 1):
                simulator.add_account(
                    exchange=exchange, name=f"account-{number}", assets=scenario.assets
                )
    for injection in scenario.faults:
        simulator.add_injection(injection)
        _warn_if_it_never_occurs(simulator, injection)


def _warn_if_it_never_occurs(simulator: Simulator, injection: FaultInjection) -> None:
    fault, name = injection.fault.name, injection.account
    named = [account for account in simulator.accounts if name in {None, account.name}]
    if not named:
        log.warning(
            "no simulated account has this name, so the fault never occurs",
            fault=fault,
            account=name,
            accounts=", ".join(account.name for account in simulator.accounts),
        )
    elif not any(_can_occur(simulator, injection, account.exchange) for account in named):
        able = [each for each in simulator.exchanges if _can_occur(simulator, injection, each)]
        log.warning(
            "the fault never occurs: the exchange has no such call or error",
            fault=fault,
            exchange=", ".join(dict.fromkeys(account.exchange for account in named)),
            possible_at=", ".join(able) or "none",
        )


def _can_occur(simulator: Simulator, injection: FaultInjection, exchange: str) -> bool:
    is_chosen = injection.exchange in {None, exchange}
    return is_chosen and injection.can_occur_at(simulator.exchanges[exchange])


def _write_private(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise CannotWriteError(f"{path}: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    """Return what went wrong without where, which asyncio says in a way of its own."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
