"""Decide which host names requests may be sent to, so that a rebound name reads nothing."""

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

_HOST = re.compile(
    r"(?P<name>\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._~-]+)?\]|[^\[\]:/?#@\s]*)(?::[0-9]*)?"
)


def host_name(authority: str) -> str | None:
    """Return the host of `host:port` in lower case; None if that is not what the text is."""
    found = _HOST.fullmatch(authority)
    return found["name"].lower().removesuffix(".") if found else None


class Hosts:
    """The names that are served: on loopback addresses few, on others any unless some are given."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Take the names that are served besides localhost and IP addresses."""
        self._allowed: Collection[str] = frozenset(allowed)

    def serves(self, name: str, *, is_restricted: bool) -> bool:
        """Return whether a name is served; `is_restricted` says that only known ones are."""
        return (
            not (is_restricted or self._allowed)
            or name in {"", "localhost"}
            or name in self._allowed
            or _is_address(name)
        )


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
