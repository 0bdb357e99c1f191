"""Read a YAML file into a tree of nodes that know their places.

Only YAML's structure is taken over: what a value means is decided by the schema that reads it, so
`no`, `012`, `1_000` and `12:30:45` stay what they look like. The tree is built from the parser's
events because libyaml's own composer recurses without a limit: deep nesting crashes the process.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import yaml

from exporter.yamlfile.nodes import ConfigError, Content, Node, Report, join_path
from exporter.yamlfile.variables import Variables

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20
MAX_VALUES = 100_000
"""Bound the values of a file; those behind an alias count again wherever it stands."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_STANDARD_TAGS = frozenset(
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")
)
_NOT_YAML = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# What libyaml says, word for word, and what the writer of the file can do about it.
_NOT_CLOSED = {
    "found unexpected end of stream": "a quote is opened here and never closed",
    "did not find expected ',' or ']'": "this list is not closed, or lacks a comma",
    "did not find expected ',' or '}'": (
        "these braces are not closed, or lack a comma; quote a value that holds braces"
    ),
}
_TAB = re.compile(r" *\t")
_NO_YAML = "is not YAML; check indentation, colons and quotes"
_SYNTAX = {
    "mapping values are not allowed in this context": (
        "a colon can't stand here; check the indentation, and quote a text that holds a colon"
    ),
    "found character that cannot start any token": (
        "a value can't start with this character; indent with spaces, not with tabs, "
        "and quote a text that starts with @, ` or %"
    ),
    "did not find expected '-' indicator": "a dash was expected here; check the indentation",
    "did not find expected key": "a key was expected here; check the indentation and the quotes",
    "did not find expected node content": (
        "a value was expected here; check that every list and brace is closed"
    ),
    "could not find expected ':'": "a colon was expected before this; write `key: value`",
}


def load(path: Path, *, advice: str, variables: Variables | None = None) -> Node:
    """Return the root of a file; `advice` says what to do if there is no such file.

    Raises `ConfigError`, as `parse` does.
    """
    report = Report(str(path))
    content = b""
    try:
        if path.exists() and not path.is_file():
            raise report.fatal(1, 1, "is not a regular file; name the YAML file itself")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise report.fatal(1, 1, f"is larger than {MAX_BYTES} bytes")
        return parse(content.decode("utf-8"), str(path), variables)
    except FileNotFoundError:
        raise report.fatal(1, 1, f"there is no such file; {advice}") from None
    except OSError as error:
        raise report.fatal(1, 1, f"can't be read: {error.strerror or 'input error'}") from None
    except UnicodeDecodeError as error:
        place = _end_of(content[: error.start].decode("utf-8"))
        raise report.fatal(*place, "is not UTF-8 text; save the file as UTF-8") from None


def parse(text: str, file: str, variables: Variables | None = None) -> Node:
    """Return the root of a text; an empty one has a root of nothing.

    Variables are replaced in every value if they are given, and in no key. Raises `ConfigError` if
    the text can't be read to its end. A structure that can be read over
    (a key given twice, a tag) is reported, and raised by `root.report.check()` with the rest.
    """
    report = Report(file, variables=variables)
    if foreign := _NOT_YAML.search(text):
        place = _end_of(text[: foreign.start()])
        raise report.fatal(*place, "a control character stands here; YAML is text without any")
    try:
        return _Composer(yaml.parse(text, Loader=_LOADER), report).root()
    except yaml.MarkedYAMLError as error:
        place, message = _syntax_problem(error, text)
        raise report.fatal(*place, message) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        # Without libyaml, PyYAML fails on escapes of characters that don't exist.
        raise report.fatal(1, 1, _NO_YAML) from None


class _Mark(Protocol):
    """A place as PyYAML and libyaml both give it, counted from 0."""

    line: int
    column: int


