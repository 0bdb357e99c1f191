"""Read `tls_server_config` into a context that does exactly what it says, or say why it can't."""

import hashlib
import os
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from exporter.yamlfile.nodes import Node

# Of the 256 KiB that asyncio sets aside to receive on each connection, a request needs this much;
# two thousand clients that say nothing must not take half a gigabyte.
SSLProtocol.max_size = 16 * 1024

_PEMS = ("cert", "key", "client_ca")
_KEYS = (
    *(f"{name}{suffix}" for name in _PEMS for suffix in ("", "_file")),
    *("client_auth_type", "client_allowed_sans", "min_version", "max_version"),
    *("cipher_suites", "curve_preferences", "prefer_server_cipher_suites"),
)
_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
_OLDEST = ssl.TLSVersion.TLSv1_2
_CLIENT_AUTH = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = {"RequestClientCert", "RequireAnyClientCert", "RequireClientCert"}

# Go's names and OpenSSL's.
_CURVES = {
    "CurveP256": "prime256v1",
    "CurveP384": "secp384r1",
    "CurveP521": "secp521r1",
    "X25519": "X25519",
}
_TLS12_SUITES = {
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
}
_TLS13_SUITES = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")


@dataclass(frozen=True, slots=True)
class Tls:
    """What secures a new connection; without `allowed_sans` any name is accepted.

    `files` are those that it was read from, and `digest` stands for all that it was made of: two
    are equal if a connection is secured alike.
    """

    context: ssl.SSLContext = field(compare=False)
    allowed_sans: frozenset[str]
    files: tuple[Path, ...]
    digest: bytes = field(repr=False)

    @property
    def demands_certificates(self) -> bool:
        """Return whether a client without a certificate is turned away."""
        return self.context.verify_mode == ssl.CERT_REQUIRED

    def admits(self, certificate: Mapping[str, Any]) -> bool:
        """Return whether a verified certificate, as `getpeercert` gives it, may come in."""
        return not self.allowed_sans or not self.allowed_sans.isdisjoint(_sans(certificate))


@dataclass(frozen=True, slots=True)
class _Pem:
    """A PEM, the node to blame for it, and the file that it came from."""

    content: bytes = field(repr=False)
    node: Node
    file: Path | None = None


def read_tls(node: Node, folder: Path, *, reads_files: bool = True) -> Tls | None:
    """Read the section; None if nothing is set, or after a problem that the node reports.

    Without `reads_files`, files need not be there, and the rest of the section is checked.
    """
    nodes = node.section(_KEYS)
    if all(each.is_nothing for each in nodes.values()):
        return None
    certificate, key, client_ca = (
        _pem(nodes, name, folder, reads_files=reads_files) for name in _PEMS
    )
    for name, pem in zip(_PEMS, (certificate, key), strict=False):
        if pem is None:
            node.problem(
                f"TLS needs a certificate and its key; give {name}_file", key=f"{name}_file"
            )
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    _set_certificate(context, certificate, key)
    _set_client_auth(context, nodes["client_auth_type"], client_ca)
    _set_versions(context, nodes)
    _set_cipher_suites(context, nodes)
    _set_curve(context, nodes["curve_preferences"])
    allowed_sans = _allowed_sans(context, nodes["client_allowed_sans"])
    files = [pem.file for pem in (certificate, key, client_ca) if pem and pem.file]
    return Tls(context, allowed_sans, tuple(files), _digest(nodes, certificate, key, client_ca))


