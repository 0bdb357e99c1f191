"""Make the panels of the Treasury overview about one asset: how much, since when, and where."""

from . import queries as q
from .look import (
    AMOUNT,
    AMOUNT_WIDTH,
    BY_VALUE,
    DECIMALS,
    FREE,
    LOCKED,
    MISSING,
    PLAIN_AMOUNT,
    Json,
    fixed,
    nan,
    override,
)
from .panels import chart, not_seen, now, outages, query, runbooks, stat
from .tables import amount, column, share, table

ours = q.SEVERAL
ASSET = "$asset"
ACCOUNT_LINK = [
    {
        "title": "Open the account",
        "url": "/d/exchange-account?${datasource:queryparam}"
        "&var-exchange=${__data.fields.Exchange}&var-account=${__data.fields.Account}"
        "&${asset:queryparam}&${__url_time_range}",
    }
]
HERE = f"{ours.balance(q.TOTAL, ASSET)} != 0"
LARGEST = (
    "topk(10, max by (exchange, account) (max_over_time("
    + ours.select(q.TOTAL, more=', asset="$asset"')
    + "[$__range] @ end())))"
)


def headline(title: str, balance: str) -> Json:
    """Return the headline of one balance of the chosen asset."""
    return stat(
        title,
        "The chosen asset, added up over the selected accounts; shown only while all of them are"
        " up and complete. Withheld: one of them is not. See Accounts below, or deselect it above"
        " to see the sum of the others.",
        now(ours.total_or_withheld(balance, ASSET)),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan("withheld")],
        empty="no balance is seen",
    )


OVER_TIME = chart(
    "Free and locked $asset",
    "The chosen asset, added up over the selected accounts; the upper edge is the total. Drawn only"
    " where all accounts are up and complete: a shaded span is an outage, a step without one is"
    " money that moved.",
    query(f"sum({ours.total(q.FREE, ASSET)})", "free"),
    query(f"sum({ours.total(q.LOCKED, ASSET)})", "locked"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    width=AMOUNT_WIDTH,
    style="area",
    shades=outages(ours),
    overrides=[override("A", color=fixed(FREE)), override("B", color=fixed(LOCKED))],
    links=runbooks("ExchangeBalanceFell"),
)

BY_ACCOUNT = chart(
    "Total $asset by account",
    "The chosen asset in each account, the 10 largest; nothing is added up. A line ends where an"
    " account's balances got too old and were withdrawn: see Accounts below.",
    query(
        f"{ours.balance(q.TOTAL, ASSET)} and on (exchange, account) {LARGEST}",
        "{{account}} ({{exchange}})",
    ),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    width=AMOUNT_WIDTH,
    shades=[not_seen(ours)],
    color=BY_VALUE,
    links=runbooks("ExchangeBalanceFell"),
)

WHERE = table(
    "Accounts that hold $asset",
    "The chosen asset in each account that serves it, the largest first. An account that is down"
    " has no row once its balances are too old, and then the shares are withheld.",
    [
        q.or_row(HERE, "account", "no balance is seen"),
        f"{ours.balance(q.FREE, ASSET)} and on (exchange, account) ({HERE})",
        f"{ours.balance(q.LOCKED, ASSET)} and on (exchange, account) ({HERE})",
        f"({HERE}) / on () group_left () ({ours.total_or_withheld(q.TOTAL, ASSET)})",
    ],
    [
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK),
        amount("A", "Total", missing=MISSING),
        amount("B", "Free"),
        amount("C", "Locked"),
        share("D", "Share of all", 180, FREE),
    ],
    hide=("asset",),
    sort="Total",
    descending=True,
)
