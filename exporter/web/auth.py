"""Check passwords with bcrypt: off the event loop, one at a time, and right ones only once."""

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from typing import NamedTuple

import bcrypt

from exporter.web.messages import RefusedError

# At the usual cost of 10 the last of those that wait does so for about 4 s.
_MAX_WAITING = 64
_MAX_WAITING_OF_ONE = 16  # address: who guesses in parallel must not keep others out
_MAX_REMEMBERED = 100


class _Check(NamedTuple):
    """A running check, and the address of the client that sent the login."""

    verdict: asyncio.Task[bool]
    peer: str


class PasswordCheck:
    """Check credentials, taking the same time for users that do not exist."""

    def __init__(self) -> None:
        """Start with nothing remembered."""
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._checks: dict[bytes, _Check] = {}
        self._turn = asyncio.Lock()

    async def is_right(self, authorization: str, users: Mapping[str, str], peer: str = "") -> bool:
        """Return whether an `Authorization` header proves to be one of the users.

        `users` has a bcrypt hash for each name; there is at least one. `peer` is the client's
        address. Raises `RefusedError` (503) when too many other logins wait for their check.
        """
        credentials = _basic(authorization)
        if credentials is None:
            return False
        user, password = credentials
        # For an unknown user the password is checked against the hash of another one: it takes the
        # usual time, and is never remembered.
        hashed = users.get(user) or list(users.values())[self._digest(user)[0] % len(users)]
        login = self._digest(user, hashed, password)
        if login in self._right and user in users:
            return True
        is_right = await self._verdict(login, hashed, password, peer)
        if is_right and user in users:
            self._remember(login)
            return True
        return False

    async def close(self) -> None:
        """Cancel the running checks."""
        checks = [check.verdict for check in self._checks.values()]
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)

    async def _verdict(self, login: bytes, hashed: str, password: str, peer: str) -> bool:
        """Wait for the check of a login; the same one is never checked twice at a time."""
        if login not in self._checks:
            of_one = sum(check.peer == peer for check in self._checks.values())
            if len(self._checks) >= _MAX_WAITING or of_one >= _MAX_WAITING_OF_ONE:
                raise RefusedError(503, "too many logins are being checked", {"Retry-After": "5"})
            verdict = asyncio.create_task(self._check(hashed, password))
            verdict.add_done_callback(lambda _: self._checks.pop(login))
            self._checks[login] = _Check(verdict, peer)
        return await asyncio.shield(self._checks[login].verdict)

    async def _check(self, hashed: str, password: str) -> bool:
        async with self._turn:
            return await asyncio.to_thread(_matches, hashed, password)

    def _remember(self, login: bytes) -> None:
        """Keep a right login; others are not kept, so that no guess can push one out."""
        if login not in self._right and len(self._right) >= _MAX_REMEMBERED:
            del self._right[next(iter(self._right))]
        self._right[login] = None

    def _digest(self, *parts: str) -> bytes:
        """Return what stands for these parts and no others: each is preceded by its length.

        The secret key makes it useless outside of this process, and its comparison harmless.
        """
        digest = hashlib.blake2b(key=self._key, digest_size=32)
        for part in parts:
            encoded = part.encode("utf-8", "surrogateescape")
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
        return digest.digest()


def _basic(authorization: str) -> tuple[str, str] | None:
    """Return user and password of an `Authorization` header, if it is one of that kind."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    user, colon, password = decoded.decode("utf-8", "surrogateescape").partition(":")
    return (user, password) if colon else None


def _matches(hashed: str, password: str) -> bool:
    try:
        return bcrypt.checkpw(password.encode("utf-8", "surrogateescape"), hashed.encode())
    except ValueError:
        return False  # bcrypt reads 72 bytes of a password; a longer one can't be right