def _digest(nodes: Mapping[str, Node], *pems: _Pem | None) -> bytes:
    settings = [f"{name}={_written(node)}" for name, node in nodes.items()]
    contents = [pem.content if pem else b"" for pem in pems]
    digest = hashlib.blake2b(digest_size=32)
    for part in (*contents, *(setting.encode() for setting in settings)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _written(node: Node) -> str:
    if isinstance(node.content, list):
        return ",".join(map(_written, node.content))
    return str(node.content)


def _pem(nodes: Mapping[str, Node], name: str, folder: Path, *, reads_files: bool) -> _Pem | None:
    """Return what is written out under `name`, or stands in the file under `name_file`."""
    inline, named = nodes[name], nodes[f"{name}_file"]
    if _is_given(inline):
        if _is_given(named):
            inline.problem(f"give either this or {name}_file")
        return _Pem(inline.text(multiline=True).encode(), inline)
    if not _is_given(named):
        return None
    text = named.text()
    if named.is_unknown or not reads_files:
        return _Pem(b"", named)
    file = folder / text
    return _Pem(_read(file, named), named, file)


def _is_given(node: Node) -> bool:
    """Return whether there is a value; an empty text is none, as in Go."""
    return node.content not in (None, "")


def _read(file: Path, node: Node) -> bytes:
    """Return a file's content; empty after a problem."""
    try:
        if file.exists() and not file.is_file():
            node.problem("is not a regular file")
            return b""
        content = file.read_bytes()
    except OSError as error:
        node.problem(f"can't be read: {error.strerror or 'input error'}")
        return b""
    if not content:
        node.problem("is an empty file")
    return content


def _set_certificate(context: ssl.SSLContext, certificate: _Pem, key: _Pem) -> None:
    if not (certificate.content and key.content):
        return  # That is reported already.
    try:
        with _in_memory(certificate.content) as chain, _in_memory(key.content) as private:
            # Without a password OpenSSL would prompt for that of an encrypted key on the terminal.
            context.load_cert_chain(chain, private, password="")
    except (OSError, ValueError):  # a failure of OpenSSL is an OSError too
        certificate.node.problem(
            "does not load with its key: both must be PEM and belong together, the key unencrypted"
        )


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """Give a text the name of a file, which `load_cert_chain` wants, without writing it to disk."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"


def _set_client_auth(context: ssl.SSLContext, node: Node, client_ca: _Pem | None) -> None:
    policy = _client_auth(node)
    if policy != ssl.CERT_NONE and client_ca is None:
        node.problem("needs client_ca_file; without it any public certificate would be accepted")
    if policy == ssl.CERT_NONE and client_ca is not None:
        advice = "set client_auth_type to RequireAndVerifyClientCert"
        client_ca.node.problem(f"is unused without a policy; {advice}")
    if client_ca is not None and client_ca.content:
        try:
            context.load_verify_locations(cadata=client_ca.content.decode("ascii"))
        except (ssl.SSLError, ValueError):
            client_ca.node.problem("holds no certificate in PEM")
    context.verify_mode = policy


def _client_auth(node: Node) -> ssl.VerifyMode:
    if not _is_given(node):
        return ssl.CERT_NONE
    if node.content in _UNVERIFIED:
        advice = "use RequireAndVerifyClientCert"
        node.problem(f"accepts any certificate, verified or not, so it protects nothing; {advice}")
        return ssl.CERT_REQUIRED
    return _CLIENT_AUTH.get(node.choice(_CLIENT_AUTH) or "", ssl.CERT_REQUIRED)


def _allowed_sans(context: ssl.SSLContext, node: Node) -> frozenset[str]:
    sans = frozenset(item.text() for item in node.items())
    if sans and context.verify_mode != ssl.CERT_REQUIRED:
        node.problem("needs client_auth_type RequireAndVerifyClientCert")
    return sans


def _set_versions(context: ssl.SSLContext, nodes: Mapping[str, Node]) -> None:
    minimum = _version(nodes["min_version"]) or _OLDEST
    maximum = _version(nodes["max_version"]) or ssl.TLSVersion.TLSv1_3
    if minimum < _OLDEST:
        nodes["min_version"].warning("versions before TLS12 are never served; set TLS12")
        minimum = _OLDEST
    if maximum < _OLDEST:
        nodes["max_version"].problem("versions before TLS12 are never served: nobody could connect")
    elif minimum > maximum:
        nodes["min_version"].problem("is later than max_version: nobody could connect")
    else:
        context.minimum_version, context.maximum_version = minimum, maximum


def _version(node: Node) -> ssl.TLSVersion | None:
    return None if node.is_nothing else _VERSIONS.get(node.choice(_VERSIONS) or "")


def _set_cipher_suites(context: ssl.SSLContext, nodes: Mapping[str, Node]) -> None:
    node, preference = nodes["cipher_suites"], nodes["prefer_server_cipher_suites"]
    if not preference.is_nothing and preference.boolean() is False:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    names = [item.choice((*_TLS12_SUITES, *_TLS13_SUITES)) or "" for item in node.items()]
    older = [_TLS12_SUITES[name] for name in names if name in _TLS12_SUITES]
    newer = {name for name in names if name in _TLS13_SUITES}
    if newer and len(newer) < len(_TLS13_SUITES):
        node.problem("the three TLS 1.3 suites can only be set together; list all or none")
    if older:
        context.set_ciphers(":".join(older))
    elif newer:
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def _set_curve(context: ssl.SSLContext, node: Node) -> None:
    names = [item.choice(_CURVES) for item in node.items()]
    if len(names) > 1:
        node.problem("only one curve can be set; name one, or none for OpenSSL's default")
    elif names and names[0]:
        context.set_ecdh_curve(_CURVES[names[0]])


def _sans(certificate: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a certificate as Go writes them."""
    kinds = {"DNS", "email", "URI"}
    entries = certificate.get("subjectAltName", ())
    addresses = {str(ip_address(value)) for kind, value in entries if kind == "IP Address"}
    return frozenset(addresses.union(value for kind, value in entries if kind in kinds))
