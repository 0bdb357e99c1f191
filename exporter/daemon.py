"""Wire the parts of the daemon together: start, signals, reload, graceful stop."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import structlog

from exporter import __version__
from exporter.config.changes import find_changes
from exporter.config.findings import Findings, examine
from exporter.config.loader import Config, ConfigError
from exporter.config.reports import log_changes, log_empty_shard, log_problems, log_suspicions
from exporter.config.shard_config import for_shard
from exporter.config.watched_files import WatchedFiles
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.pages import PageRenderer, read_held
from exporter.polling.poller import Poller
from exporter.polling.shards import Shard
from exporter.polling.snapshots import SnapshotStore
from exporter.prices.sources import PriceSources
from exporter.routes import make_health_routes, make_routes
from exporter.runtime.clock import Clock
from exporter.runtime.loop_lag import watch_loop
from exporter.runtime.systemd import Notifier, inherited_sockets, keep_informed
from exporter.web.access import Access
from exporter.web.addresses import Address, ListenError
from exporter.web.limits import Limits
from exporter.web.server import Server

log = structlog.get_logger(__name__)

REVISION_VARIABLE = "EXCHANGE_BALANCE_EXPORTER_REVISION"

OPEN_TO_ALL = "everyone who reaches this address can read the balances"
OPEN_ADVICE = "set --web.config.file with TLS and users, or listen on 127.0.0.1"

_PATIENCE = 1.0  # seconds for a file system to tell who can read the secrets


@dataclass(frozen=True, slots=True)
class Options:
    """The daemon's flags and their defaults; the interval is in seconds, 0 for never."""

    auto_reload_interval: float = 0.0
    listen_addresses: Sequence[Address] = (Address("127.0.0.1", 10517),)
    web_config_file: Path | None = None
    allowed_hosts: Sequence[str] = ()
    telemetry_path: str = "/metrics"
    enable_lifecycle: bool = False
    max_requests: int = 40
    health_listen_addresses: Sequence[Address] = ()
    systemd_socket: bool = False
    shard: Shard = field(default_factory=Shard)
    disable_exporter_metrics: bool = False


class _Listening(NamedTuple):
    """The bound addresses: those of all pages, and those of the health pages alone."""

    addresses: Sequence[Address]
    health_addresses: Sequence[Address]


