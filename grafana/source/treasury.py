"""Lay out the Treasury overview: what do we hold, where, and is it all there."""

from . import one_asset, worth
from . import queries as q
from .alerts import firing
from .dashboards import account, asset, currency, dashboard, exchange, folded, heading, source
from .events import events
from .holdings import COINS, CURRENCIES
from .look import BY_ASSET, DASHES, GOOD, QUIET, WARNING, WORDS, override, steps, words
from .panels import changed, chart, now, outages, query, runbooks, stat
from .states import (
    ACCOUNT_LINK,
    ACCOUNTS,
    IS_IT_ALL_THERE,
    MISSING_OVER_TIME,
    WHAT_IS_WRONG,
    n_of_m,
)
from .tables import column
from .thresholds import broken, thresholds

ours = q.SEVERAL

OLDEST = stat(
    "Oldest balances",
    "Time since the last complete response of the account that waits longest, of those that serve"
    " balances. Balances are withdrawn when they get as old as the account's stale_after. If it"
    " only grows, an account fails: see Accounts below.",
    now(f"max({ours.age} and {q.ON_ACCOUNT} {ours.state} < 3)"),
    unit=WORDS,
    size=24,
    links=runbooks("ExchangeBalancesStale", "ExchangeBalancesMissing"),
)

DOUBTFUL = " + ".join(
    f"sum({ours.each(f'exchange_account_{kind}_assets')})"
    for kind in ("inconsistent", "negative", "rejected")
)
DOUBTS = stat(
    "Doubtful assets",
    "Assets whose total differs from free plus locked, that are negative, or whose row was not"
    " understood. More than none: compare with the exchange's own page, and read the exporter's"
    " log. The figures are shown as the exchange reported them. Accounts that serve nothing are not"
    " in it.",
    now(DOUBTFUL),
    color=steps((None, QUIET), (1, WARNING)),
    mappings=[words({0: ("none", GOOD)})],
    size=24,
    links=runbooks(
        "ExchangeSnapshotIncomplete", "ExchangeBalancesInconsistent", "ExchangeBalancesNegative"
    ),
)

WHOLE, KNOWN = ours.total(q.TOTAL), ours.known(q.TOTAL)
ENDS = ("@ start()", "@ end()")
BASE = "(({}) > 0)".format(
    " or ".join(part(q.TOTAL, offset=end) for part in (ours.total, ours.known) for end in ENDS)
)
"""What changes are measured by: the sum at the start, or at the end if it was not whole there."""
MOST = ours.moved_most(4)

MOVED = chart(
    "Did anything move?",
    "The four assets that moved most, each as its change since the start. Solid: all accounts."
    " Dashed: the known part, while an account is missing in a shaded span; it falls and rises"
    " with the accounts, and no money moves by that. A step in a blue span is an account that was"
    " added or removed. Look at the asset below if a solid line falls unexpectedly.",
    query(f"({WHOLE} and on (asset) {MOST}) / on (asset) {BASE} - 1", "{{asset}}"),
    query(
        f"({KNOWN} and on (asset) {MOST} unless on (asset) {WHOLE}) / on (asset) {BASE} - 1",
        "{{asset}} known part",
    ),
    unit="percentunit",
    decimals=1,
    soft_min=-0.05,
    soft_max=0.05,
    shades=[*outages(ours), changed(ours)],
    overrides=[
        *BY_ASSET,
        override(
            "/known part$/",
            "byRegexp",
            custom__lineStyle=DASHES,
            custom__lineWidth=1,
            custom__hideFrom={"legend": True, "tooltip": False, "viz": False},
        ),
    ],
    links=runbooks("ExchangeBalanceFell"),
)

SELECTED = ', exchange=~"|$exchange", account=~"|$account"'

DASHBOARD = dashboard(
    "exchange-treasury",
    "What we hold on the exchanges, where it is, and whether it is all there.",
    [
        source(),
        exchange(),
        account(),
        asset(ours),
        currency(),
    ],
    [
        (3, (24, WHAT_IS_WRONG)),
        (
            4,
            (4, IS_IT_ALL_THERE),
            (5, n_of_m("Accounts in totals")),
            (5, worth.WORTH),
            (4, OLDEST),
            (3, broken(ours)),
            (3, DOUBTS),
        ),
        heading("What do we hold?"),
        (6, (24, CURRENCIES)),
        (10, (24, COINS)),
        (8, (14, MOVED), (10, MISSING_OVER_TIME)),
        folded(
            "Worth in $currency",
            (
                4,
                (8, worth.KNOWN_WORTH),
                (8, worth.VALUED),
                (8, worth.BY_EXCHANGES),
            ),
            (8, (12, worth.OVER_TIME), (12, worth.MOVED)),
            (8, (16, worth.BY_ACCOUNTS), (8, worth.UNPRICED)),
        ),
        heading("One asset: $asset"),
        (3, (8, one_asset.TOTAL_OF_ALL), (8, one_asset.KNOWN_PART), (8, n_of_m("In accounts"))),
        (3, (8, one_asset.FREE_KNOWN), (8, one_asset.LOCKED_KNOWN), (8, one_asset.SEEN_LAST)),
        (8, (12, one_asset.OVER_TIME), (12, one_asset.BY_ACCOUNT)),
        (8, (24, one_asset.WHERE)),
        heading("Accounts, alerts and thresholds"),
        (9, (24, ACCOUNTS)),
        (7, (24, firing(SELECTED))),
        (
            8,
            (
                24,
                thresholds(
                    ours,
                    [
                        column("exchange", "Exchange", 110),
                        column("account", "Account", None, links=ACCOUNT_LINK),
                    ],
                ),
            ),
        ),
    ],
    events(ours.matchers, SELECTED),
)
