"""Read a value as its schema expects it, and report all that is wrong with a file at once."""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple, TypeAlias, TypeVar

from exporter.yamlfile.variables import Variables, is_whole

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

_HINTS = 20  # for the unknown keys of a section; each takes a search

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


class Place(NamedTuple):
    """Where a value stands in a file."""

    file: str
    line: int
    column: int
    path: str

    def beside(self, file: str) -> str:
        """Return where that is for a reader of a file, which may be another one."""
        line = f"line {self.line}"
        return line if file == self.file else f"{line} of {self.file}"


class ConfigError(Exception):
    """A file can't be used; `problems` says all that is wrong with it, in the file's order.

    No message repeats a value of the file, because a secret may stand in the wrong place.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Put the problems of each file in its order, each of them once."""
        unique = dict.fromkeys(problems)
        files = {file: number for number, file in enumerate(dict.fromkeys(p.file for p in unique))}
        self.problems = tuple(sorted(unique, key=lambda p: (files[p.file], p.line, p.column)))
        super().__init__("\n".join(map(str, self.problems)))

    def shown(self, limit: int) -> list[str]:
        """Return the first problems, for a log; a file can have tens of thousands."""
        lines = [str(problem) for problem in self.problems[:limit]]
        more = len(self.problems) - len(lines)
        return [*lines, f"and {more} more, which --config.check prints"] if more else lines


@dataclass(frozen=True, slots=True)
class Report:
    """Collect the problems of one file, whose variables are replaced if there are any to use.

    `warnings` have the form of problems, and do not keep the file from being used.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    variables: Variables | None = None

    def add(self, line: int, column: int, path: str, message: str) -> None:
        """Record a problem and continue."""
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
    """One value of a file; its methods read it as what the schema expects there.

    If a value is not what is expected, the problem is reported and something empty returned, so
    that the reading goes on and finds the other problems; `report.check()` at its end raises them.
    `written` is a single value before its variables were replaced. An unknown value has a variable
    that can't be replaced: it is read as something empty, without a further problem.
    """

    path: str
    line: int
    column: int
    report: Report = field(repr=False)
    content: Content = field(repr=False)
    is_plain: bool = field(repr=False, default=False)
    written: str = field(repr=False, default="")
    is_unknown: bool = field(repr=False, default=False)

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing stands there: no text, `~` or `null`, all without quotes."""
        return self.content is None

    @property
    def place(self) -> Place:
        """Return where the value stands."""
        return Place(self.report.file, self.line, self.column, self.path)

    def problem(self, message: str, *, key: str = "") -> None:
        """Report a problem of this value, or of a `key` that it should have."""
        path = join_path(self.path, key) if key else self.path
        self.report.add(self.line, self.column, path, message)

    def warning(self, message: str) -> None:
        """Report that this value is accepted, and has another effect than it says."""
        place = self.line, self.column, self.path
        self.report.warnings.append(Problem(self.report.file, *place, f"warning: {message}"))

    def text(self, *, multiline: bool = False) -> str:
        """Return a text with its variables replaced; "" after a problem."""
        if self.is_unknown:
            return ""
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
        """Return what `parse` makes of a text, or the default if there is none."""
        if self.is_nothing:
            return default
        value = self.parsed(parse)
        return default if value is None else value

    def encoded(self, encode: Callable[[str], str]) -> "Node":
        """Return a node whose variables are encoded, unless one is the whole text."""
        variables = self.report.variables
        if variables is None or not self.written or self.is_unknown or is_whole(self.written):
            return self
        return replace(self, content=variables.replace(self.written, encode))

    def choice(
        self,
        known: Collection[str],
        hints: Mapping[str, str] | None = None,
        unlisted: Collection[str] = (),
    ) -> str | None:
        """Return a text that is one of those known; `hints` has others that may be meant.

        `unlisted` says how those are written that are known, but too many to list.
        """
        return self.parsed(lambda text: _choice(text, known, hints or {}, unlisted))

    def integer(self, minimum: int, maximum: int) -> int | None:
        """Return a whole number, written in decimal digits without quotes, or in a variable."""
        return self.parsed(lambda text: _integer(text if self.is_plain else "", minimum, maximum))

    def boolean(self) -> bool | None:
        """Return what `true` or `false` means, written without quotes, or in a variable."""
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
            unknown = [name for name in self.content if name not in known]
            for number, name in enumerate(unknown):
                hint = f"; {_nearest(name, known)}" if number < _HINTS else ""
                key, value = self.content[name]
                if name.isdecimal() and value.is_nothing:  # in braces a comma begins a key
                    hint = '; a decimal comma? write "1.5"'
                replace(key, path=self.path).problem(f"unknown key{hint}", key=name)
        return {name: entries.get(name) or self._absent(name) for name in known}

    def _absent(self, key: str) -> "Node":
        return Node(join_path(self.path, key), self.line, self.column, self.report, None)


def join_path(path: str, key: str) -> str:
    """Return a key's path; a key that is not made of words may be a misplaced secret."""
    shown = key if len(key) <= 40 and _WORDS.fullmatch(key) else "<key>"
    return f"{path}.{shown}" if path else shown


def _choice(
    text: str, known: Collection[str], hints: Mapping[str, str], unlisted: Collection[str]
) -> str:
    if text in known:
        return text
    lowered = text[:40].lower()
    near = hints.get(lowered) or next(iter(difflib.get_close_matches(lowered, known, n=1)), None)
    hint = f"; did you mean `{near}`?" if near else ""
    raise ValueError(f"must be one of {', '.join((*known, *unlisted))}{hint}")


def _integer(text: str, minimum: int, maximum: int) -> int:
    if _INTEGER.fullmatch(text) and minimum <= int(text) <= maximum:
        return int(text)
    raise ValueError(f"must be a whole number from {minimum} to {maximum}, without quotes")


def _boolean(text: str) -> bool:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    raise ValueError("must be true or false, without quotes")


def _nearest(name: str, known: Collection[str]) -> str:
    return _nearest_of(name[:40].lower(), tuple(known))


@lru_cache(maxsize=256)
def _nearest_of(name: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}"
