"""Wire the parts of the daemon together: start, signals, reload, graceful stop."""

import asyncio
import os
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import structlog

from exporter import __version__
from exporter.config.loader import Config, ConfigError, load
from exporter.credentials import SecretFile
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.pages import Store, render_balances
from exporter.polling.poller import Poller
from exporter.polling.snapshots import SnapshotStore
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.runtime.loop_lag import watch_loop
from exporter.web.access import Access
from exporter.web.limits import Limits
from exporter.web.server import Server

log = structlog.get_logger(__name__)

REVISION_VARIABLE = "EXCHANGE_BALANCE_EXPORTER_REVISION"

_PATIENCE = 1.0  # seconds for a file system to tell who can read the secrets
_SHOWN_PROBLEMS = 20  # of a file that is refused on reload; it can have tens of thousands


class CannotListenError(Exception):
    """An address to listen on is taken, not ours, or no address."""


@dataclass(frozen=True, slots=True)
class Options:
    """Hold the daemon's flags."""

    config_file: Path = Path("config.yaml")
    listen_addresses: Sequence[str] = ("127.0.0.1:10517",)
    web_config_file: Path | None = None
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    max_requests: int = 40


class Daemon:
    """Poll and serve until stopped."""

    def __init__(self, options: Options, own: ExporterMetrics, clock: Clock | None = None) -> None:
        """Prepare; nothing runs and nothing is bound before `run`.

        Raises `ConfigError` for a web configuration that can't be honoured.
        """
        self._options = options
        self._access = Access(options.web_config_file)
        self._own = own
        self._clock = clock or Clock()
        self.store: Store = SnapshotStore(render_balances)
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._checking: asyncio.Future[list[Path]] | None = None

    async def run(
        self, config: Config, when_listening: Callable[[str], None] | None = None
    ) -> None:
        """Run until `stop` or a signal; `when_listening` is told the first address as a URL.

        Raises `CannotListenError` before anything was polled.
        """
        _use_all_descriptors()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        server = self._make_server()
        addresses = await self._listen(server)
        # Until now these end the process by themselves, however long a name takes to look up.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            self._announce(addresses, when_listening)
            await self._poll(config)
        finally:
            await server.stop()
        log.info("stopped")

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def reload(self) -> None:
        """Take over the configuration file again; raises `ConfigError` and changes nothing."""
        await self._started.wait()
        async with self._reloading:
            try:
                config = await asyncio.to_thread(load, self._options.config_file, os.environ)
                await self._take_over(config)
            except Exception as error:
                self._own.note_reload(None)
                if isinstance(error, ConfigError):
                    _log_problems(error)
                raise
            log.info("configuration reloaded", accounts=len(config.accounts))

    async def _poll(self, config: Config) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._poller = Poller(self.store, tasks, self._clock)
            await self._take_over(config)
            self._started.set()
            watchers = [
                tasks.create_task(watch_loop(self._own.loop_lag.set)),
                tasks.create_task(self._reload_when_wanted()),
            ]
            await self._stopping.wait()
            log.info("stopping")
            for watcher in watchers:
                watcher.cancel()
            await self._poller.stop()

    async def _take_over(self, config: Config) -> None:
        await self._poller.reconcile(config.accounts, config.requests_per_minute)
        self._own.note_reload(self._clock.wall())
        await self._warn_of_readable_secrets(config)

    async def _warn_of_readable_secrets(self, config: Config) -> None:
        """Warn in a while, or not at all where a file system hangs; one check runs at a time."""
        if self._checking is not None and not self._checking.done():
            return
        loop = asyncio.get_running_loop()
        self._checking = loop.run_in_executor(None, _readable_secrets, config)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                for path in await asyncio.shield(self._checking):
                    log.warning(
                        "every user of this machine can read a secret",
                        file=str(path),
                        advice="chmod o-r, or defaultMode: 0400 in Kubernetes",
                    )

    async def _reload_when_wanted(self) -> None:
        """Reload after each SIGHUP, or once after a storm of them."""
        while True:
            await self._reload_wanted.wait()
            self._reload_wanted.clear()
            try:
                await self.reload()
            except ConfigError:
                continue  # it has been logged, and counted in the metrics
            except Exception:
                # No defect and no lack of memory or threads in a reload may end the daemon.
                log.exception("reload failed, the old configuration stays")

    async def _listen(self, server: Server) -> list[tuple[str, int]]:
        wanted = self._options.listen_addresses
        try:
            return await server.start(wanted)
        except OSError as error:
            number = error.errno or 0  # a resolver's are below 0
            reason = os.strerror(number) if number > 0 else str(error)
            raise CannotListenError(f"{', '.join(wanted)}: {reason}") from error
        except ValueError as error:
            raise CannotListenError(str(error)) from error

    def _make_server(self) -> Server:
        options = self._options
        routes = make_routes(
            telemetry_path=options.telemetry_path,
            store=self.store,
            own=self._own,
            clock=self._clock,
            is_ready=lambda: not self._stopping.is_set(),
            reload=self.reload if options.enable_lifecycle else None,
        )
        limits = Limits(max_requests=options.max_requests)
        return Server(routes, access=self._access, limits=limits)

    def _announce(
        self,
        addresses: Sequence[tuple[str, int]],
        when_listening: Callable[[str], None] | None,
    ) -> None:
        web = self._access.config()
        urls = [_url("https" if web.tls else "http", host, port) for host, port in addresses]
        log.info("listening", version=__version__, addresses=" ".join(urls))
        for host, _ in addresses:
            if web.is_open and not ip_address(host.partition("%")[0]).is_loopback:
                log.warning(
                    "everyone who reaches this address can read the balances",
                    address=host,
                    advice="set --web.config.file with TLS and users, or listen on 127.0.0.1",
                )
        if when_listening:
            when_listening(urls[0])


def _use_all_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a thousand scrapers are allowed


def _readable_secrets(config: Config) -> list[Path]:
    sources = [source for account in config.accounts for source in account.credentials.values()]
    files = {source for source in sources if isinstance(source, SecretFile)}
    return sorted(file.path for file in files if file.is_readable_by_others())


def _log_problems(error: ConfigError) -> None:
    shown = [str(problem) for problem in error.problems[:_SHOWN_PROBLEMS]]
    if more := len(error.problems) - len(shown):
        shown.append(f"and {more} more, which --config.check prints")
    for problem in shown:
        log.error("configuration refused, the old one stays", problem=problem)


def make_exporter_metrics(clock: Clock) -> ExporterMetrics:
    """Return the exporter's own metrics, labelled with this build."""
    return ExporterMetrics(
        __version__, os.environ.get(REVISION_VARIABLE, "unknown"), clock.monotonic
    )


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"
