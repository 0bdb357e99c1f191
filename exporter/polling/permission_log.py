"""Log what keys may do when it changes, and when it is not known any more."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from exporter.model import AccountKey

log = structlog.get_logger(__name__)

_HARMFUL = {"withdraw": True, "trade": True, "transfer": True, "ip_restricted": False}
"""The value of each permission that is warned about."""


class _Concern(NamedTuple):
    """Permissions that are logged together, and what is said of them."""

    permissions: frozenset[str]
    warning: str
    advice: str
    recovery: str
    are_named: bool = False


_CONCERNS = (
    _Concern(
        frozenset({"withdraw", "trade", "transfer"}),
        "the key can do more than read",
        "Replace it with a key that can only read.",
        "the key can only read now",
        are_named=True,
    ),
    _Concern(
        frozenset({"ip_restricted"}),
        "the key is not bound to an IP address",
        "Bind it to the address that this machine's requests come from.",
        "the key is bound to an IP address now",
    ),
)

_Harmful = Mapping[str, bytes]
"""The permissions with a harmful value, with the fingerprint of the key that last had it."""


class PermissionLog:
    """Warn once of each thing that is wrong with a key, and say when it is fixed."""

    def __init__(self) -> None:
        """Start with nothing logged."""
        self._harmful: dict[AccountKey, _Harmful] = {}
        self._withdrawn: set[AccountKey] = set()

    def keep(self, accounts: Iterable[AccountKey]) -> None:
        """Drop all accounts except these."""
        kept = set(accounts)
        self._withdrawn &= kept
        self._harmful = {key: each for key, each in self._harmful.items() if key in kept}

    def checked(self, key: AccountKey, digest: bytes, found: Mapping[str, bool]) -> None:
        """Log what changed; `digest` is the fingerprint of the key that was checked.

        A permission that is absent from `found` stays what it was.
        """
        if found and key in self._withdrawn:
            self._withdrawn.discard(key)
            log.info("key permissions are known again", **key._asdict())
        before = self._harmful.get(key, {})
        after = self._harmful[key] = _updated(before, digest, found)
        for concern in _CONCERNS:
            _log_change(key, concern, _of(concern, before), _of(concern, after), digest)

    def withdrawn(self, key: AccountKey) -> None:
        """Log that the last response is too old."""
        self._withdrawn.add(key)
        log.info("key permissions are withdrawn, the last response is too old", **key._asdict())


def _updated(before: _Harmful, digest: bytes, found: Mapping[str, bool]) -> _Harmful:
    harmful = {}
    for name, value in _HARMFUL.items():
        if found.get(name) is value:
            harmful[name] = digest
        elif name not in found and name in before:
            harmful[name] = before[name]
    return harmful


def _of(concern: _Concern, harmful: _Harmful) -> _Harmful:
    return {name: key for name, key in harmful.items() if name in concern.permissions}


def _log_change(
    key: AccountKey, concern: _Concern, before: _Harmful, after: _Harmful, digest: bytes
) -> None:
    """Log a change of one concern; what an earlier key could do is no warning about this one."""
    names = [name for name in after if after[name] == digest]
    if names and names != [name for name in before if before[name] == digest]:
        fields = {"permissions": ", ".join(names)} if concern.are_named else {}
        log.warning(concern.warning, **key._asdict(), **fields, advice=concern.advice)
    elif before and not after:
        log.info(concern.recovery, **key._asdict())
