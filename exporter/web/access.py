"""Decide who may connect and ask, by the web configuration as its files are now."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from exporter.web.auth import PasswordCheck
from exporter.web.config import RateLimit, WebConfig, load
from exporter.web.messages import Request, Response
from exporter.yamlfile.nodes import ConfigError

log = structlog.get_logger()

_RETRY = 1.0
_UNAUTHORIZED = Response.text(
    401, "a user's name and password are needed", {"WWW-Authenticate": 'Basic realm="metrics"'}
)
_FORBIDDEN = Response.text(403, "no name of the client's certificate is in client_allowed_sans")
_TOO_MANY = Response.text(429, "more requests than rate_limit allows", {"Retry-After": "1"})

_Stamp = tuple[int, int, int] | None


class Access:
    """Hold the web configuration, and read it again when one of its files changes.

    A file that breaks changes nothing, and no protection can be switched off while it runs: a file
    that is only half written must not open the door. Without a file everyone may ask.
    """

    def __init__(
        self, path: Path | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Read the file; raises `ConfigError` with every problem."""
        self._path = path
        self._clock = clock
        self._config = WebConfig()
        self._stamps: dict[Path, _Stamp] = {}
        self._problem = ""
        self._retry_at = 0.0
        self._passwords = PasswordCheck()
        self._bucket: _Bucket | None = None
        if path is not None:
            self._stamps = _stamps(path)
            self._adopt(load(path))

    def config(self) -> WebConfig:
        """Return the configuration as its files are now, or as they last were in order."""
        if self._path is not None:
            stamps = _stamps(*self._stamps)
            is_due = bool(self._problem) and self._clock() >= self._retry_at
            if stamps != self._stamps or is_due:
                self._stamps = stamps
                self._reload(self._path)
        return self._config

    async def refusal(self, request: Request, certificate: Mapping[str, Any]) -> Response | None:
        """Return the answer to a request that is not allowed; None for one that is.

        `certificate` is the verified one of the client, as `getpeercert` gives it.
        """
        tls, users = self._config.tls, self._config.users
        if self._bucket is not None and not self._bucket.take(self._clock()):
            return _TOO_MANY
        if tls is not None and not tls.admits(certificate):
            return _FORBIDDEN
        login = request.header("Authorization")
        if users and not await self._passwords.is_right(login, users, request.peer):
            return _UNAUTHORIZED
        return None

    async def close(self) -> None:
        """Give up what is under way."""
        await self._passwords.close()

    def _reload(self, path: Path) -> None:
        """Adopt what the files say now, or log what is wrong with them, once."""
        try:
            config = load(path)
            lost = _protections(self._config) - _protections(config)
            problem = f"restart to switch off {', '.join(sorted(lost))}" if lost else ""
        except ConfigError as error:
            problem = str(error)
        if not problem:
            self._adopt(config)
            log.info("web configuration reloaded", file=str(path))
        elif problem != self._problem:
            log.error("web configuration not reloaded, the last good one stays", problem=problem)
        self._problem = problem
        self._retry_at = self._clock() + _RETRY

    def _adopt(self, config: WebConfig) -> None:
        if config.rate_limit != self._config.rate_limit:
            limit = config.rate_limit
            self._bucket = _Bucket(limit, limit.burst, self._clock()) if limit else None
        self._config = config
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


def _stamps(*files: Path) -> dict[Path, _Stamp]:
    return {file: _stamp(file) for file in files}


def _stamp(file: Path) -> _Stamp:
    """Return what changes when a file is written or replaced; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
