"""Name the way to an exchange: its host, and where requests leave this machine."""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from exporter.credentials import Secret
from exporter.errors import CredentialsError
from exporter.model import IpFamily, Network

DEFAULT_PORTS = {"http": 80, "https": 443}

_DOT = re.compile("%2e", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Describe an HTTP proxy; its user and password are sent to it alone."""

    scheme: str
    host: str
    port: int
    user: Secret | None = None
    password: Secret | None = None

    @property
    def address(self) -> str:
        """Return `host:port`, which holds no secret."""
        return f"{_bracketed(self.host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """Describe how requests leave this machine, with all secrets read."""

    proxy: Proxy | None = None
    ca_file: Path | None = None
    source_address: str | None = None
    ip_family: IpFamily = "any"

    @property
    def egress(self) -> str:
        """Return the egress path as its label: exchanges count by the address that they see."""
        if self.proxy:
            return self.proxy.address
        return self.source_address or (self.ip_family if self.ip_family != "any" else "")


DIRECT = Route()


def make_route(network: Network, proxy_url: Secret | None) -> Route:
    """Return the route of an account; raises `CredentialsError` for a bad proxy URL."""
    proxy = parse_proxy(proxy_url) if proxy_url else None
    return Route(proxy, network.ca_file, network.source_address, network.ip_family)


def parse_proxy(url: Secret) -> Proxy:
    """Return the proxy of a URL; raises `CredentialsError`, which never repeats the URL."""
    try:
        parts = urlsplit(url.reveal())
        port = parts.port
    except ValueError:
        raise CredentialsError("proxy_url is not a valid URL") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise CredentialsError("proxy_url is not a URL such as http://proxy:3128")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise CredentialsError("proxy_url has a path, which a proxy has not")
    return Proxy(
        parts.scheme,
        parts.hostname,
        port or DEFAULT_PORTS[parts.scheme],
        Secret(unquote(parts.username)) if parts.username is not None else None,
        Secret(unquote(parts.password)) if parts.password is not None else None,
    )


def normalise_base_url(url: str) -> str:
    """Return the one spelling of a valid base URL, so that equal APIs have equal URLs.

    A dot at the end of the host stays: it keeps a resolver from trying search domains.
    """
    parts = urlsplit(url)
    host = _host(parts.hostname or "")
    port = "" if parts.port in {None, DEFAULT_PORTS.get(parts.scheme)} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{_without_dots(parts.path)}"


@lru_cache(maxsize=1024)
def api_url(base_url: str) -> str:
    """Return what names an API among all: its base URL without a dot at the end of the host."""
    parts = urlsplit(normalise_base_url(base_url))
    return f"{parts.scheme}://{api_host(base_url)}{parts.path}"


@lru_cache(maxsize=1024)
def api_host(base_url: str) -> str:
    """Return the host of a base URL as its label, with the port if it is not the scheme's own."""
    host, colon, port = urlsplit(normalise_base_url(base_url)).netloc.rpartition(":")
    if not colon or "]" in port:
        host, colon, port = urlsplit(normalise_base_url(base_url)).netloc, "", ""
    return f"{host.rstrip('.')}{colon}{port}"


def _without_dots(path: str) -> str:
    """Return a path without `.` and `..` segments (RFC 3986, 5.2.4) and without a last slash."""
    kept: list[str] = []
    for segment in _DOT.sub(".", path).split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept).rstrip("/")


def _host(host: str) -> str:
    try:
        return f"[{IPv6Address(host).compressed}]"
    except ValueError:
        return host.lower()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
