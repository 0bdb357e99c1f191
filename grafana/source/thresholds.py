"""Make the two panels about thresholds, which two dashboards show."""

from collections.abc import Sequence

from . import queries as q
from .look import BAD, GOOD, QUIET, WARNING, Json, override, steps, words
from .panels import now, runbooks, stat
from .tables import amount, column, state, table

LINKS = runbooks(
    "ExchangeFreeBalanceLow",
    "ExchangeFreeBalanceHigh",
    "ExchangeTotalBalanceLow",
    "ExchangeTotalBalanceHigh",
    "ExchangeLockedBalanceLow",
    "ExchangeLockedBalanceHigh",
    "ExchangeThresholdWithoutBalance",
)
STATES = {1: ("Broken", BAD), 0: ("Kept", GOOD), -1: ("Unknown", WARNING)}


def _count(state: int) -> str:
    return f"count({q.BREACH} == {state}) or 0 * count({q.BREACH})"


BROKEN = stat(
    "Thresholds broken",
    "Balances outside the thresholds of the configuration, and thresholds that can't be checked"
    " because the balance is absent. More than none: someone must move money, or see why the"
    " account is down; Thresholds below says which.",
    now(_count(1), "broken"),
    now(_count(-1), "unknown"),
    color=steps((None, QUIET), (1, BAD)),
    mappings=[words({0: ("none", GOOD)})],
    text="value_and_name",
    empty="no threshold is seen",
    size=22,
    overrides=[override("B", thresholds=steps((None, QUIET), (1, WARNING)))],
    links=LINKS,
)


def thresholds(columns: Sequence[Json], hide: Sequence[str] = ()) -> Json:
    """Return the table of thresholds; `columns` are those that name the account."""
    return table(
        "Thresholds",
        "Every threshold of the configuration beside the balance that it bounds. Broken: move"
        " money, or change the threshold. Unknown: no such balance is served, so nobody can say.",
        [
            q.or_row(q.BREACH, "asset", "no threshold is seen"),
            q.THRESHOLD,
            q.BOUNDED,
        ],
        [
            state("A", "State", 95, STATES),
            *columns,
            column("asset", "Asset", None if hide else 200),
            column("bound", "Bound", 110),
            amount("B", "Threshold"),
            amount("C", "Balance"),
        ],
        hide=hide,
        sort="State",
        descending=True,
        links=LINKS,
    )
