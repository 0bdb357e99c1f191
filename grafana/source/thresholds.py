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
STATES: dict[float, tuple[str, str]] = {
    2: ("Broken", BAD),
    1: ("Unknown", WARNING),
    0: ("Kept", GOOD),
}
NO_THRESHOLD = "no threshold is known"


def broken(accounts: q.Accounts) -> Json:
    """Return the headline that counts the thresholds that are broken."""
    count, unknown = (
        f"count({accounts.breach} == {value}) or 0 * count({accounts.threshold})"
        for value in (2, 1)
    )
    return stat(
        "Thresholds broken",
        "Balances outside the thresholds of the configuration, and thresholds that can't be"
        " checked because the balance is absent. More than none: move money, or find out why the"
        " account is missing. The table Thresholds lists them.",
        now(count, "broken"),
        now(unknown, "unknown"),
        color=steps((None, QUIET), (1, BAD)),
        mappings=[words({0: ("none", GOOD)})],
        text="value_and_name",
        size=22,
        overrides=[override("B", thresholds=steps((None, QUIET), (1, WARNING)))],
        links=LINKS,
    )


def thresholds(accounts: q.Accounts, columns: Sequence[Json], hide: Sequence[str] = ()) -> Json:
    """Return the table of thresholds; `columns` are those that name the account."""
    return table(
        "Thresholds",
        "Every threshold of the configuration beside the balance that it bounds, the broken ones"
        " first. Broken: move money, or change the threshold. Unknown: no such balance is served,"
        " so nobody can say.",
        [
            q.or_row(accounts.breach, "asset", NO_THRESHOLD),
            accounts.threshold,
            accounts.bounded(),
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
        sort=[("State", True)],
        links=LINKS,
    )
