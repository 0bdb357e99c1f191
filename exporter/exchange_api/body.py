"""Read the body of a response within bounds of size, parts and time."""

import asyncio
from collections.abc import AsyncIterator, Mapping

from exporter.errors import BadResponseError

MAX_BODY_BYTES = 1024 * 1024
"""Largest body that is read; the largest known is 110 KB."""

MAX_ERROR_BODY_BYTES = 64 * 1024

# Not registered codings, but seen, and none of them changes a byte.
_IDENTITY = {"", "identity", "none", "utf-8"}
_MAX_PARTS = 16 * 1024  # a part costs more than its bytes: a chunk of one byte takes 30 µs
_PARTS_AT_ONCE = 256


async def read_body(
    headers: Mapping[str, str], parts: AsyncIterator[bytes], max_bytes: int = MAX_BODY_BYTES
) -> bytes:
    """Return a body; raises `BadResponseError` if it is compressed, too large or in too many parts.

    Nothing is read if the headers already declare too much.
    """
    if headers.get("Content-Encoding", "").strip().lower() not in _IDENTITY:
        raise BadResponseError("compressed response, although none was requested")
    declared = headers.get("Content-Length", "0")
    if len(declared) > 12 or not declared.isdigit() or int(declared) > max_bytes:
        raise _too_large(max_bytes)
    read: list[bytes] = []
    size = 0
    async for part in parts:
        read.append(part)
        size += len(part)
        if size > max_bytes:
            raise _too_large(max_bytes)
        if len(read) > _MAX_PARTS:
            raise BadResponseError(f"response in more than {_MAX_PARTS} parts")
        if len(read) % _PARTS_AT_ONCE == 0:
            await asyncio.sleep(0)  # parts that have arrived are read without yielding to others
    return b"".join(read)


def _too_large(max_bytes: int) -> BadResponseError:
    return BadResponseError(f"response larger than {max_bytes} bytes")
