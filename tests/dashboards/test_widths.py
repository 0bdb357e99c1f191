"""Check that no table and no headline cuts digits of an amount."""

import pytest

from tests.dashboards.files import UIDS, Json, panels

COIN, MONEY = "locale", "currency:financial: :suffix"
LARGEST = {
    COIN: (
        "3,821,240.59892621",
        "999,999,999.12345678",
        "15,803,032,327.72466",
        "-99,999,999,999.123456",
    ),
    MONEY: ("-999,999,999,999.99 ",),
}
"""What a browser writes: at most the 17 digits that tell one float64 from the next."""

# Pixels at 14 px, as Inter and its substitutes draw them, and of what surrounds the text.
DIGIT, MARK = 9.06, 4.6
CELL, PANEL = 7, 20
NARROW_SCREEN = 1280 - 32
"""Pixels of all 24 columns of the grid."""


def needed(text: str) -> float:
    digits = sum(map(str.isdigit, text))
    return DIGIT * digits + MARK * (len(text) - digits)


def looks(panel: Json) -> dict[str, Json]:
    """Return the properties of each column of a table by its heading."""
    return {
        override["matcher"]["options"]: {one["id"]: one["value"] for one in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }


COLUMNS = [
    pytest.param(look, id=f"{panel['title']}-{heading}")
    for uid in UIDS
    for panel in panels(uid)
    if panel["type"] == "table"
    for heading, look in looks(panel).items()
    if look.get("unit") in LARGEST
]
HEADLINES = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid in UIDS
    for panel in panels(uid)
    if panel["type"] == "stat" and panel["fieldConfig"]["defaults"]["unit"] in LARGEST
]


@pytest.mark.parametrize("look", COLUMNS)
def test_a_column_is_as_wide_as_the_largest_amounts(look: Json) -> None:
    width = look.get("custom.width") or look["custom.minWidth"]

    for text in LARGEST[look["unit"]]:
        assert width >= needed(text) + CELL, text


@pytest.mark.parametrize("panel", HEADLINES)
def test_a_headline_is_as_wide_as_the_largest_amounts_on_a_narrow_screen(panel: Json) -> None:
    width = NARROW_SCREEN * panel["gridPos"]["w"] / 24
    scale = panel["options"]["text"]["valueSize"] / 14

    for text in LARGEST[panel["fieldConfig"]["defaults"]["unit"]]:
        assert width >= needed(text) * scale + PANEL, text
