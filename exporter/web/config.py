"""Read `--web.config.file`, in the format of Prometheus' exporter-toolkit.

What can't be honoured is refused, never ignored; docs/decisions/0005-web-config.md says what.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from exporter.web.tls import Tls, read_tls
from exporter.yamlfile import reader
from exporter.yamlfile.nodes import Node, Problem
from exporter.yamlfile.variables import Variables

_SECTIONS = ("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit")
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_BCRYPT = re.compile(r"\$2[abxy]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{53}")
_COSTS = range(4, 17)
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"([0-9.]+)([a-zµ]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Let `burst` requests through at once, and another one every `interval` seconds."""

    interval: float
    burst: int


@dataclass(frozen=True, slots=True)
class WebConfig:
    """Which clients are served, and how; by default all, over plain HTTP.

    `users` has bcrypt hashes by name; `headers` are sent with every response. `warnings` say what
    has another effect than its file says.
    """

    tls: Tls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    warnings: tuple[Problem, ...] = ()

    @property
    def is_open(self) -> bool:
        """Return whether any client is served, without a password or certificate."""
        return not self.users and not (self.tls and self.tls.demands_certificates)


def load(
    path: Path, environ: Mapping[str, str] = os.environ, *, syntax_only: bool = False
) -> WebConfig:
    """Read a file; what it names is relative to its folder.

    Variables are replaced as in the configuration. With `syntax_only` they need not be set, and no
    certificate is read. Raises `ConfigError` with every problem, each with its place.
    """
    variables = Variables(environ, required=not syntax_only)
    advice = "set --web.config.file to another file, or remove it"
    root = reader.load(path, advice=advice, variables=variables)
    sections = root.section(_SECTIONS)
    config = WebConfig(
        read_tls(sections["tls_server_config"], path.parent, reads_files=not syntax_only),
        _users(sections["basic_auth_users"]),
        _headers(sections["http_server_config"]),
        _rate_limit(sections["rate_limit"]),
        tuple(root.report.warnings),
    )
    root.report.check()
    return config


def _users(node: Node) -> Mapping[str, str]:
    users = {}
    for name, value in node.entries().items():
        if ":" in name:
            value.problem("a user name can't contain a colon: no client could send it")
        users[name] = value.parsed(_bcrypt_hash) or ""
    return MappingProxyType(users)


def _bcrypt_hash(text: str) -> str:
    match = _BCRYPT.fullmatch(text)
    if not match:
        raise ValueError("must be a bcrypt hash; `htpasswd -nBC 10 USER` makes one")
    if int(match["cost"]) not in _COSTS:
        raise ValueError("its bcrypt cost must be from 4 to 16: more takes longer than a scrape")
    return text


def _headers(node: Node) -> Mapping[str, str]:
    nodes = node.section(("headers", "http2"))
    if not nodes["http2"].is_nothing:
        nodes["http2"].boolean()  # It allows HTTP/2 and demands nothing: HTTP/1.1 fits both.
    headers = nodes["headers"].section(_HEADERS)
    return MappingProxyType(
        {
            name: (value.choice(_HEADERS[name]) if _HEADERS[name] else _header_value(value)) or ""
            for name, value in headers.items()
            if not value.is_nothing
        }
    )


def _header_value(node: Node) -> str:
    """Return a text as it can stand in a header; Go trims it, too."""
    text = node.text()
    if not text.isascii():
        node.problem("a header value must be ASCII")
    return text.strip(" ")


def _rate_limit(node: Node) -> RateLimit | None:
    nodes = node.section(("interval", "burst"))
    if nodes["interval"].is_nothing and nodes["burst"].is_nothing:
        return None
    interval = nodes["interval"].parsed(_seconds)
    burst = nodes["burst"].integer(1, 1_000_000)
    return RateLimit(interval, burst) if interval and burst else None


def _seconds(text: str) -> float:
    if not _DURATION.fullmatch(text):
        raise ValueError("must be a duration such as 1s, 500ms or 1m30s")
    seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION_PART.findall(text))
    if not 0 < seconds <= 3600:
        raise ValueError("must be more than 0 and at most 1h")
    return seconds
