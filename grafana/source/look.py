"""Say once how values look: colours, units, and the words that stand for states."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

# Colour says state and nothing else; what is only a figure has the colour of text.
GOOD, WARNING, BAD, QUIET = "green", "orange", "red", "text"
TOTAL, FREE, LOCKED = "blue", "semi-dark-blue", "purple"

# The one unit of Grafana (12.1 and later) that writes an amount in full: digits in groups, as many
# decimals as asked for, never "5.68K" and never "1e-8". The symbol that it wants is a space here.
AMOUNT = "currency:financial: :suffix"
# The same for the axes of charts: without zeros at the end.
PLAIN_AMOUNT = "locale"
DECIMALS = 8
# Pixels that hold 1,234,567,890 beside a chart.
AMOUNT_WIDTH = 95

# A duration as words, such as "2 minutes"; and one in seconds that no axis rounds to minutes.
WORDS = "dtdurations"
SECONDS = "suffix:s"

# What a cell shows where there is nothing to show.
MISSING = "—"
NO_ACCOUNT = "no account is seen"

DASHES = {"fill": "dash", "dash": [6, 6]}
DOTS = {"fill": "dot", "dash": [2, 6]}


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
    """Return tones of one colour, for lines that are told apart but mean the same."""
    return {"mode": "shades", "fixedColor": color}


BY_VALUE = {"mode": "continuous-BlPu", "seriesBy": "last"}
"""From blue to purple as values rise: tells lines apart without the colours of states."""


def properties(values: Mapping[str, object]) -> list[Json]:
    """Return the properties of an override; `__` in a name stands for a dot."""
    return [{"id": name.replace("__", "."), "value": value} for name, value in values.items()]


def override(which: str, by: str = "byFrameRefID", **values: object) -> Json:
    """Return the override of a query's look, by its letter; `byName` goes by the legend."""
    return {
        "matcher": {"id": by, "options": which},
        "properties": properties(values),
    }


BY_EXCHANGE = [
    override("/^btcturk\\b/", "byRegexp", color=fixed("blue")),
    override("/^trubit\\b/", "byRegexp", color=fixed("purple")),
]
"""Tells lines apart whose legends begin with an exchange; another one gets Grafana's own colour."""
