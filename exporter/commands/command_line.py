"""Define what a command line is made of: flags with environment variables, arguments, commands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exporter.commands.flag_values import split_at_commas

VARIABLE_PREFIX = "EXCHANGE_BALANCE_EXPORTER_"


@dataclass(frozen=True, slots=True)
class Flag:
    """Describe one flag.

    `parse` reads a value, and its `ValueError` says what to write instead. A switch without a
    value means `true`. `shown_default` replaces the default in help and documentation.
    """

    name: str
    help: str
    parse: Callable[[str], Any]
    default: Any = None
    metavar: str = ""
    is_repeatable: bool = False
    is_switch: bool = False
    shown_default: str = ""
    split: Callable[[str], list[str]] = split_at_commas
    since: str = "0.1.0"

    @property
    def destination(self) -> str:
        """Return the name of the parsed value."""
        return self.name.replace(".", "_").replace("-", "_")

    @property
    def variable(self) -> str:
        """Return the environment variable that sets the same; the flag wins."""
        return VARIABLE_PREFIX + self.destination.upper()

    @property
    def default_text(self) -> str:
        """Return the default as it would be written; empty if there is none to show."""
        if self.shown_default or self.is_switch or self.default in {None, ()}:
            return self.shown_default
        first = self.default[0] if self.is_repeatable else self.default
        return str(first)


@dataclass(frozen=True, slots=True)
class Argument:
    """Describe one argument of a command; `is_optional` ones may be omitted."""

    name: str
    help: str
    parse: Callable[[str], Any]
    default: Any = None
    is_optional: bool = False

    @property
    def destination(self) -> str:
        """Return the name of the parsed value."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class FlagGroup:
    """Flags that stand together under a title."""

    title: str
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Describe one command; that of the daemon has no name.

    A probe is run by a container's runtime, which reads its exit status and one line.
    """

    name: str
    help: str
    groups: tuple[FlagGroup, ...]
    arguments: tuple[Argument, ...] = ()
    is_probe: bool = False

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Return the flags of all groups."""
        return tuple(flag for group in self.groups for flag in group.flags)
