"""Decide which clients are served, by the web configuration as its files are now."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from exporter.web.auth import PasswordCheck
from exporter.web.config import RateLimit, WebConfig, load
from exporter.web.messages import Request, Response
from exporter.yamlfile.nodes import ConfigError

log = structlog.get_logger()

_RETRY = 1.0
_REST = 10  # times as long as a reading took, before the next one of files that did not change
_PATIENCE = 1.0
_SHOWN = 20  # problems; a file can have tens of thousands
_UNAUTHORIZED = Response.text(
    401, "user name and password required", {"WWW-Authenticate": 'Basic realm="metrics"'}
)
_FORBIDDEN = Response.text(403, "no name in the client certificate is in client_allowed_sans")
_TOO_MANY = Response.text(429, "more requests than rate_limit allows", {"Retry-After": "1"})

_Stamp = tuple[int, int, int] | None


class Access:
    """The web configuration, which is read again when one of its files changes.

    A file that breaks changes nothing, and no protection can be switched off while it runs: a file
    that is only half written must not open the door. Without a file every request is allowed.
    """

    def __init__(
        self, path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file; raises `ConfigError` with every problem."""
        self.config = WebConfig()
        self._path = path
        self._clock = clock
        self._stamps: dict[Path, _Stamp] = {}
        self._problem = ""
        self._retry_at = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._wait_until = 0.0
        self._passwords = PasswordCheck()
        self._bucket: _Bucket | None = None
        if path is not None:
            self._stamps = _stamps(path)
            self._adopt(load(path))

    async def refresh(self) -> WebConfig:
        """Return the configuration as its files are now, or as they last were in order.

        Files are read in a thread, one reading at a time; requests wait for it a moment.
        """
        if self._path is not None:
            self._read_if_due(self._path)
            if self._reading is not None:
                rest = self._wait_until - asyncio.get_running_loop().time()
                await asyncio.wait([self._reading], timeout=max(0.0, rest))
        return self.config

    async def refusal(self, request: Request, certificate: Mapping[str, Any]) -> Response | None:
        """Return the response to a request that is not allowed; None for one that is.

        `certificate` is the verified one of the client, as `getpeercert` gives it.
        """
        tls, users = self.config.tls, self.config.users
        if self._bucket is not None and not self._bucket.take(self._clock()):
            return _TOO_MANY
        if tls is not None and not tls.admits(certificate):
            return _FORBIDDEN
        login = request.header("Authorization")
        if users and not await self._passwords.is_right(login, users, request.peer):
            return _UNAUTHORIZED
        return None

    async def close(self) -> None:
        """Cancel what is running."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._passwords.close()

    def _read_if_due(self, path: Path) -> None:
        if self._reading is not None and not self._reading.done():
            return
        stamps = _stamps(*self._stamps)
        is_due = bool(self._problem) and self._clock() >= self._retry_at
        if stamps != self._stamps or is_due:
            self._stamps = stamps
            self._reading = asyncio.create_task(self._read(path))
            self._wait_until = asyncio.get_running_loop().time() + _PATIENCE

    async def _read(self, path: Path) -> None:
        """Adopt what the files say now, or log what is wrong with them, once."""
        began = time.monotonic()
        problems: Sequence[str] = ()
        try:
            config = await asyncio.to_thread(load, path)
            lost = _protections(self.config) - _protections(config)
            if lost:
                problems = (f"restart to switch off {', '.join(sorted(lost))}",)
        except ConfigError as error:
            problems = error.shown(_SHOWN)
        except Exception as error:  # noqa: BLE001 - without a thread or memory it is read later
            problems = (f"the files can't be read ({type(error).__name__})",)
        if not problems:
            changed = _changes(self.config, config)
            self._adopt(config)
            log.info("web configuration reloaded", file=str(path), changed=", ".join(changed))
        elif self._problem != (problem := "\n".join(problems)):
            for each in problems:
                log.error("web configuration rejected, keeping the previous one", problem=each)
            self._problem = problem
        if not problems:
            self._problem = ""
        # A large file that stays broken must not keep a core busy.
        self._retry_at = self._clock() + max(_RETRY, _REST * (time.monotonic() - began))

    def _adopt(self, config: WebConfig) -> None:
        if config.warnings != self.config.warnings:
            for each in config.warnings[:_SHOWN]:
                log.warning("web configuration accepted with a warning", problem=str(each))
        if config.rate_limit != self.config.rate_limit:
            limit = config.rate_limit
            self._bucket = _Bucket(limit, limit.burst, self._clock()) if limit else None
        # Connections that are secured alike need not be made again.
        is_alike = config.tls == self.config.tls
        self.config = replace(config, tls=self.config.tls) if is_alike else config
        # A file that is new here was read just now; the others keep the stamp from before that,
        # so that a change in between is seen.
        files = config.tls.files if config.tls else ()
        self._stamps = _stamps(*files) | self._stamps


@dataclass(slots=True)
class _Bucket:
    """Count the requests that a rate limit still allows."""

    limit: RateLimit
    tokens: float
    filled_at: float

    def take(self, now: float) -> bool:
        """Return whether one more request may pass, and count it if so."""
        gained = (now - self.filled_at) / self.limit.interval
        self.tokens = min(self.limit.burst, self.tokens + gained)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def _protections(config: WebConfig) -> set[str]:
    tls = config.tls
    on = {
        "tls_server_config": tls is not None,
        "client_auth_type": tls is not None and tls.demands_certificates,
        "client_allowed_sans": tls is not None and bool(tls.allowed_sans),
        "basic_auth_users": bool(config.users),
        "rate_limit": config.rate_limit is not None,
    }
    return {name for name, is_on in on.items() if is_on}


def _changes(before: WebConfig, after: WebConfig) -> list[str]:
    """Return the sections of the file that differ."""
    differing = {
        "tls_server_config": before.tls != after.tls,
        "http_server_config": before.headers != after.headers,
        "basic_auth_users": before.users != after.users,
        "rate_limit": before.rate_limit != after.rate_limit,
    }
    return [name for name, is_another in differing.items() if is_another]


def _stamps(*files: Path) -> dict[Path, _Stamp]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> _Stamp:
    """Return what changes when a file is written or replaced; None if there is no file."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
