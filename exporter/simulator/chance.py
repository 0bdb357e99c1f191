"""Draw numbers and texts that look random and depend on nothing but what they are drawn for."""

import hashlib
from string import ascii_letters, digits

_LETTERS = ascii_letters + digits


def number(*parts: object) -> int:
    """Return a number from 0 to 2**64 - 1: always the same one for the same parts."""
    return int.from_bytes(octets(8, *parts))


def fraction(*parts: object) -> float:
    """Return a number from 0 up to, but not including, 1."""
    return (number(*parts) >> 11) / 2**53


def octets(size: int, *parts: object) -> bytes:
    """Return up to 64 bytes."""
    return hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=size).digest()


def text(size: int, *parts: object) -> str:
    """Return up to 64 letters and digits."""
    return "".join(_LETTERS[octet % len(_LETTERS)] for octet in octets(size, *parts))
