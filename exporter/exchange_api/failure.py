"""Explain why a request got no response, by the cause that the operating system or TLS gave."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator

import h11

from exporter.errors import BadResponseError, ConnectionFailedError, PollError, TlsError
from exporter.exchange_api.progress import READING, Progress
from exporter.exchange_api.transport import (
    HEAD_IS_TOO_LONG,
    is_connect_error,
    is_protocol_error,
    status_of_proxy,
)

_DNS = "Check the host name, and this machine's DNS."
_ADVICE = {
    errno.ECONNREFUSED: "Nothing listens there: check the host and port, and the firewall.",
    errno.ENETUNREACH: "Check this machine's network and routes, and `network.ip_family`.",
    errno.EHOSTUNREACH: "Check this machine's network and routes, and `network.ip_family`.",
    errno.EADDRNOTAVAIL: "Set `network.source_address` to an address of this machine.",
    errno.EMFILE: "Raise the limit of open files of this process.",
    errno.ENFILE: "Raise the limit of open files of this machine.",
    errno.EPERM: "A firewall on this machine forbids it.",
    errno.EACCES: "A firewall on this machine forbids it.",
}
# Codes of OpenSSL's X509_V_ERR_*: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_VERIFY_ADVICE = {
    9: "Check this machine's clock.",
    10: "Check this machine's clock; if it is right, the certificate must be renewed.",
    **dict.fromkeys(
        (18, 19, 20, 21),
        "If a proxy intercepts TLS on purpose, set `network.ca_file`; else don't trust this network"
        ", or install this machine's CA certificates.",
    ),
    **dict.fromkeys((62, 64), "Check `base_url`: it must name the host in the certificate."),
}


class StaleConnectionError(ConnectionFailedError):
    """A connection kept from an earlier request was closed by the exchange, or is out of step."""


def explain(error: Exception, progress: Progress, peer: str) -> PollError:
    """Return what an error in sending a request means; `peer` is what was connected to."""
    if not progress.connected and progress.stage != READING:
        return StaleConnectionError("the exchange had closed the connection")
    if status := status_of_proxy(error):
        return _refused_by_proxy(status, peer)
    causes = list(_causes(error))
    if progress.in_handshake or any(isinstance(cause, ssl.SSLError) for cause in causes):
        return _tls_error(causes)
    if is_connect_error(error) or status_of_proxy(error) is not None:
        return _connect_error(causes, peer)
    return _broken(error, progress, causes, peer)


def _broken(
    error: Exception, progress: Progress, causes: list[BaseException], peer: str
) -> PollError:
    if HEAD_IS_TOO_LONG in str(error):
        return BadResponseError(HEAD_IS_TOO_LONG)
    if progress.stage == READING and is_protocol_error(error):
        return BadResponseError("the response was cut off or is not valid HTTP")
    if any(isinstance(cause, h11.RemoteProtocolError) for cause in causes):
        return BadResponseError("the response is not valid HTTP")
    text = f"the connection to {peer} broke ({progress.stage})"
    return ConnectionFailedError(_with_reason(text, causes))


def _refused_by_proxy(status: int, proxy: str) -> PollError:
    if status == 407:
        return ConnectionFailedError(
            f"the proxy {proxy} rejected our credentials, or requires some (HTTP 407)",
            advice="Check the user and the password in `network.proxy_url`.",
        )
    return ConnectionFailedError(
        f"the proxy {proxy} does not connect to the exchange (HTTP {status})",
        advice="Check what the proxy may connect to, and its log.",
    )


def _connect_error(causes: list[BaseException], peer: str) -> PollError:
    for cause in causes:
        if isinstance(cause, socket.gaierror):
            reason = _resolver_text(cause)
            return ConnectionFailedError(f"can't look up {peer}: {reason}", advice=_DNS)
    number = next((number for cause in causes if (number := _errno(cause))), 0)
    text = _with_reason(f"can't connect to {peer}", causes)
    return ConnectionFailedError(text, advice=_ADVICE.get(number))


def _resolver_text(error: socket.gaierror) -> str:
    try:
        return error.strerror or "the name could not be resolved"
    except AttributeError:
        return "the name could not be resolved"


def _with_reason(text: str, causes: list[BaseException]) -> str:
    reasons = dict.fromkeys(os.strerror(number) for each in causes if (number := _errno(each)))
    return f"{text}: {', '.join(reasons)}" if reasons else text


def _errno(error: BaseException) -> int:
    """Return the error's number if it is the operating system's own."""
    if not isinstance(error, OSError) or isinstance(error, ssl.SSLError | socket.gaierror):
        return 0
    return error.errno or 0


def _tls_error(causes: list[BaseException]) -> PollError:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            text = f"the certificate can't be trusted: {cause.verify_message}"
            return TlsError(text.removesuffix("."), advice=_VERIFY_ADVICE.get(cause.verify_code))
    for cause in causes:
        if isinstance(cause, ssl.SSLError) and cause.reason:
            text = cause.reason.replace("_", " ").lower()
            return TlsError(f"no TLS connection to the exchange: {text}")
    return TlsError(_with_reason("no TLS connection to the exchange", causes))


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and all that led to it, each once."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        current = left.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            left += current.exceptions
        left.append(current.__cause__ or current.__context__)
