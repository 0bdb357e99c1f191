"""Understand the single values of a configuration.

Each function takes a value's text and returns what it means, or raises a `ValueError` whose message
says what to write instead. No message repeats the text.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from exporter.amounts import parse_amount
from exporter.credentials import Secret, SecretFile
from exporter.model import Amount
from exporter.yamlfile.durations import parse_duration

MAX_NAME = 100

_ASSET = re.compile(r"[A-Za-z0-9._-]{1,32}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
# A key that was pasted between the braces does not look like this, so it is not repeated.
_SPEAKABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z0-9]+(?:_[a-z0-9]+)+")
_SEGMENTS = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+"
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    rf"(?P<path>(?:{_SEGMENTS})?)"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_BALANCES_PATH = re.compile(rf"(?!//){_SEGMENTS}(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")


def account_name(text: str) -> str:
    """Return the name of an account, which becomes its label."""
    if len(text) > MAX_NAME or text != text.strip():
        raise ValueError(f"must have at most {MAX_NAME} characters, and no space around them")
    return text


def asset_code(text: str) -> str:
    """Return an asset's code."""
    if _ASSET.fullmatch(text):
        return text
    raise ValueError("must be 1 to 32 ASCII letters, digits, dots, dashes or underscores")


def decimal(text: str) -> Amount:
    """Return an exact decimal with the digits as written."""
    if _DECIMAL.fullmatch(text):
        return parse_amount(text)
    raise ValueError('must be a plain decimal with a point, such as "1.50"')


def duration(shortest: str, longest: str) -> Callable[[str], float]:
    """Make the function that returns a duration within these limits, in seconds."""

    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if parse_duration(shortest) <= seconds <= parse_duration(longest):
            return seconds
        raise ValueError(f"must be from {shortest} to {longest}")

    return parse


def base_url(text: str) -> str:
    """Return the URL before an API's paths; only a loopback host may do without TLS."""
    url = _BASE_URL.fullmatch(text)
    if not url or not 0 < int(url["port"] or 443) < 65536:
        raise ValueError("must be https://HOST, with :PORT or /PATH if need be, and nothing else")
    if url["scheme"] == "http" and not _is_loopback(url["host"]):
        raise ValueError("must begin with https://; http is for this machine's own addresses only")
    host, port = url["host"].lower(), url["port"]
    is_default = port is None or int(port) == _DEFAULT_PORTS[url["scheme"]]
    # One spelling for one API: what its accounts share (a limit) is found by it.
    return (
        f"{url['scheme']}://{host}{'' if is_default else f':{int(port)}'}{url['path'].rstrip('/')}"
    )


def balances_path(text: str) -> str:
    """Return the path, with a query if there is one, at which an API answers with balances."""
    if _BALANCES_PATH.fullmatch(text):
        return text
    raise ValueError("must be a path that begins with a single slash, such as /v2/assets?id=0")


def secret(text: str, environ: Mapping[str, str]) -> Secret:
    """Return a credential that is written out, or that a `${VARIABLE}` holds."""
    if reference := _VARIABLE.fullmatch(text):
        text = environ.get(reference[1], "")
        if not text.strip():
            speakable = _SPEAKABLE.fullmatch(reference[1])
            name = f"variable {reference[1]}" if speakable else "variable named here"
            raise ValueError(f"the environment {name} is not set, or empty")
    elif text.startswith("$") or "${" in text:
        raise ValueError("a variable must be the whole value, written ${NAME}; else use a *_file")
    text = text.strip()
    if not (text and text.isascii() and text.isprintable()):
        raise ValueError("must be one line of printable ASCII characters")
    return Secret(text)


def base64_secret(text: str, environ: Mapping[str, str]) -> Secret:
    """Return a credential, as `secret` does, that the exchange hands out in base64."""
    value = secret(text, environ)
    try:
        base64.b64decode(value.reveal(), validate=True)
    except binascii.Error:
        raise ValueError("must be base64, exactly as the exchange shows it") from None
    return value


def secret_file(text: str, folder: Path) -> SecretFile:
    """Return a credential's file; a relative path starts at `folder`."""
    if "${" in text:
        raise ValueError("variables are not replaced in a path; write the path itself")
    return SecretFile(folder / text)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
