"""Load the certificate authorities that an exchange's certificate is checked against."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from exporter.errors import CredentialsError, TlsError
from exporter.runtime.clock import boottime

Signature = tuple[tuple[str, int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class _Loaded:
    context: ssl.SSLContext
    signature: Signature
    checked_at: float  # monotonic


class TrustStore:
    """Share one TLS context among all that trust the same files, as they are now.

    Loading costs 20 ms and some megabytes, so it is done again only when a file changed. It is done
    in a thread: a file system that hangs must hold up nobody else.
    """

    def __init__(self, monotonic: Callable[[], float] = boottime) -> None:
        """Load nothing yet."""
        self._monotonic = monotonic
        self._loaded: dict[Path | None, _Loaded] = {}
        self._running: dict[Path | None, asyncio.Future[_Loaded]] = {}

    async def context(self, ca_file: Path | None = None, max_age: float = 0.0) -> ssl.SSLContext:
        """Return a context that trusts the system's authorities, and those of a file besides.

        Whether a file changed is looked at again unless that was done within `max_age` seconds.
        Raises `CredentialsError` if the file can't be read, `TlsError` if nothing is trusted.
        """
        now, loaded = self._monotonic(), self._loaded.get(ca_file)
        if loaded is not None and 0 <= now - loaded.checked_at < max_age:
            return loaded.context
        running = self._running.get(ca_file)
        if running is None or running.get_loop() is not asyncio.get_running_loop():
            load = partial(_load, ca_file, loaded, now)
            running = asyncio.get_running_loop().run_in_executor(None, load)
            running.add_done_callback(partial(self._keep, ca_file))
            self._running[ca_file] = running
        try:
            return (await asyncio.shield(running)).context
        except RuntimeError:  # no thread can be started
            if ca_file is not None:
                raise
            # The system's own files are local, and don't hang.
            self._loaded[None] = _load(None, loaded, now)
            return self._loaded[None].context

    def _keep(self, ca_file: Path | None, ended: "asyncio.Future[_Loaded]") -> None:
        self._running.pop(ca_file, None)
        if not ended.cancelled() and ended.exception() is None:
            self._loaded[ca_file] = ended.result()


SHARED = TrustStore()
"""What this process has loaded."""


def _load(ca_file: Path | None, before: _Loaded | None, now: float) -> _Loaded:
    signature = _signature(ca_file)
    if before is not None and before.signature == signature:
        return replace(before, checked_at=now)
    # `ssl.create_default_context` would write every session's keys to SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificates and names
    _load_system(context)
    if ca_file is not None:
        _load_file(context, ca_file)
    return _Loaded(context, signature, now)


def _load_system(context: ssl.SSLContext) -> None:
    paths = ssl.get_default_verify_paths()
    try:
        if paths.cafile or paths.capath:
            context.load_verify_locations(cafile=paths.cafile, capath=paths.capath)
    except (OSError, ssl.SSLError):  # such as no free descriptor: an empty store must not be kept
        raise TlsError(
            "the system's CA certificates can't be read",
            advice="Check the CA certificates of this machine, and SSL_CERT_FILE if it is set.",
        ) from None


def _load_file(context: ssl.SSLContext, ca_file: Path) -> None:
    advice = "Fix `network.ca_file`; it is read again when it changes."
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:  # an OSError, too
        raise CredentialsError("ca_file holds no CA certificates in PEM", advice=advice) from None
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise CredentialsError(f"ca_file: {reason}", advice=advice) from None


def _signature(ca_file: Path | None) -> Signature:
    """Return what changes when a file is written or replaced, or the environment names another."""
    paths = ssl.get_default_verify_paths()
    places = [paths.cafile, paths.capath, str(ca_file) if ca_file else None]
    return tuple(_stat(place) if place else None for place in places)


def _stat(place: str) -> tuple[str, int, int, int] | None:
    try:
        found = Path(place).stat()
    except OSError:
        return None
    return place, found.st_mtime_ns, found.st_size, found.st_ino
