"""Request the health page of a running daemon: for HEALTHCHECK in containers, and exec probes."""

import http.client
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from exporter.web.addresses import UNIX, Address

TIMEOUT = 3.0
"""Seconds for each step: to connect, to shake hands, to get a response."""

_PATH = "/-/healthy"


@dataclass(frozen=True, slots=True)
class Target:
    """An address at which a daemon should respond; `host` is `unix:/path` for a Unix socket.

    With `must_be_ok` the page itself is what counts, and only 200 is healthy. Without it a login or
    a client certificate may be in the way, and any status below 500 proves that the daemon serves.
    """

    host: str
    port: int
    path: str = _PATH
    may_have_tls: bool = False
    must_be_ok: bool = False

    @property
    def url(self) -> str:
        """Return the target as people write it."""
        if self.host.startswith(UNIX):
            return self.host
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.may_have_tls else 'http'}://{host}:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Result:
    """Say in one line whether the daemon serves."""

    is_healthy: bool
    text: str


def find_target(
    url: str | None,
    health_addresses: Sequence[Address],
    listen_addresses: Sequence[Address],
    web_config_file: Path | None,
) -> Target:
    """Return the target: a URL, the first health address, or the first listen address.

    Raises `ValueError` if that can't be known.
    """
    if url is not None:
        return _target_of_url(url)
    if health_addresses:
        return _target_of_address(health_addresses[0], must_be_ok=True)
    return _target_of_address(listen_addresses[0], may_have_tls=web_config_file is not None)


def check(target: Target) -> Result:
    """Request the page and judge the response; a failure is a result, too."""
    try:
        status = _request(target, with_tls=target.may_have_tls)
    except _CertificateWantedError:
        return Result(not target.must_be_ok, f"{target.url}: requires a client certificate")
    except (OSError, http.client.HTTPException) as error:
        return Result(is_healthy=False, text=f"{target.url}: {_reason(error)}")
    is_healthy = status == 200 if target.must_be_ok else status < 500
    return Result(is_healthy, f"{target.url}: {status}")


def _target_of_url(url: str) -> Target:
    parts = urlsplit(url)
    is_tls = parts.scheme == "https"
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("not a URL such as http://127.0.0.1:10517/-/healthy")
    port = parts.port or (443 if is_tls else 80)
    has_path = bool(parts.path.strip("/"))
    path = parts.path if has_path else _PATH
    return Target(parts.hostname, port, path, is_tls, must_be_ok=has_path)


def _target_of_address(
    address: Address, *, may_have_tls: bool = False, must_be_ok: bool = False
) -> Target:
    host, port = address
    if host.startswith(UNIX):
        return Target(host, 0, may_have_tls=may_have_tls, must_be_ok=must_be_ok)
    if not port:
        raise ValueError(f"{host}:{port} means any free port; give the URL to request")
    return Target(_reachable(host), port, _PATH, may_have_tls, must_be_ok)


def _reachable(host: str) -> str:
    """Return the host to connect to; the loopback address for one that means all interfaces."""
    if not host:
        return "127.0.0.1"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


class _CertificateWantedError(Exception):
    """A server has shaken hands, and then hung up on a client without a certificate."""


def _request(target: Target, *, with_tls: bool) -> int:
    """Return the status of the response; if the server has no TLS, try again without."""
    connection = _Connection(target, with_tls=with_tls)
    try:
        connection.request("GET", target.path)
        return connection.getresponse().status
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException) as error:
        if connection.speaks_tls:
            raise _CertificateWantedError from error
        if not isinstance(error, ssl.SSLError) or not with_tls:
            raise
    finally:
        connection.close()
    return _request(target, with_tls=False)


class _Connection(http.client.HTTPConnection):
    """Connect to a target, over a Unix socket or with TLS if need be; nothing is verified.

    The only question is whether the daemon serves, and the request carries no secret.
    """

    def __init__(self, target: Target, *, with_tls: bool) -> None:
        is_unix = target.host.startswith(UNIX)
        super().__init__("localhost" if is_unix else target.host, target.port or 80, TIMEOUT)
        self._target = target
        self._with_tls = with_tls
        self.speaks_tls = False

    def connect(self) -> None:
        target = self._target
        if target.host.startswith(UNIX):
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(TIMEOUT)
            self.sock.connect(target.host.removeprefix(UNIX))
        else:
            self.sock = socket.create_connection((target.host, target.port), TIMEOUT)
        if self._with_tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            tls = context.wrap_socket(
                self.sock, server_hostname=target.host, do_handshake_on_connect=False
            )
            self.sock = tls
            try:
                tls.do_handshake()
            finally:
                # The server chooses a cipher before it wants to see who we are. Without a
                # certificate asyncio's hangs up next; others send an alert first.
                self.speaks_tls = tls.cipher() is not None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no response within {TIMEOUT:g} s"
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
