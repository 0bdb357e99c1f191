"""Decode the responses of exchanges: strict JSON, and nothing that a lenient parser would guess."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from exporter.errors import BadResponseError

_MAX_VALUES = 120_000  # more would hold up every account while they are read, for half a second
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class JsonNumber(NamedTuple):
    """The text of a fractional JSON number, which is not a JSON string: no code, no name."""

    text: str


_decode: Callable[[bytes], object] = msgspec.json.Decoder(float_hook=JsonNumber).decode


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the one JSON object of a body; raises `BadResponseError` for anything else."""
    document = decode(body)
    if not isinstance(document, dict):
        raise BadResponseError("expected a JSON object")
    return document


def decode_array(body: bytes) -> list[Any]:
    """Return the one JSON array of a body; raises `BadResponseError` for anything else."""
    document = decode(body)
    if not isinstance(document, list):
        raise BadResponseError("expected a JSON array")
    return document


def list_of(value: object) -> list[object]:
    """Return a list of balances, which this part of a response must be."""
    if not isinstance(value, list):
        raise BadResponseError("the response has no list of balances")
    return value


def decode(body: bytes) -> object:
    """Return the document of a body; fractional numbers keep their text as it came.

    Broken JSON, NaN, duplicate keys, endless integers or nesting, bytes that are not UTF-8 and more
    values than any list of balances are rejected. A byte order mark is skipped.
    """
    # A value follows a comma, or is the first of what was opened.
    if len(body) > _MAX_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise BadResponseError(f"response of more than {_MAX_VALUES} values")
    body = body.removeprefix(_BYTE_ORDER_MARK)
    try:
        document = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _decode_slowly(body)  # it takes lone surrogates, which msgspec does not
    # Every key has a colon, so equal counts prove that no key was lost to a duplicate. More colons
    # (in a text, or below a level that is not counted) only ask for the slower, certain look.
    if body.count(b":") != _count_keys(document):
        _decode_slowly(body)
    return document


def _decode_slowly(body: bytes) -> object:
    try:
        return json.loads(
            body.decode("utf-8"),
            parse_float=JsonNumber,
            parse_constant=_reject_constant,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError) as error:
        raise BadResponseError(f"not valid JSON ({type(error).__name__})") from None


def _reject_constant(_name: str) -> None:
    raise BadResponseError("not valid JSON (NaN or Infinity)")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise BadResponseError("an object names a key twice")
    return unique


def _count_keys(document: object) -> int:
    """Count the keys of nested objects, and of the objects of each list: not what those hold."""
    if isinstance(document, dict):
        return len(document) + sum(map(_count_keys, document.values()))
    if isinstance(document, list):
        return sum(len(row) for row in document if isinstance(row, dict))
    return 0