class Daemon:
    """Poll and serve until stopped."""

    def __init__(
        self,
        options: Options,
        files: WatchedFiles,
        own: ExporterMetrics,
        clock: Clock | None = None,
    ) -> None:
        """Prepare; nothing runs and nothing is bound before `run`.

        The configuration for `run` must have been loaded through `files`, as reloads are. Raises
        `ConfigError` for a web configuration that can't be honoured.
        """
        self._options = options
        self._access = Access(options.web_config_file)
        self._files = files
        self._own = own
        self._clock = clock or Clock()
        self.store = SnapshotStore(PageRenderer())
        self._sources = PriceSources(self.store, self._clock, read_held, share=options.shard.share)
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._reload_wanted = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._examining: asyncio.Future[Findings] | None = None
        self._config: Config | None = None
        self._systemd = Notifier(os.environ)

    async def run(
        self, config: Config, when_listening: Callable[[str], None] | None = None
    ) -> None:
        """Run until `stop` or a signal; `when_listening` gets the first address as a URL.

        Raises `ListenError` before anything was polled.
        """
        _use_all_descriptors()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload_wanted.set)
        async with AsyncExitStack() as servers:
            listening = await self._listen(servers)
            # Until now these end the process by themselves, however long a name takes to look up.
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
            self._announce(listening, when_listening)
            await self._poll(config)
        log.info("stopped")

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping.set()

    async def reload(self) -> None:
        """Take over the configuration file again; raises `ConfigError` and changes nothing."""
        await self._started.wait()
        async with self._reloading:
            self._systemd.reloading()
            before = self._config
            try:
                config = await self._load()
                after = await self._take_over(config)
            except Exception as error:
                self._own.note_reload(None)
                if isinstance(error, ConfigError):
                    log_problems(error)
                raise
            finally:
                self._systemd.ready()
            if before is not None:
                log_changes(find_changes(before, after), len(after.accounts))

    async def _load(self) -> Config:
        try:
            return await asyncio.to_thread(self._files.load, os.environ)
        except RuntimeError:  # no thread can be started: better to be held up than not to reload
            return self._files.load(os.environ)

    async def _poll(self, config: Config) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._poller = Poller(self.store, tasks, self._clock, on_request=self._own.api.count)
            self._own.api.watch(self._poller.limits)
            self._sources.start(tasks, self._poller)
            await self._take_over(config)
            self._started.set()
            self._systemd.ready()
            watchers = [
                tasks.create_task(watch_loop(self._own.loop_lag.set)),
                tasks.create_task(keep_informed(self._systemd, self._summary)),
                tasks.create_task(self._reload_when_wanted()),
                tasks.create_task(self._watch_files()),
            ]
            await self._stopping.wait()
            log.info("stopping")
            self._systemd.stopping()
            for watcher in watchers:
                watcher.cancel()
            await self._sources.stop()
            await self._poller.stop()

    async def _take_over(self, whole: Config) -> Config:
        """Poll what is this shard's of a configuration from now on, and return it."""
        config = for_shard(whole, self._options.shard)
        log_empty_shard(self._options.shard, config, whole)
        await self._poller.reconcile(config.accounts, config.requests_per_minute)
        await self._sources.reconcile(config.valuation)
        self.store.retire(config.retired)
        self._own.note_reload(self._clock.wall())
        self._config = config
        await self._warn(config)
        return config

    async def _warn(self, config: Config) -> None:
        """Warn in a while, or not at all if a file system hangs; one examination runs at a time."""
        if self._examining is not None and not self._examining.done():
            return
        loop = asyncio.get_running_loop()
        self._examining = loop.run_in_executor(None, examine, config, os.environ)
        try:
            async with asyncio.timeout(_PATIENCE):
                findings = await asyncio.shield(self._examining)
                log_suspicions(findings.suspicions)
        except TimeoutError:
            pass
        except Exception as error:  # noqa: BLE001 - such as no thread; warnings are not vital
            log.warning("configuration can't be examined", error=type(error).__name__)

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
                # A reload must not end the daemon, even without memory or threads.
                log.exception("reload failed, keeping the previous configuration")

    async def _watch_files(self) -> None:
        """Reload when the content of the configuration files is another one."""
        while interval := self._options.auto_reload_interval:
            with suppress(RuntimeError):  # no thread can be started now
                async with self._reloading:
                    if await asyncio.to_thread(self._files.have_changed):
                        self._reload_wanted.set()
            await asyncio.sleep(interval)

    def _summary(self) -> str:
        """Return how many accounts are up, for `systemctl status`."""
        states = self.store.states.values()
        return f"{sum(state.up for state in states)} of {len(states)} accounts up"

    async def _listen(self, servers: AsyncExitStack) -> _Listening:
        """Start the servers, which the stack stops, and return where they listen."""
        options = self._options
        inherited = self._inherited()
        health = Server(make_health_routes(self._is_ready))
        health_addresses = await _start(servers, health, options.health_listen_addresses)
        wanted = () if inherited else options.listen_addresses
        addresses = await _start(servers, self._make_server(), wanted, inherited)
        return _Listening(addresses, health_addresses)

    def _inherited(self) -> list[socket.socket]:
        """Return the sockets of systemd if those are wanted; raises `ListenError` without any."""
        if not self._options.systemd_socket:
            return []
        try:
            sockets = inherited_sockets(os.environ)
        except ValueError as error:
            raise ListenError(str(error)) from error
        if not sockets:
            raise ListenError("systemd passed no socket: start the .socket unit of this service")
        return sockets

    def _is_ready(self) -> bool:
        return not self._stopping.is_set()

    def _make_server(self) -> Server:
        options = self._options
        routes = make_routes(
            telemetry_path=options.telemetry_path,
            store=self.store,
            own=self._own,
            clock=self._clock,
            is_ready=self._is_ready,
            reload=self.reload if options.enable_lifecycle else None,
            valuations=lambda: self._sources.valuations,
        )
        limits = Limits(max_requests=options.max_requests)
        return Server(
            routes, access=self._access, limits=limits, allowed_hosts=options.allowed_hosts
        )

    def _announce(
        self, listening: _Listening, when_listening: Callable[[str], None] | None
    ) -> None:
        web = self._access.config
        urls = [address.url("https" if web.tls else "http") for address in listening.addresses]
        shown = {"addresses": " ".join(urls)}
        if listening.health_addresses:
            health_urls = [address.url("http") for address in listening.health_addresses]
            shown["health_addresses"] = " ".join(health_urls)
        log.info("listening", version=__version__, **shown)
        for address in listening.addresses:
            if web.is_open and not address.is_private:
                log.warning(OPEN_TO_ALL, address=address.host, advice=OPEN_ADVICE)
        if when_listening:
            when_listening(urls[0])


async def _start(
    servers: AsyncExitStack,
    server: Server,
    addresses: Sequence[Address],
    inherited: Sequence[socket.socket] = (),
) -> list[Address]:
    servers.push_async_callback(server.stop)
    return await server.start(addresses, inherited=inherited)


def _use_all_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a thousand scrapers are allowed


def make_exporter_metrics(clock: Clock, options: Options | None = None) -> ExporterMetrics:
    """Return the exporter's own metrics, labelled with this build."""
    options = options or Options()
    own = ExporterMetrics(
        __version__,
        os.environ.get(REVISION_VARIABLE, "unknown"),
        clock.monotonic,
        with_process=not options.disable_exporter_metrics,
    )
    own.shard.set(options.shard.number)
    own.total_shards.set(options.shard.total)
    return own
