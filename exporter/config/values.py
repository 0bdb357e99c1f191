"""Understand the single values of a configuration.

Each function takes a value's text and returns what it means, or raises a `ValueError` whose message
says what to write instead. No message repeats the text.
"""

import ipaddress
import re
from collections.abc import Callable

from exporter.amounts import parse_amount
from exporter.credentials import Secret, Validate, check_not_decorated
from exporter.exchange_api.network import normalise_base_url
from exporter.model import MAX_ASSET_CODE, AccountKey, Amount, is_asset_code
from exporter.yamlfile.durations import parse_duration

MAX_NAME = 100
MAX_LABEL_VALUE = 200
RESERVED_LABELS = frozenset({"exchange", "account", "asset"})

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_LABEL = re.compile(r"(?!__)[A-Za-z_][A-Za-z0-9_]*")
_CURRENCY = re.compile(r"[A-Z0-9]{2,20}")
_PROXY_URL = re.compile(
    r"https?://(?:[^\s/?#@]*@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_SEGMENTS = r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)+"
_BASE_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    rf"(?P<path>(?:{_SEGMENTS})?)"
)
_BALANCES_PATH = re.compile(rf"(?!//){_SEGMENTS}(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")


def account_name(text: str) -> str:
    """Return the name of an account, which becomes its label."""
    if len(text) > MAX_NAME or text != text.strip():
        raise ValueError(f"must have at most {MAX_NAME} characters, and no space around them")
    return text


def asset_code(text: str) -> str:
    """Return an asset's code as its exchange writes it, in any script."""
    if is_asset_code(text):
        return text
    raise ValueError(f"must have 1 to {MAX_ASSET_CODE} characters, and no space around them")


def currency(text: str) -> str:
    """Return the code of a currency."""
    if _CURRENCY.fullmatch(text):
        return text
    raise ValueError("must be the code of a currency in capitals, such as TRY or USDT")


def label_name(text: str) -> str:
    """Return the name of a label."""
    if text in RESERVED_LABELS:
        raise ValueError("the exporter has this label itself; choose another name")
    if not _LABEL.fullmatch(text):
        raise ValueError(
            "is not a label name: letters, digits and underscores, not starting with a digit or __"
        )
    return text


def label_value(text: str) -> str:
    """Return the value of a label."""
    if len(text) > MAX_LABEL_VALUE:
        raise ValueError(f"must have at most {MAX_LABEL_VALUE} characters")
    return text


def retired_account(text: str) -> AccountKey:
    """Return the key of an account written as `exchange/name`."""
    exchange, slash, name = text.partition("/")
    if not (exchange and slash and name):
        raise ValueError("must be exchange/name, such as btcturk/old-desk")
    return AccountKey(exchange, account_name(name))


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
        raise ValueError("must be https://HOST, with an optional :PORT or /PATH, and nothing else")
    if url["scheme"] == "http" and not _is_loopback(url["host"]):
        raise ValueError("must begin with https://; http is for this machine's own addresses only")
    return normalise_base_url(text)


def balances_path(text: str) -> str:
    """Return the path of an API's balances, with its query if there is one."""
    if _BALANCES_PATH.fullmatch(text):
        return text
    raise ValueError("must be a path that begins with a single slash, such as /v2/assets?id=0")


def secret(text: str, validate: Validate) -> Secret:
    """Return a credential; `validate` raises `ValueError` unless it has the form it should."""
    text = text.strip()
    if not text:
        raise ValueError("must not be empty")
    check_not_decorated(text)
    validate(text)
    return Secret(text)


def proxy_url(text: str) -> Secret:
    """Return the URL of a proxy, which can hold a password."""
    check_proxy_url(text)
    return Secret(text)


def check_proxy_url(text: str) -> None:
    """Raise `ValueError` unless a text is the URL of a proxy."""
    url = _PROXY_URL.fullmatch(text)
    if not url or not 0 < int(url["port"] or 80) < 65536:
        raise ValueError(
            "must be http://HOST:PORT or https://HOST:PORT, with optional USER:PASSWORD@; "
            "percent-encode special characters of a password that is written out"
        )


def ip_address(text: str) -> str:
    """Return an IP address, in one spelling."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("must be an IP address of this machine, such as 192.0.2.10") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
