"""Make the panels of the Treasury overview about one asset: how much, since when, and where."""

from . import queries as q
from .look import (
    ACCOUNT_NAME,
    AMOUNT,
    DASHES,
    DECIMALS,
    DOTS,
    FIAT_DIGITS,
    FREE,
    LOCKED,
    MISSING,
    QUIET,
    TOTAL,
    WARNING,
    Json,
    fixed,
    nan,
    override,
)
from .panels import changed, chart, not_known, now, outages, query, runbooks, stat
from .states import ACCOUNT_LINK
from .tables import amount, column, share, table

ours = q.SEVERAL
ASSET = "$asset"
THIS = q.of(ASSET)
HERE = f"({ours.balance(q.TOTAL, THIS)} != 0)"
LARGEST = (
    "topk(10, max by (exchange, account) (max_over_time("
    + ours.select(q.TOTAL, THIS)
    + "[$__range] @ end())))"
)
# The 10 largest are selected before anything is computed at each step.
DRAWN = f"({ours.select(q.TOTAL, THIS)} and on (exchange, account) {LARGEST})"
IN_SUMS = (
    f"({DRAWN} and on (job, instance, exchange, account) {ours.select(f'instance_{q.COUNTED}')})"
)


def figure(title: str, description: str, expr: str, missing: str = "withheld") -> Json:
    """Return the headline of one figure of the chosen asset."""
    return stat(
        title,
        description,
        now(expr, "{{asset}}"),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan(missing, WARNING if missing == "withheld" else QUIET)],
        overrides=[FIAT_DIGITS],
        size=22,
    )


PART = (
    "The chosen asset in the accounts that are counted, in n of m accounts: see beside. A missing"
    " account may hold more of it, or owe."
)
TOTAL_OF_ALL = figure(
    "Total $asset",
    "The chosen asset in all selected accounts; shown only while none is missing that may hold it."
    " Withheld: one is missing. See the known part beside it, and Accounts below.",
    ours.total_or_withheld(q.TOTAL, ASSET),
)
KNOWN_PART = figure("Known part of $asset", PART, ours.known(q.TOTAL, THIS))
FREE_KNOWN = figure("Free $asset, known", PART, ours.known(q.FREE, THIS))
LOCKED_KNOWN = figure("Locked $asset, known", PART, ours.known(q.LOCKED, THIS))
SEEN_LAST = figure(
    "Last seen in the missing",
    "What the accounts that are missing held of the chosen asset at their last response. It is the"
    " past, and part of no sum. An account that never responded has no last response.",
    f"{ours.last_seen(THIS)} or "
    + q.named(f"0 * {ours.all_seen} or {ours.whole} * NaN", "asset", ASSET),
    missing="none is missing",
)

WHOLE = [ours.total(balance, THIS) for balance in (q.FREE, q.LOCKED)]
NOT_WHOLE = f"unless on () {ours.total(q.TOTAL, THIS)}"

OVER_TIME = chart(
    "Free and locked $asset",
    "The chosen asset in all selected accounts; the upper edge is the total. In a shaded span an"
    " account was missing: dashed is the known part, dotted adds what the missing accounts held"
    " when last seen. A step in a blue span is an account that was added or removed.",
    query(f"sum by (asset) ({WHOLE[0]})", "free {{asset}}"),
    query(f"sum by (asset) ({WHOLE[1]})", "locked {{asset}}"),
    query(f"{ours.known(q.TOTAL, THIS)} {NOT_WHOLE}", "known part {{asset}}"),
    query(
        f"{ours.known(q.TOTAL, THIS)} + {ours.last_seen(THIS)} {NOT_WHOLE}",
        "with last seen {{asset}}",
    ),
    unit=AMOUNT,
    decimals=DECIMALS,
    style="area",
    shades=[*outages(ours), changed(ours)],
    overrides=[
        override("A", color=fixed(FREE)),
        override("B", color=fixed(LOCKED)),
        *(
            override(
                ref,
                color=fixed(QUIET),
                custom__lineStyle=line,
                custom__fillOpacity=0,
                custom__stacking={"mode": "none", "group": "A"},
            )
            for ref, line in (("C", DASHES), ("D", DOTS))
        ),
        FIAT_DIGITS,
    ],
    links=runbooks("ExchangeBalanceFell"),
)

BY_ACCOUNT = chart(
    "Total $asset by account",
    "The chosen asset in each account, the 10 largest; nothing is added up. A line ends when an"
    " account's balances got too old and were withdrawn: see Accounts below.",
    query(
        f"max by (exchange, account) ({IN_SUMS}) or max by (exchange, account) ({DRAWN})",
        ACCOUNT_NAME,
    ),
    unit=AMOUNT,
    decimals=DECIMALS,
    last=True,
    shades=[not_known(ours)],
    links=runbooks("ExchangeBalanceFell"),
)

WHERE = table(
    "Accounts that hold $asset",
    "The chosen asset in each account that serves it, the largest first. An account that is missing"
    " has no total but what it held when last seen, and then the shares are withheld.",
    [
        q.or_row(
            f"{HERE} or on (exchange, account) NaN * {ours.select(q.LAST_SEEN, THIS)}",
            "exchange",
            "none is known",
        ),
        f"{ours.balance(q.FREE, THIS)} and on (exchange, account) {HERE}",
        f"{ours.balance(q.LOCKED, THIS)} and on (exchange, account) {HERE}",
        f"{HERE} / on () group_left () sum({ours.total_or_withheld(q.TOTAL, ASSET)})",
        f"max by (exchange, account, asset) ({ours.select(q.LAST_SEEN, THIS)})",
    ],
    [
        column("exchange", "Exchange", 150),
        column("account", "Account", None, links=ACCOUNT_LINK),
        amount("A", "Total", missing=MISSING),
        amount("B", "Free"),
        amount("C", "Locked"),
        share("D", "Share of all", 180, TOTAL),
        amount("E", "Last seen"),
    ],
    hide=("asset",),
    sort=[("Total", True)],
)
