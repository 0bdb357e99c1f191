"""Look at the rules' unit tests through other scrapes: denser ones, and lost ones."""

import re
from typing import Any

LOST = "stale"

_REPEATED = re.compile(r"(?P<first>-?[\d.]+|_)(?P<step>[+-][\d.]+)?x(?P<times>\d+)")


def expand(notation: str) -> list[str]:
    """Return each value of promtool's notation for series, such as `1x2 _ 0+60x3 stale`."""
    return [value for token in notation.split() for value in _expand_token(token)]


def _expand_token(token: str) -> list[str]:
    match = _REPEATED.fullmatch(token)
    if not match:
        return [token]
    times = int(match["times"])
    if match["first"] == "_":
        return ["_"] * times
    first, step = float(match["first"]), float(match["step"] or 0)
    return [repr(first + step * index) for index in range(times + 1)]


def scraped_every(test: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Return a test whose series, of one value a minute, are scraped more often."""
    denser = 60 // seconds
    return _with_values(
        test,
        lambda _, values: [value for value in values for _ in range(denser)],
        interval=f"{seconds}s",
    )


def without_scrape(test: dict[str, Any], minute: int) -> dict[str, Any]:
    """Return a test in which every target's scrape at one minute is lost."""

    def lose(series: str, values: list[str]) -> list[str]:
        if not 0 <= minute < len(values) or values[minute] in {"_", LOST}:
            return values
        return [*values[:minute], "0" if series.startswith("up") else LOST, *values[minute + 1 :]]

    return _with_values(test, lose)


def _with_values(test: dict[str, Any], change: Any, **more: str) -> dict[str, Any]:
    series = [
        {
            "series": line["series"],
            "values": " ".join(change(line["series"], expand(str(line["values"])))),
        }
        for line in test["input_series"]
    ]
    return {**test, **more, "input_series": series}


def firing_only(test: dict[str, Any], *, at: str | None = None) -> dict[str, Any]:
    """Return a test of which alerts fire, without texts; `at` keeps the cases of one moment."""
    return {
        "interval": test["interval"],
        "input_series": test["input_series"],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{case["alertname"]}", alertstate="firing"}}',
                "eval_time": case["eval_time"],
                "exp_samples": [
                    _sample(case["alertname"], alert) for alert in case.get("exp_alerts", [])
                ],
            }
            for case in test.get("alert_rule_test", [])
            if at in (None, case["eval_time"])
        ],
    }


def _sample(name: str, alert: dict[str, Any]) -> dict[str, Any]:
    labels = {"alertname": name, "alertstate": "firing", **alert["exp_labels"]}
    text = ", ".join(f'{label}="{value}"' for label, value in labels.items())
    return {"labels": f"ALERTS{{{text}}}", "value": 1}
