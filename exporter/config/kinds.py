"""Describe kinds of values: how each is read, named in documentation, and checked by editors."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from exporter.config import values
from exporter.yamlfile.nodes import Node

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_VARIABLE = {"type": "string", "pattern": r"\$\{"}
"""What stands for any value: a text with a variable."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T_co]):
    """A kind of value: `read` returns None after a problem; `schema` is a JSON Schema."""

    name: str
    read: Callable[[Node], T_co | None]
    schema: Mapping[str, Any] = field(default_factory=dict)


def text(name: str, parse: Callable[[str], T], **schema: object) -> Kind[T]:
    """Return the kind of a single text."""
    return Kind(name, lambda node: node.parsed(parse), {"type": ["string", "number"], **schema})


def duration(shortest: str, longest: str) -> Kind[float]:
    """Return the kind of a duration within these limits, in seconds."""
    return Kind(
        f"duration, {shortest} to {longest}",
        lambda node: node.parsed(values.duration(shortest, longest)),
        {"type": ["string", "integer"]},
    )


def integer(minimum: int, maximum: int) -> Kind[int]:
    """Return the kind of a whole number within these limits."""
    number = {"type": "integer", "minimum": minimum, "maximum": maximum}
    return Kind(
        f"whole number, {minimum} to {maximum}",
        lambda node: node.integer(minimum, maximum),
        {"anyOf": [number, _VARIABLE]},
    )


def boolean() -> Kind[bool]:
    """Return the kind of `true` and `false`."""
    return Kind("boolean", Node.boolean, {"anyOf": [{"type": "boolean"}, _VARIABLE]})


def choice(
    known: Collection[str],
    hints: Mapping[str, str] | None = None,
    *,
    unlisted: Collection[str] = (),
    pattern: str = "",
    advice: Callable[[str], str | None] = lambda _text: None,
) -> Kind[str]:
    """Return the kind of a text that is one of those known.

    Some known ones may be too many to list: `unlisted` says how these are written. They have a
    pattern, and `advice` on one that is not found.
    """

    def read(node: Node) -> str | None:
        text = node.content if isinstance(node.content, str) else ""
        if text not in known and (problem := advice(text)):
            node.problem(problem)
            return None
        return node.choice(known, hints, unlisted)

    others = [{"type": "string", "pattern": pattern}] if pattern else []
    return Kind(
        f"one of {', '.join((*known, *unlisted))}",
        read,
        {"anyOf": [{"enum": list(known)}, *others, _VARIABLE]},
    )


def texts(name: str, parse: Callable[[str], T]) -> Kind[tuple[T, ...]]:
    """Return the kind of a list of different texts."""

    def read(node: Node) -> tuple[T, ...]:
        found: dict[T, None] = {}
        for item in node.items():
            value = item.parsed(parse)
            if value in found:
                item.problem("is already listed")
            elif value is not None:
                found[value] = None
        return tuple(found)

    return Kind(name, read, {"type": "array", "items": {"type": ["string", "number"]}})


def custom(name: str, read: Callable[[Node], T | None], **schema: object) -> Kind[T]:
    """Return a kind with a reading of its own."""
    return Kind(name, read, schema)
