"""Frame the page: template, style, script and symbols, and the policy that admits them."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import quote

from exporter import __version__
from exporter.status.conditions import Sentence
from exporter.status.tables import MOST_DECIMALS
from exporter.status.view import group_address
from exporter.status.words import clock_time

CONTENT_TYPE = "text/html; charset=utf-8"

ACCOUNTS_CLOSING = "</table></section>"
"""What follows the last account of a section."""

_DISC = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z"
_CROSS = (
    "M5.2 4.1 8 6.9l2.8-2.8 1.1 1.1L9.1 8l2.8 2.8-1.1 1.1L8 9.1l-2.8 2.8-1.1-1.1L6.9 8 4.1 5.2z"
)
# Colour and shape of each level, in a square of 16 by 16; the style has the colours of the page.
_SYMBOLS: Mapping[str, tuple[str, str]] = {
    "up": ("#1a7f4b", f"{_DISC}M7 11.2 3.8 8l1.1-1.1L7 9l4.1-4.1L12.2 6z"),
    "down": ("#c0262d", f"{_DISC}{_CROSS}"),
    "too-old": ("#946000", f"{_DISC}M7.2 3.8h1.6v3.9l2.6 1.6-.8 1.3-3.4-2z"),
    "incomplete": ("#946000", "M8 1.2 15.4 14H.6zM7.2 5.8v4h1.6v-4zM7.2 10.8v1.6h1.6v-1.6z"),
    "waiting": (
        "#4f6273",
        f"{_DISC}M4 7.1h1.8v1.8H4zM7.1 7.1h1.8v1.8H7.1zM10.2 7.1H12v1.8h-1.8z",
    ),
    "bound": ("#946000", "M8 .8 15.2 8 8 15.2.8 8zM7.2 4.6v4h1.6v-4zM7.2 9.8v1.6h1.6V9.8z"),
}


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands before the sections; `title` is text, the rest is HTML."""

    wall: float
    title: str
    summary: Sequence[Sentence]
    links: str


def icon(level: str) -> str:
    """Return a symbol that stands before its word."""
    return f'<svg class="icon {level}" aria-hidden="true"><use href="#{level}"/></svg>'


def opening(contents: Contents) -> str:
    """Return the document up to its first section."""
    first, *others = contents.summary
    return _OPENING.substitute(
        title=escape(contents.title),
        favicon=_favicon(first.level),
        style=_STYLE,
        symbols=_SPRITE,
        level=first.level,
        headline=f"{icon(first.level)} {first.text}",
        sentences="".join(f"<p>{icon(each.level)} {each.text}</p>" for each in others),
        as_of=clock_time(contents.wall),
        links=contents.links,
    )


def closing(telemetry_path: str) -> str:
    """Return the document after its last section."""
    return _CLOSING.substitute(
        metrics=escape(f".{telemetry_path}"), version=escape(__version__), script=_SCRIPT
    )


def group_links(labels: Sequence[str], chosen: str | None) -> str:
    """Return links that group the accounts by a label, or by none."""
    if not labels:
        return ""
    choices = [("./", "nothing", chosen is None)]
    choices += [(group_address(label), escape(label), label == chosen) for label in labels]
    links = " ".join(
        f'<a href="{escape(address)}"{" aria-current=page" if is_chosen else ""}>{text}</a>'
        for address, text, is_chosen in choices
    )
    return f'<nav aria-label="Group accounts">Group by {links}</nav>'


def section(key: str, heading: str, inside: str) -> str:
    """Return a section of the page with its heading; `heading` is HTML."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-heading">'
        f'<h2 id="{key}-heading">{heading}</h2>{inside}</section>'
    )


def accounts_opening(key: str, heading: str, before: str = "") -> str:
    """Return a section of accounts up to the first of them."""
    return (
        f'<section id="{key}" aria-labelledby="{key}-heading">'
        f'<h2 id="{key}-heading">{heading}</h2>{before}'
        f'<table class="accounts" aria-labelledby="{key}-heading"><thead><tr>'
        '<th scope="col">Account</th><th scope="col">Exchange</th><th scope="col">State</th>'
        '<th scope="col">Balances from</th><th scope="col">Next poll</th>'
        '<th scope="col" class="n">Assets</th></tr></thead>'
    )


def _favicon(level: str) -> str:
    colour, path = _SYMBOLS[level]
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<path fill="{colour}" fill-rule="evenodd" d="{path}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(svg)}"


def _alignment() -> str:
    """Return a rule for each number of decimals: room for them and for the point."""
    places = range(1, MOST_DECIMALS + 1)
    return "".join(f".d{number}{{min-width:{number + 1}ch}}" for number in places)


def _admitted(text: str) -> str:
    """Return how a Content-Security-Policy admits this very text."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _read(file: str) -> str:
    return files(__package__).joinpath(file).read_text("utf-8")


_SPRITE = "".join(
    f'<symbol id="{level}" viewBox="0 0 16 16"><path fill-rule="evenodd" d="{path}"/></symbol>'
    for level, (_, path) in _SYMBOLS.items()
)
_STYLE = _read("page.css") + _alignment()
_SCRIPT = _read("page.js")
_OPENING, _CLOSING = map(Template, _read("page.html").split("<!-- sections -->"))

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src {_admitted(_STYLE)}; script-src {_admitted(_SCRIPT)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}
