"""Read a value as its schema expects it, and report all that is wrong with a file at once."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TypeAlias, TypeVar

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_BOOLEANS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_WORD = r"(?:[A-Z]?[a-z]+|[A-Z]+)"
_WORDS = re.compile(rf"{_WORD}(?:[_-]{_WORD})*")

T = TypeVar("T")
Content: TypeAlias = "str | list[Node] | dict[str, tuple[Node, Node]] | None"


@dataclass(frozen=True, slots=True)
class Problem:
    """Say what is wrong at one place of a file; line and column count from 1."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {self.message}"


class ConfigError(Exception):
    """A file can't be used; `problems` says all that is wrong with it, in the file's order.

    No message repeats a value of the file, because a secret may stand in the wrong place.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Put the problems in order, each of them once."""
        self.problems = tuple(sorted(dict.fromkeys(problems), key=attrgetter("line", "column")))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True)
class Report:
    """Collect the problems of one file."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def add(self, line: int, column: int, path: str, message: str) -> None:
        """Note a problem; the reading goes on."""
        self.problems.append(Problem(self.file, line, column, path or "(file)", message))

    def check(self) -> None:
        """Raise `ConfigError` if there is any problem."""
        if self.problems:
            raise ConfigError(self.problems)

    def fatal(self, line: int, column: int, message: str) -> ConfigError:
        """Return the error to raise where the reading can't go on."""
        self.add(line, column, "", message)
        return ConfigError(self.problems)


@dataclass(frozen=True, slots=True)
class Node:
    """Hold one value of a file; its methods read it as what the schema expects there.

    Where a value is not what is expected, the problem is reported and something empty returned, so
    that the reading goes on and finds the other problems; `report.check()` at its end raises them.
    """

    path: str
    line: int
    column: int
    report: Report = field(repr=False)
    content: Content = field(repr=False)
    is_plain: bool = field(repr=False, default=False)

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing stands there: no text, `~` or `null`, all without quotes."""
        return self.content is None

    def problem(self, message: str, *, key: str = "") -> None:
        """Report a problem of this value, or of a `key` that it should have."""
        path = join_path(self.path, key) if key else self.path
        self.report.add(self.line, self.column, path, message)

    def text(self, *, multiline: bool = False) -> str:
        """Return a text exactly as it is written; "" after a problem."""
        if not isinstance(self.content, str):
            self.problem("a value is missing" if self.is_nothing else "must be a single value")
            return ""
        lines = self.content.split("\n") if multiline else [self.content]
        if not all(line.isprintable() for line in lines):
            self.problem("holds a line break or another character that can't be printed")
            return ""
        return self.content

    def parsed(self, parse: Callable[[str], T]) -> T | None:
        """Return what `parse` makes of a text; the words of its `ValueError` are the problem."""
        if text := self.text():
            try:
                return parse(text)
            except ValueError as error:
                self.problem(str(error))
        elif self.content == "":
            self.problem("must not be empty")
        return None

    def optional(self, parse: Callable[[str], T], default: T) -> T:
        """Return what `parse` makes of a text, or the default where nothing stands."""
        if self.is_nothing:
            return default
        value = self.parsed(parse)
        return default if value is None else value

    def choice(self, known: Collection[str]) -> str | None:
        """Return a text that is one of those known."""
        return self.parsed(lambda text: _choice(text, known))

    def integer(self, minimum: int, maximum: int) -> int | None:
        """Return a whole number, written in decimal digits without quotes."""
        return self.parsed(lambda text: _integer(text if self.is_plain else "", minimum, maximum))

    def boolean(self) -> bool | None:
        """Return what `true` or `false`, written without quotes, means."""
        return self.parsed(lambda text: _boolean(text if self.is_plain else ""))

    def items(self) -> "list[Node]":
        """Return the values of a list; nothing is an empty one."""
        if isinstance(self.content, list):
            # An alias shares its values with the anchor: their paths depend on the way to them.
            return [
                replace(item, path=f"{self.path}[{index}]")
                for index, item in enumerate(self.content)
            ]
        if not self.is_nothing:
            self.problem("must be a list")
        return []

    def entries(self) -> "dict[str, Node]":
        """Return the values of a mapping by their keys, in the file's order; nothing is empty."""
        if isinstance(self.content, dict):
            return {
                name: replace(value, path=join_path(self.path, name))
                for name, (_, value) in self.content.items()
            }
        if not self.is_nothing:
            self.problem("must be a mapping, in lines of `key: value`")
        return {}

    def section(self, known: Collection[str]) -> "dict[str, Node]":
        """Return a node for every key that is known, in their order; any other key is a problem.

        A key that is absent has nothing, as one without a value has.
        """
        entries = self.entries()
        if isinstance(self.content, dict):
            for name, (key, _) in self.content.items():
                if name not in known:
                    message = f"unknown key; {_nearest(name, known)}"
                    replace(key, path=self.path).problem(message, key=name)
        return {name: entries.get(name) or self._absent(name) for name in known}

    def _absent(self, key: str) -> "Node":
        path = join_path(self.path, key)
        return replace(self, path=path, content=None, is_plain=False)


def join_path(path: str, key: str) -> str:
    """Return a key's path; a key that is not made of words may be a misplaced secret."""
    shown = key if len(key) <= 40 and _WORDS.fullmatch(key) else "<key>"
    return f"{path}.{shown}" if path else shown


def _choice(text: str, known: Collection[str]) -> str:
    if text in known:
        return text
    raise ValueError(f"must be one of {', '.join(known)}")


def _integer(text: str, minimum: int, maximum: int) -> int:
    if _INTEGER.fullmatch(text) and minimum <= int(text) <= maximum:
        return int(text)
    raise ValueError(f"must be a whole number from {minimum} to {maximum}, without quotes")


def _boolean(text: str) -> bool:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    raise ValueError("must be true or false, without quotes")


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name[:40].lower(), known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
