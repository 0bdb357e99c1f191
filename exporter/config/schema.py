"""Describe settings, each as one literal from which it is read, documented and checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from exporter.config.kinds import Kind
from exporter.yamlfile.nodes import Node

T_co = TypeVar("T_co", covariant=True)
Default = TypeVar("Default")
Default_co = TypeVar("Default_co", covariant=True)

Form: TypeAlias = Literal["mapping", "list", "names"]
"""A mapping of the members; a list of such mappings; or such a mapping under each name."""


@dataclass(frozen=True, slots=True)
class Setting(Generic[T_co, Default_co]):
    """One setting. `default_in_words` describes a default that is not a plain value."""

    key: str
    kind: Kind[T_co]
    default: Default_co
    doc: str
    example: str
    default_in_words: str = ""
    since: str = "0.1.0"

    @property
    def shown_default(self) -> str:
        """Return the default as a file would have it, or in words; empty if there is none."""
        if self.default_in_words or self.default is None or isinstance(self.default, Collection):
            return self.default_in_words or (self.default if isinstance(self.default, str) else "")
        if isinstance(self.default, bool):
            return str(self.default).lower()
        if not isinstance(self.default, float):
            return str(self.default)
        hours, rest = divmod(self.default, 3600)
        return f"{self.default:g}s" if rest or not hours else f"{hours:g}h"

    def read(self, nodes: Mapping[str, Node]) -> T_co | Default_co:
        """Return what is set, or the default."""
        return self.read_or(nodes, self.default)

    def read_or(self, nodes: Mapping[str, Node], default: Default) -> T_co | Default:
        """Return what is set, or another default."""
        node = nodes[self.key]
        if node.is_nothing:
            return default
        value = self.kind.read(node)
        return default if value is None else value


@dataclass(frozen=True, slots=True)
class Section:
    """Settings that stand together under a key; those of a `names` section under each name."""

    key: str
    doc: str
    members: "tuple[Member, ...]"
    form: Form = "mapping"
    names: tuple[str, ...] = ()
    since: str = "0.1.0"

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys of the members."""
        return tuple(member.key for member in self.members)

    def read(self, node: Node) -> dict[str, Node]:
        """Return the node of each member; an unknown key is a problem."""
        return node.section(self.keys)


Member: TypeAlias = "Setting[Any, Any] | Section"
