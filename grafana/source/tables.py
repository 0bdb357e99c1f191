"""Make tables of present values: queries that are joined on their labels, and columns."""

# ruff: noqa: PLR0913 (a table has many options, all of them by keyword)

from collections.abc import Mapping, Sequence
from math import ceil

from .look import (
    AMOUNT,
    DECIMALS,
    MISSING,
    MONEY,
    MONEY_DECIMALS,
    NOTHING,
    QUIET,
    WARNING,
    WORDS,
    Json,
    nan,
    properties,
    steps,
    words,
)
from .panels import now, panel

# Pixels of a digit, of a comma, point, sign or space, and of the padding and border to the right.
DIGIT, MARK, EDGE = 9.1, 5, 8


def width_of(text: str) -> int:
    """Return the pixels that a cell needs to show an amount in full."""
    digits = sum(map(str.isdigit, text))
    return ceil(DIGIT * digits + MARK * (len(text) - digits) + EDGE)


# A cell cuts the first digits of an amount that is too wide. A browser writes 17 digits at most.
AMOUNT_COLUMN = width_of("-99,999,999,999.123456")
MONEY_COLUMN = width_of("-999,999,999,999.99 ")


def column(field: str, title: str, width: int | None = None, **look: object) -> Json:
    """Return a column: a label, or `Value #A`; its heading; its width in pixels."""
    sized = {"custom__width": width} if width else {}
    return {"field": field, "title": title, "look": {"noValue": MISSING, **sized, **look}}


def amount(ref: str, title: str, missing: str = "withheld", *, money: bool = False) -> Json:
    """Return a column of amounts in full; NaN there stands for a sum that would lie.

    `money` gives each amount two decimals, otherwise each has the digits that it needs.
    """
    return column(
        f"Value #{ref}",
        title,
        unit=MONEY if money else AMOUNT,
        decimals=MONEY_DECIMALS if money else DECIMALS,
        mappings=[nan(missing, WARNING if missing == "withheld" else QUIET)],
        thresholds=steps((None, QUIET)),
        custom__minWidth=MONEY_COLUMN if money else AMOUNT_COLUMN,
        custom__align="right",
        custom__cellOptions={"type": "color-text"},
    )


def duration(ref: str, title: str, width: int) -> Json:
    """Return a column of durations in words."""
    return column(f"Value #{ref}", title, width, unit=WORDS, decimals=0)


def state(ref: str, title: str, width: int, states: Mapping[float, tuple[str, str]]) -> Json:
    """Return a column of states, each a coloured word."""
    return column(
        f"Value #{ref}",
        title,
        width,
        mappings=[words(states), nan(MISSING, QUIET)],
        custom__align="left",
        custom__cellOptions={"type": "color-text"},
    )


def share(ref: str, title: str, width: int, color: str) -> Json:
    """Return a column of shares, drawn as bars from 0 to 100 %."""
    return column(
        f"Value #{ref}",
        title,
        width,
        unit="percentunit",
        decimals=1,
        min=0,
        max=1,
        mappings=[nan("withheld")],
        thresholds=steps((None, color)),
        custom__cellOptions={"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
    )


def table(
    title: str,
    description: str,
    queries: Sequence[str],
    columns: Sequence[Json],
    *,
    sort: Sequence[tuple[str, bool]],
    hide: Sequence[str] = (),
    links: Sequence[Json] = (),
    frozen: int = 0,
) -> Json:
    """Return a table; a value without a column, and the labels in `hide`, are not shown.

    `sort` has pairs of a heading and whether the order is descending. The first `frozen` columns
    stay in view while the others are scrolled.
    """
    return panel(
        "table",
        title,
        description,
        [now(query) | {"format": "table"} for query in queries],
        links=links,
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize", "options": _organized(columns, len(queries), hide)},
        ],
        defaults={
            "unit": "none",
            "noValue": NOTHING,
            "color": {"mode": "thresholds"},
            "thresholds": steps((None, QUIET)),
            "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False},
        },
        overrides=[
            {
                "matcher": {"id": "byName", "options": one["title"]},
                "properties": properties(one["look"]),
            }
            for one in columns
        ],
        options={
            "showHeader": True,
            "cellHeight": "sm",
            "sortBy": [{"displayName": name, "desc": descending} for name, descending in sort],
            "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
            "frozenColumns": {"left": frozen},
        },
    )


def _organized(columns: Sequence[Json], queries: int, hide: Sequence[str]) -> Json:
    """Return what Grafana does with the fields of the queries: name, order and leave out."""
    values = {f"Value #{chr(ord('A') + index)}" for index in range(queries)}
    alone = {"Value #A": "Value"} if queries == 1 else {}
    shown = {alone.get(one["field"], one["field"]): one["title"] for one in columns}
    hidden = {"Time", *hide, *(alone.values() or values)} - set(shown)
    return {
        "excludeByName": dict.fromkeys(sorted(hidden), True),
        "indexByName": {field: index for index, field in enumerate(shown)},
        "renameByName": shown,
    }
