"""Make the row of the Treasury overview about what everything is worth."""

from . import queries as q
from . import values as v
from .look import (
    AMOUNT,
    BY_EXCHANGE,
    DASHES,
    FREE,
    GOOD,
    LOCKED,
    MISSING,
    MONEY,
    MONEY_DECIMALS,
    QUIET,
    TOTAL,
    WARNING,
    Json,
    fixed,
    nan,
    override,
    steps,
)
from .panels import bars, changed, chart, now, outages, query, runbooks, stat
from .states import ACCOUNT_LINK
from .tables import amount, column, share, state, table

ours = q.SEVERAL
NOT_CONFIGURED = "valuation is not configured"
PRICES = runbooks("ExchangeHoldingsWithoutPrice", "ExchangePricesStale")

WORTH = stat(
    "Worth",
    "What all holdings would bring in the chosen currency, at present prices. Withheld: an account"
    " is missing, or holds an asset without a price; see the row Worth below.",
    now(v.WORTH),
    unit=MONEY,
    decimals=MONEY_DECIMALS,
    mappings=[nan("withheld")],
    size=20,
    links=PRICES,
)

HAVE_VALUE = f"({v.have_value()} or 0 * {v.CONFIGURED})"
SHARE = (
    f'label_join(count_values("n", {HAVE_VALUE}) * on () group_left (m)'
    f' count_values("m", count({ours.counted()})), "share", " of ", "n", "m")'
    f" * on () group_left () ({HAVE_VALUE} / count({ours.counted()}))"
)

VALUED = stat(
    "Accounts valued",
    "How many of the selected accounts have a value: their balances are complete, and every asset"
    " that they hold has a price or is ignored. Fewer than all: the worth is withheld.",
    now(f"{SHARE} or on () {q.named(v.NOT_CONFIGURED, 'share', NOT_CONFIGURED)}", "{{share}}"),
    color=steps((None, QUIET), (0, WARNING), (1, GOOD)),
    text="name",
    size=20,
    links=PRICES,
)

KNOWN_WORTH = stat(
    "Known part of the worth",
    "What the accounts that have a value would bring. An account without a value may hold more, or"
    " owe.",
    now(v.known()),
    unit=MONEY,
    decimals=MONEY_DECIMALS,
    size=22,
)


def _hourly(expr: str, legend: str) -> Json:
    """Return a query about the past hour, a value for each hour."""
    return query(expr, legend) | {"interval": "1h"}


OVER_TIME = chart(
    "Worth over time",
    "What all holdings would bring at the prices of the time. Dashed: the known part, while an"
    " account has no value. See beside how much of a change is money that moved.",
    query(v.whole(), "worth"),
    query(v.known(), "known part"),
    unit=AMOUNT,
    decimals=MONEY_DECIMALS,
    shades=[*outages(ours), changed(ours)],
    overrides=[
        override("A", color=fixed(TOTAL)),
        override("B", color=fixed(TOTAL), custom__lineStyle=DASHES, custom__lineWidth=1),
    ],
)

MOVED = chart(
    "Moved in each hour, and what prices did",
    "The change of the worth in each past hour, split: what moved in or out, both ends at present"
    " prices, and what prices did. Only in the first currency of the configuration, and only while"
    " all accounts are there at both ends and what moved has a price. Moved far below 0: money"
    " left.",
    _hourly(v.moved(), "moved"),
    _hourly(v.repriced(), "prices"),
    unit=AMOUNT,
    decimals=MONEY_DECIMALS,
    style="bars",
    soft_min=None,
    shades=outages(ours),
    overrides=[override("A", color=fixed(FREE)), override("B", color=fixed(LOCKED))],
    links=runbooks("ExchangeValueLeft"),
)

BY_EXCHANGES = bars(
    "Worth by exchange",
    "What the valued accounts of each exchange would bring: how much is at risk with each.",
    now(f"sort_desc(sum by (exchange) ({v.VALUED}))", "{{exchange}}"),
    color=steps((None, TOTAL)),
    overrides=BY_EXCHANGE,
    unit=MONEY,
    decimals=MONEY_DECIMALS,
)

HELD_UNPRICED = (
    f"sum by (exchange, asset) ({ours.known_at(q.TOTAL)} != 0)"
    f" unless on (exchange, asset) {v.PRICE} and on () {v.CONFIGURED}"
)
ALL_PRICED = f"NaN * count({ours.known_at(q.TOTAL)} != 0 and on (exchange, asset) {v.PRICE})"

UNPRICED = table(
    "Holdings without a price",
    "Assets that are held at an exchange and have no price in the chosen currency, so that values"
    " that need them are withheld. Assets that the configuration ignores are listed, too. Add a"
    " source or a peg, or ignore the asset.",
    [
        q.or_row(
            f"{HELD_UNPRICED} or on () {q.named(ALL_PRICED, 'asset', 'none')}",
            "asset",
            "no price is known",
        )
    ],
    [
        column("exchange", "Exchange", 110),
        column("asset", "Asset", custom__minWidth=90),
        amount("A", "Known part", missing=MISSING) | {"field": "Value"},
    ],
    sort=[("Asset", False)],
    links=PRICES,
)

WITHOUT_VALUE = (
    f"0 * {v.VALUED} or on (exchange, account) 1 + 0 * ({ours.counted()} and on () {v.CONFIGURED})"
)

BY_ACCOUNTS = table(
    "Worth by account",
    "Every selected account, those without a value first: an asset that it holds has no price, or"
    " its balances are incomplete.",
    [
        f"{v.VALUED} or on (exchange, account) NaN * ({ours.counted()} and on () {v.CONFIGURED})",
        f"{v.VALUED} / on () group_left () ({v.WORTH})",
        ours.each("exchange_account_unpriced_assets", v.IN),
        ours.each("exchange_account_valued_assets", v.IN),
        ours.each("exchange_account_ignored_assets"),
        WITHOUT_VALUE,
    ],
    [
        state("F", "State", 100, {1: ("withheld", WARNING), 0: ("valued", GOOD)}),
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK),
        amount("A", "Value", money=True),
        share("B", "Share", 150, TOTAL),
        column("Value #C", "Without a price", 140, thresholds=steps((None, QUIET), (1, WARNING))),
        column("Value #D", "With a price", 110),
        column("Value #E", "Ignored", 80),
    ],
    hide=("__name__",),
    sort=[("State", True), ("Value", True)],
    links=runbooks(
        "ExchangeAccountValueLow", "ExchangeAccountValueHigh", "ExchangeThresholdWithoutValue"
    ),
)
