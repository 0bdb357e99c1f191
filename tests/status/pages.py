"""Make status pages of made-up states, and read them as a browser would."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from exporter.exposition.deflate import inflate, join
from exporter.polling.snapshots import SnapshotStore
from exporter.runtime.clock import Clock
from exporter.status import StatusPage, view_of
from tests.accounts import WALL

NOW = 1000.0
"""The monotonic time of all pages here; the wall clock then says `WALL + NOW`."""

_VOID = {"meta", "link", "input", "br"}


@dataclass
class Element:
    """An element with its attributes, and the elements and texts inside."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return all text inside, as it would be copied."""
        return "".join(each if isinstance(each, str) else each.text for each in self.inside)

    @property
    def words(self) -> str:
        """Return the text with single spaces."""
        return " ".join(self.text.split())

    @property
    def descendants(self) -> Iterator["Element"]:
        for each in self.inside:
            if isinstance(each, Element):
                yield each
                yield from each.descendants

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Return the elements inside with a tag, and with these words in these attributes."""
        return [
            each
            for each in self.descendants
            if each.tag == (tag or each.tag)
            and all(
                value in each.attributes.get(name.rstrip("_"), "").split()
                for name, value in attributes.items()
            )
        ]

    def one(self, tag: str = "", **attributes: str) -> "Element":
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return found[0]

    def by_id(self, key: str) -> "Element":
        found = [each for each in self.descendants if each.attributes.get("id") == key]
        assert len(found) == 1, f"{len(found)} with id {key}"
        return found[0]


class _Reader(HTMLParser):
    """Build the tree, and fail where a tag is not closed in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag, f"</{tag}> in the wrong place, {self.getpos()}"

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


def read(html: str) -> Element:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader._open == [reader.root]
    return reader.root


def html_of(store: SnapshotStore, now: float = NOW, query: str = "") -> str:
    """Return the page's text at a monotonic time."""
    clock = Clock(monotonic=lambda: now, wall=lambda: WALL + now)
    blocks = asyncio.run(StatusPage(store, clock, "/metrics").blocks(view_of(query)))
    assert blocks is not None
    return inflate(join(blocks)).decode()


def page_of(store: SnapshotStore, now: float = NOW, query: str = "") -> Element:
    return read(html_of(store, now, query))


def rows_of(table: Element) -> dict[str, list[str]]:
    """Return the texts of a table's rows by the text of their heading's first word."""
    body = table.one("tbody") if table.tag == "table" else table
    return {
        row.all("th")[0].text.split()[0]: [cell.text for cell in row.all("td")]
        for row in body.all("tr")
    }
