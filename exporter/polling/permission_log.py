"""Log what keys may do when it changes, and when it is not known any more."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from exporter.model import AccountKey

log = structlog.get_logger(__name__)

_DANGEROUS = ("withdraw", "trade", "transfer")


class _Logged(NamedTuple):
    fingerprint: bytes
    dangerous: tuple[str, ...]
    is_bound: bool
    is_known: bool = True


class PermissionLog:
    """Warn once of each thing that is wrong with a key, and say when it is right."""

    def __init__(self) -> None:
        """Start with nothing logged."""
        self._logged: dict[AccountKey, _Logged] = {}

    def keep(self, accounts: Iterable[AccountKey]) -> None:
        """Drop all accounts except these."""
        for key in self._logged.keys() - set(accounts):
            del self._logged[key]

    def checked(self, key: AccountKey, digest: bytes, found: Mapping[str, bool]) -> None:
        """Log what changed; `digest` is the fingerprint of the key that was checked."""
        dangerous = tuple(name for name in _DANGEROUS if found.get(name))
        now = _Logged(digest, dangerous, is_bound=found.get("ip_restricted") is not False)
        before = self._logged.get(key, _Logged(digest, (), is_bound=True))
        self._logged[key] = now
        is_other = before.fingerprint != digest
        if not before.is_known:
            log.info("key permissions are known again", **key._asdict())
        if dangerous and (is_other or dangerous != before.dangerous):
            log.warning(
                "the key can do more than read",
                **key._asdict(),
                permissions=", ".join(dangerous),
                advice="Replace it with a key that can only read.",
            )
        elif before.dangerous and not dangerous:
            log.info("the key can only read now", **key._asdict())
        if not now.is_bound and (is_other or before.is_bound):
            log.warning(
                "the key is not bound to an IP address",
                **key._asdict(),
                advice="Bind it to the address that this machine's requests come from.",
            )
        elif now.is_bound and not before.is_bound:
            log.info("the key is bound to an IP address now", **key._asdict())

    def withdrawn(self, key: AccountKey) -> None:
        """Log that the last answer is too old."""
        if logged := self._logged.get(key):
            self._logged[key] = logged._replace(is_known=False)
        log.info("key permissions are withdrawn, the last answer is too old", **key._asdict())