class _Composer:
    """Build the tree of a document from the parser's events."""

    def __init__(self, events: Iterator[yaml.Event], report: Report) -> None:
        self._events = events
        self._report = report
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0

    def root(self) -> Node:
        root = Node("", 1, 1, self._report, None)
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self._values:
                    raise self._fatal(event, "a second document starts here; keep only one")
                root = self._node(next(self._events), "", 0)
        return root

    def _node(self, event: yaml.Event, path: str, depth: int, *, is_key: bool = False) -> Node:
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            return self._aliased(event)
        if depth > MAX_DEPTH:
            raise self._fatal(event, f"nested more than {MAX_DEPTH} levels deep")
        before = self._values
        self._count(event, 1)
        content = self._content(event, path, depth)
        is_plain = isinstance(event, yaml.ScalarEvent) and _is_plain(event)
        node = Node(path, *_place(event.start_mark), self._report, content, is_plain)
        if isinstance(content, str) and "$" in content and not is_key:
            node = self._replaced(node, content)
        if event.tag is not None and event.tag not in _STANDARD_TAGS:
            node.problem("has a tag (a word after an exclamation mark); quote it or remove it")
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self._values - before
        return node

    def _replaced(self, node: Node, text: str) -> Node:
        """Return a node whose variables are replaced; a value from one counts as plain."""
        if self._report.variables is None:
            return node
        try:
            value = self._report.variables.replace(text)
        except ValueError as error:
            node.problem(str(error))
            value = None
        has_variable = node.is_plain or value != text.replace("$$", "$")
        content = text if value is None else value
        return replace(
            node,
            content=content,
            is_plain=has_variable,
            written=text,
            is_unknown=value is None,
        )

    def _aliased(self, event: yaml.Event) -> Node:
        # An anchor is known from the end of its value on, so that none can hold itself.
        anchor = event.anchor if isinstance(event, yaml.AliasEvent) else None
        if anchor not in self._anchors:
            raise self._fatal(event, "no anchor (&) above has the name of this alias (*)")
        node, values = self._anchors[anchor]
        self._count(event, values)
        return node

    def _content(
        self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: str, depth: int
    ) -> Content:
        if isinstance(event, yaml.ScalarEvent):
            return None if _is_plain(event) and event.value in _NOTHING else event.value
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path, depth + 1)
        return self._mapping(path, depth + 1)

    def _list(self, path: str, depth: int) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, f"{path}[{len(items)}]", depth))
        return items

    def _mapping(self, path: str, depth: int) -> dict[str, tuple[Node, Node]]:
        pairs: dict[str, tuple[Node, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, path, depth, is_key=True)
            name = key.content if isinstance(key.content, str) else ""
            value = self._node(next(self._events), join_path(path, name), depth)
            if not isinstance(key.content, str):
                key.problem("a key must be a text")
            elif name == "<<" and key.is_plain:
                key.problem("merge keys (<<) are not understood; write the settings out")
            elif name in pairs:
                first = pairs[name][0].line
                key.problem(f"given twice; the first is in line {first}", key=name)
            else:
                pairs[name] = key, value
        return pairs

    def _count(self, event: yaml.Event, values: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise self._fatal(event, f"more than {MAX_VALUES} values, with aliases written out")

    def _fatal(self, event: yaml.Event, message: str) -> ConfigError:
        return self._report.fatal(*_place(event.start_mark), message)


def _is_plain(event: yaml.ScalarEvent) -> bool:
    return not event.style and event.tag != "tag:yaml.org,2002:str"


def _place(mark: _Mark | None) -> tuple[int, int]:
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _end_of(text: str) -> tuple[int, int]:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _syntax_problem(error: yaml.MarkedYAMLError, text: str) -> tuple[tuple[int, int], str]:
    """Return the place and our words for it: the parser's own could quote the file."""
    place = _place(error.problem_mark)
    lines = text.split("\n")
    for number in (place[0], place[0] - 1):  # the parser stops in the line, or after it
        if 0 < number <= len(lines) and (tab := _TAB.match(lines[number - 1])):
            return (number, tab.end()), "this line is indented with a tab; use spaces"
    if _is_variable(lines, place):
        return (place[0], place[1] - 1), 'quote a variable here, as in "${NAME}"'
    if message := _NOT_CLOSED.get(error.problem or ""):
        return _place(error.context_mark), message
    return place, _SYNTAX.get(error.problem or "", _NO_YAML)


def _is_variable(lines: list[str], place: tuple[int, int]) -> bool:
    """Return whether a place is the brace of a `${`, which means something else to YAML."""
    line, column = place
    before = lines[line - 1][: column - 1] if line <= len(lines) else ""
    return before.endswith("$") and lines[line - 1][column - 1 : column] == "{"
