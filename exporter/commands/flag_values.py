"""Read the values of flags; each `ValueError` says what to write instead."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from exporter.web.addresses import UNIX, Address, parse_address
from exporter.yamlfile.durations import parse_duration

if TYPE_CHECKING:
    from exporter.simulator import FaultInjection

_LEVELS = {
    "debug": "debug",
    "info": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
}
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")
_OPTION = re.compile(r"[a-z_]+=")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return the function that accepts these texts alone."""

    def parse(text: str) -> str:
        if text in choices:
            return text
        raise ValueError(f"must be {' or '.join([', '.join(choices[:-1]), choices[-1]])}")

    return parse


def boolean(text: str) -> bool:
    """Return what `true` or `false` means."""
    return one_of("true", "false")(text) == "true"


def log_level(text: str) -> str:
    """Return a level; `warn` is `warning`."""
    if level := _LEVELS.get(text.lower()):
        return level
    raise ValueError("must be debug, info, warning or error")


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise ValueError("must be a whole number from 1 to 999999999")
    return int(text)


def not_negative(text: str) -> int:
    """Return a whole number of at least 0."""
    if not re.fullmatch("[0-9]{1,9}", text):
        raise ValueError("must be a whole number from 0 to 999999999")
    return int(text)


def whole_number(text: str) -> int:
    """Return a whole number."""
    if not re.fullmatch("-?[0-9]{1,9}", text):
        raise ValueError("must be a whole number")
    return int(text)


def telemetry_path(text: str) -> str:
    """Return the path of the metrics, which no other page has."""
    is_path = re.fullmatch("/[!-~]+", text) and not {"?", "#"} & set(text)
    if not is_path or text.startswith(("/-/", "/api/")):
        raise ValueError("must be a path such as /metrics, and not one in use")
    return text


def host(text: str) -> str:
    """Return a host name in lower case, without a port."""
    if not _HOST.fullmatch(text):
        raise ValueError("must be a host name such as prometheus.example.com, without a port")
    return text.lower().removesuffix(".")


def tcp_address(text: str) -> Address:
    """Return an address that is not a Unix socket."""
    if text.startswith(UNIX):
        raise ValueError("must be host:port; Unix sockets are not supported here")
    return parse_address(text)


def reload_interval(text: str) -> float:
    """Return seconds; 0 means never."""
    seconds = parse_duration(text)
    if seconds and not 0.1 <= seconds <= 86_400:
        raise ValueError("must be 0, or from 100ms to 1d")
    return seconds


def fault(text: str) -> "FaultInjection":
    """Return a fault for the simulator to inject."""
    # The simulator costs 3 MB, which the daemon does not need.
    from exporter.simulator import parse_injection  # noqa: PLC0415

    return parse_injection(text)


def url(text: str) -> str:
    """Return a URL."""
    if not re.fullmatch(r"https?://[!-~]+", text) or {'"', "'", "<", ">", "\\"} & set(text):
        raise ValueError("must be a URL such as https://wiki.example.com/runbooks")
    return text


def job(text: str) -> str:
    """Return the name of a job."""
    if not re.fullmatch(r"[\w./:@-]+", text):
        raise ValueError("must consist of letters, digits and . _ / : @ -")
    return text


def split_at_commas(text: str) -> list[str]:
    """Return the values of an environment variable."""
    return [part for each in text.split(",") if (part := each.strip())]


def split_faults(text: str) -> list[str]:
    """Return the faults of an environment variable, each with its own options."""
    faults: list[str] = []
    for part in split_at_commas(text):
        if faults and _OPTION.match(part):
            faults[-1] += f",{part}"
        else:
            faults.append(part)
    return faults
