"""Define how values look: colours, units, and the words for states."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# Colour says state and nothing else; what is only a figure has the colour of text.
GOOD, WARNING, BAD, QUIET = "green", "orange", "red", "text"
# Told apart by every kind of colour vision, on light and on dark (tests/dashboards/test_colors.py).
TOTAL, FREE, LOCKED = "blue", "dark-blue", "light-purple"

# The only unit of Grafana (12.1 and later) that writes a fixed number of decimals in full, with
# digits in groups and never "5.68K". The symbol that it needs is a space here.
MONEY = "currency:financial: :suffix"
MONEY_DECIMALS = 2
# At most `decimals` digits after the point and no zeros at the end, never "1e-8".
AMOUNT = "locale"
DECIMALS = 8
# Pixels that hold 1,234,567,890,123 beside a chart; every chart has them, so that the axes line up.
AXIS_WIDTH = 125

# A duration as words, such as "2 minutes"; and one in seconds that no axis rounds to minutes.
WORDS = "dtdurations"
SECONDS = "suffix:s"

# What a panel or a cell shows without data. It must be true of a failed query, too.
NOTHING = "nothing to show"
MISSING = "—"
NO_ACCOUNT = "no account is known"

DASHES = {"fill": "dash", "dash": [6, 6]}
DOTS = {"fill": "dot", "dash": [2, 6]}

FIAT = (
    "AED|ARS|AUD|BRL|CAD|CHF|CLP|COP|CZK|EUR|GBP|HKD|JPY|KRW|KZT|MXN|NGN|PEN|PLN|RON|RUB|SAR|SGD"
    "|TRY|UAH|USD|ZAR"
)
"""Codes of currencies (ISO 4217), which have two decimals; everything else is a coin."""

ACCOUNT_NAME = "{{account}} at {{exchange}}"
"""The legend of an account. Grafana derives a colour from it, so it is the same in every chart."""

BY_NAME = {"mode": "palette-classic-by-name"}


def steps(*limits: tuple[float | None, str]) -> Json:
    """Return thresholds from pairs of (lowest value, colour); the first value is None."""
    return {
        "mode": "absolute",
        "steps": [{"value": value, "color": color} for value, color in limits],
    }


def words(states: Mapping[float, tuple[str, str]]) -> Json:
    """Return a mapping of values to (text, colour)."""
    return {
        "type": "value",
        "options": {
            f"{value:g}": {"text": text, "color": color, "index": index}
            for index, (value, (text, color)) in enumerate(states.items())
        },
    }


def nan(text: str, color: str = WARNING) -> Json:
    """Return a mapping of NaN, which stands for a sum that would lie."""
    result = {"text": text, "color": color, "index": 90}
    return {"type": "special", "options": {"match": "nan", "result": result}}


def fixed(color: str) -> Json:
    """Return a colour that does not depend on the value."""
    return {"mode": "fixed", "fixedColor": color}


def tones(color: str) -> Json:
    """Return tones of one colour, for lines that differ in name and not in meaning."""
    return {"mode": "shades", "fixedColor": color}


def properties(values: Mapping[str, object]) -> list[Json]:
    """Return the properties of an override; `__` in a name stands for a dot."""
    return [{"id": name.replace("__", "."), "value": value} for name, value in values.items()]


def override(which: str, by: str = "byFrameRefID", **values: object) -> Json:
    """Return the override of a query's look, by its letter; `byName` goes by the legend."""
    return {
        "matcher": {"id": by, "options": which},
        "properties": properties(values),
    }


EXCHANGE_COLORS = {
    "btcturk": "blue",
    "trubit": "dark-yellow",
    "bitso": "dark-purple",
    "binance": "super-light-blue",
    "binance_tr": "light-purple",
}
BY_EXCHANGE = [
    override(f"/^{exchange}\\b/", "byRegexp", color=fixed(color))
    for exchange, color in EXCHANGE_COLORS.items()
]
"""Colours lines whose legends begin with an exchange; others get a colour by their name."""

ASSET_COLORS = {
    "BTC": "dark-yellow",
    "ETH": "light-purple",
    "USDT": "super-light-blue",
    "TRY": "blue",
    "MXN": "dark-purple",
}
BY_ASSET = [
    override(f"/^{asset}\\b/", "byRegexp", color=fixed(color))
    for asset, color in ASSET_COLORS.items()
]
"""Colours the assets that are held most; others get a colour by their name."""

FIAT_DIGITS = override(f"/(^|\\s)({FIAT})$/", "byRegexp", unit=MONEY, decimals=MONEY_DECIMALS)
"""Gives two decimals to series whose names end with a currency."""
