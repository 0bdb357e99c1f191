"""Check that the colours of lines can be distinguished by every kind of colour vision.

Colours are those of Grafana's two themes; colour blindness is simulated with the matrices of
Machado, Oliveira and Fernandes (2009) for full severity.
"""

import math
from itertools import combinations

import pytest

from grafana.source.look import ACCOUNT_NAME, ASSET_COLORS, EXCHANGE_COLORS, FREE, LOCKED
from tests.dashboards.files import UIDS, panels
from tests.dashboards.scenarios import accounts_of

Vector = tuple[float, float, float]

VISION: dict[str, tuple[Vector, Vector, Vector]] = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
THEMES = {
    "dark": {
        "panel": "#181b1f",
        "blue": "#5794F2",
        "dark-blue": "#1F60C4",
        "super-light-blue": "#C0D8FF",
        "light-purple": "#CA95E5",
        "dark-purple": "#8F3BB8",
        "dark-yellow": "#E0B400",
    },
    "light": {
        "panel": "#FFFFFF",
        "blue": "#3274D9",
        "dark-blue": "#1250B0",
        "super-light-blue": "#8AB8FF",
        "light-purple": "#B877D9",
        "dark-purple": "#7C2EA3",
        "dark-yellow": "#CC9D00",
    },
}
"""What Grafana's colour names stand for."""

BY_NAME = {
    "dark": """
        #73BF69 #F2CC0C #5794F2 #FF9830 #F2495C #B877D9 #37872D #E0B400 #FA6400 #C8F2C2 #FFF899
        #C0D8FF #FFCB7D #FFA6B0 #DEB6F2 #447EBC #C15C17 #B7DBAB #F4D598 #70DBED #F9BA8F #F29191
        #82B5D8 #E5A8E2 #AEA2E0 #629E51 #E5AC0E #64B0C8 #E0752D #9AC48A #F2C96D #65C5DB #F9934E
        #EA6460 #5195CE #D683CE #806EB7 #967302 #E0F9D7 #FCEACA #CFFAFF #F9E2D2 #FCE2DE #BADFF4
        #F9D9F9 #DEDAF7
    """,
    "light": """
        #56A64B #3274D9 #E02F44 #A352CC #19730E #1250B0 #E55400 #AD0317 #7C2EA3 #447EBC #C15C17
        #890F02 #0A437C #6D1F62 #584477 #629E51 #E0752D #BF1B00 #0A50A1 #962D82 #614D93 #EA6460
        #5195CE #806EB7 #3F6833 #967302 #2F575E #99440A #58140C #052B51 #511749 #3F2B5B
    """,
}
"""The palette of palette-classic-by-name: what has a contrast of 3 with the panel."""
JUST_VISIBLE = 2.3
"""The difference of two colours (CIE 1976) that is just noticed side by side."""


def linear(color: str) -> Vector:
    """Return the linear light of a colour."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    )
    return red, green, blue


def seen(color: str, vision: str) -> Vector:
    """Return a colour as CIE Lab, as a kind of vision sees it."""
    light = linear(color)
    red, green, blue = (
        min(1.0, max(0.0, sum(a * b for a, b in zip(row, light, strict=True))))
        for row in VISION[vision]
    )
    x, y, z = (
        _lab((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047),
        _lab(0.2126 * red + 0.7152 * green + 0.0722 * blue),
        _lab((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883),
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _lab(value: float) -> float:
    return float(value ** (1 / 3)) if value > 0.008856 else 7.787 * value + 16 / 116


def difference(one: str, other: str) -> float:
    """Return how far two colours are apart for the vision that tells them apart the least."""
    return min(math.dist(seen(one, vision), seen(other, vision)) for vision in VISION)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG defines it."""
    low, high = sorted(
        sum(a * b for a, b in zip((0.2126, 0.7152, 0.0722), linear(color), strict=True))
        for color in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    ("colors", "apart"),
    [
        pytest.param({FREE, LOCKED}, 20, id="free and locked"),
        pytest.param(set(EXCHANGE_COLORS.values()), 10, id="exchanges"),
        pytest.param(set(ASSET_COLORS.values()), 10, id="assets"),
    ],
)
def test_lines_can_be_told_apart_by_everybody(theme: str, colors: set[str], apart: float) -> None:
    for one, other in combinations(colors, 2):
        assert difference(THEMES[theme][one], THEMES[theme][other]) > apart > JUST_VISIBLE


def color_by_name(name: str, theme: str) -> str:
    """Return the colour that Grafana derives from the name of a line: a hash of it, of 32 bits."""
    value = 5381
    for character in reversed(name):
        value = (value * 33 ^ ord(character)) & 0xFFFFFFFF
        value -= (value & 0x80000000) << 1  # as JavaScript's operators do
    palette = BY_NAME[theme].split()
    return palette[(value & 0xFFFFFFFF) % len(palette)]


@pytest.mark.parametrize("theme", THEMES)
def test_the_accounts_of_the_demo_can_be_told_apart_by_everybody(theme: str) -> None:
    names = [
        ACCOUNT_NAME.replace("{{account}}", one.name).replace("{{exchange}}", one.exchange)
        for one in accounts_of("healthy")
    ]
    colors = [color_by_name(name, theme) for name in names]

    assert min(difference(*pair) for pair in combinations(colors, 2)) > 10 > JUST_VISIBLE


def test_an_account_has_the_same_colour_in_every_chart() -> None:
    legends = {
        (target["legendFormat"], panel["fieldConfig"]["defaults"]["color"]["mode"])
        for uid in UIDS
        for panel in panels(uid)
        for target in panel["targets"]
        if "{{account}}" in target["legendFormat"] and panel["type"] == "timeseries"
    }

    assert legends == {(ACCOUNT_NAME, "palette-classic-by-name")}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(
    "color", sorted({FREE, LOCKED, *EXCHANGE_COLORS.values(), *ASSET_COLORS.values()})
)
def test_a_line_stands_out_from_the_panel(theme: str, color: str) -> None:
    assert contrast(THEMES[theme][color], THEMES[theme]["panel"]) > 2


def test_every_exchange_and_every_asset_has_a_colour_of_its_own() -> None:
    for colors in (EXCHANGE_COLORS, ASSET_COLORS):
        assert len(set(colors.values())) == len(colors)
