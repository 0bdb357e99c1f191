"""Lay out the Account detail: what does one account hold, and can its figures be trusted."""

from . import queries as q
from .dashboards import account, asset, dashboard, exchange, heading, source
from .look import (
    AMOUNT,
    AMOUNT_WIDTH,
    BAD,
    DASHES,
    DECIMALS,
    DOTS,
    FREE,
    GOOD,
    LOCKED,
    MISSING,
    NO_ACCOUNT,
    PLAIN_AMOUNT,
    QUIET,
    SECONDS,
    TOTAL,
    WARNING,
    WORDS,
    Json,
    fixed,
    nan,
    override,
    steps,
    tones,
    words,
)
from .panels import bars, chart, gauge, not_seen, now, outages, query, runbooks, stat
from .tables import amount, column, table
from .thresholds import broken, thresholds

this = q.ONE
ASSET = "$asset"
ORDERS = "exchange_locked_orders_balance"
WITHDRAWALS = "exchange_locked_withdrawals_balance"
STALE_AFTER = this.each("exchange_account_stale_after_seconds")
DOWN = runbooks("ExchangeAccountDown", "ExchangeAuthenticationFailing", "ExchangeRateLimited")
STALE = runbooks("ExchangeBalancesStale", "ExchangeBalancesMissing")

STATE_AND_REASON = " or on (exchange, account) ".join(
    (
        f'label_replace({this.state} == 1, "state", "Up", "", "")',
        f'label_replace({this.state} == -1, "state", "Exporter down", "", "") + 1',
        f'label_replace(({this.reason}) * 0, "state", "Down: $1", "reason", "(.+)")',
        f'label_replace({this.state} == 0, "state", "No answer yet", "", "")',
    )
)
HELD = f"({this.balance(q.TOTAL)} != 0 or {this.balance(q.TOTAL, offset='1d')} != 0)"
NAMES = f"max by (exchange, account, asset, asset_name) ({this.select('exchange_asset_info')})"
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-account?${datasource:queryparam}&${exchange:queryparam}"
        "&${account:queryparam}&var-asset=${__data.fields.Asset}&${__url_time_range}",
    }
]


def held(metric: str) -> str:
    """Return a figure of the assets that are held now or were a day ago."""
    return f"({this.balance(metric)} and on (asset) {HELD})"


def highest(metric: str) -> str:
    """Return a figure of the account."""
    return f"max({this.each(metric)})"


def of_asset(title: str, metric: str, meaning: str) -> Json:
    """Return the headline of one balance of the chosen asset."""
    return stat(
        title,
        f"{meaning} Withheld: the account is down or incomplete, and the panels further below say"
        " why.",
        now(this.total_or_withheld(metric, ASSET)),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan("withheld")],
        empty="no balance is seen",
        size=24,
    )


STATE = stat(
    "State",
    "Up: the last poll worked. Anything else is why it did not; the runbook says what to do for"
    " each reason. The balances stay until they are as old as stale_after; then they are"
    " withdrawn.",
    now(q.or_word(STATE_AND_REASON, "state", NO_ACCOUNT), "{{state}}"),
    color=steps((None, QUIET), (0, BAD), (1, GOOD)),
    text="name",
    size=26,
    links=DOWN,
)

SNAPSHOT = stat(
    "Snapshot",
    "Complete: every row of the last good answer was understood. Incomplete: a row was left out,"
    " or nothing is served, and sums that need this account are withheld. The exporter's log names"
    " the row.",
    now(f"min({this.each('exchange_account_complete')})"),
    mappings=[words({0: ("Incomplete", WARNING), 1: ("Complete", GOOD)})],
    empty="not seen",
    links=runbooks("ExchangeSnapshotIncomplete"),
)

AGE = stat(
    "Age of balances",
    "Time since the last good answer was asked for. Below the poll interval all is well. If it"
    " grows, see the failed polls below.",
    now(f"max({this.age})"),
    unit=WORDS,
    empty="no answer is seen",
    links=STALE,
)

ALLOWED = gauge(
    "Age, of what is allowed",
    "The age of the balances as a share of stale_after. At 100 % they are withdrawn: the series"
    " end, and every sum that needs them is withheld. See the failed polls before that.",
    now(f"clamp_max(max({this.age} / on (exchange, account) {STALE_AFTER}), 1)"),
    color=steps((None, QUIET), (0, GOOD), (0.6, WARNING), (1, BAD)),
    links=STALE,
)

DEPOSITS = stat(
    "Deposits",
    "Whether the exchange accepts deposits for this account. Off: money that is sent may not"
    " arrive, so ask the exchange first. Only TruBit says it, and only while balances are served.",
    now(highest("exchange_account_can_deposit")),
    mappings=[words({0: ("Off", BAD), 1: ("On", GOOD)})],
    empty="not said",
    links=runbooks("ExchangeDepositsDisabled"),
)

BALANCES = table(
    "Balances",
    "Every asset that the account holds or held a day ago, as the exchange gave it; in orders and"
    " in withdrawals, and when it changed, where the exchange says it. No balance is served: the"
    " account is down, and its last figures are not shown because they may be wrong by now. Click"
    " an asset to see it below.",
    [
        q.or_row(held(q.TOTAL), "asset", "no balance is served"),
        held(q.FREE),
        held(q.LOCKED),
        held(ORDERS),
        held(WITHDRAWALS),
        f"{held(q.TOTAL)} - {this.balance(q.TOTAL, offset='1d')}",
        f"{held('exchange_balance_updated_timestamp_seconds')} * 1000",
        f"{NAMES} and on (asset) {HELD}",
    ],
    [
        column("asset", "Asset", 150, links=ASSET_LINK, custom__filterable=True),
        column("asset_name", "Name", 110),
        amount("A", "Total", None, missing=MISSING),
        amount("B", "Free", None),
        amount("C", "Locked", None),
        amount("D", "In orders", None),
        amount("E", "In withdrawals", None),
        amount("F", "Change in 24 h", None),
        column("Value #G", "Changed", 160, unit="dateTimeAsIso"),
    ],
    hide=("exchange", "account"),
    sort="Asset",
    links=runbooks("ExchangeAssetVanished", "ExchangeAllBalancesZero"),
)

ASSET_OVER_TIME = chart(
    "Free and locked $asset",
    "The chosen asset in this account; the upper edge is the total. A shaded span is an outage,"
    " in which nothing is drawn; a step without one is money that moved.",
    query(f"sum({this.total(q.FREE, ASSET)})", "free"),
    query(f"sum({this.total(q.LOCKED, ASSET)})", "locked"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    width=AMOUNT_WIDTH,
    style="area",
    shades=outages(this),
    overrides=[override("A", color=fixed(FREE)), override("B", color=fixed(LOCKED))],
    links=runbooks("ExchangeBalanceFell"),
)

ASSET_LOCKED = chart(
    "Locked $asset, by cause",
    "All that is locked of the chosen asset, and what locks it, where the exchange says it: open"
    " orders and requested withdrawals. Locked for long without either: ask the exchange.",
    query(f"sum({this.total(q.LOCKED, ASSET)})", "locked"),
    query(f"sum({this.total(ORDERS, ASSET)})", "in orders"),
    query(f"sum({this.total(WITHDRAWALS, ASSET)})", "in withdrawals"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    width=AMOUNT_WIDTH,
    shades=outages(this),
    overrides=[
        override("A", color=fixed(LOCKED), custom__fillOpacity=20),
        override("B", color=fixed(TOTAL), custom__lineStyle=DASHES),
        override("C", color=fixed(QUIET), custom__lineStyle=DOTS),
    ],
    links=runbooks("ExchangeFundsLocked"),
)

AGE_OVER_TIME = chart(
    "Age of balances over time",
    "Below the dotted line all is well: every poll worked. Where the age reaches the dashed line,"
    " the balances are withdrawn. See the failed polls beside it.",
    query(f"max({this.age})", "age"),
    query(f"min({STALE_AFTER})", "withdrawn at"),
    query(highest("exchange_account_poll_interval_seconds"), "polled every"),
    unit=SECONDS,
    shades=outages(this),
    decimals=0,
    overrides=[
        override("A", color=fixed(TOTAL), custom__fillOpacity=15, custom__lineWidth=1),
        override("B", color=fixed(BAD), custom__lineStyle=DASHES),
        override("C", color=fixed(QUIET), custom__lineStyle=DOTS),
    ],
    links=STALE,
)

FAILURES = chart(
    "Failed polls in a minute, by reason",
    "Polls that failed in a minute. Flat at none is good. authentication or permission: the key;"
    " timeout, connection or tls: the way there; rate_limited: too many requests from this address;"
    " unavailable: the exchange; bad_response: please report it.",
    query(
        "60 * sum by (reason) (rate("
        f"{this.select('exchange_account_poll_failures_total')}[$__rate_interval])) > 0",
        "{{reason}}",
    ),
    query(f"0 * count({this.select('exchange_account_up')})", "none"),
    decimals=1,
    style="bars",
    soft_max=5,
    color=tones(BAD),
    shades=[not_seen(this)],
    overrides=[override("B", color=fixed(GOOD))],
    links=DOWN,
)

DURATION = chart(
    "Poll duration",
    "How long the last poll took, from signing to the parsed answer. Near the timeout (10 s unless"
    " configured otherwise) polls begin to fail: check the network to the exchange.",
    query(highest("exchange_account_poll_duration_seconds"), "duration"),
    unit="s",
    shades=outages(this),
    soft_max=1,
    overrides=[override("A", color=fixed(TOTAL), custom__lineWidth=1)],
)

CLOCK = chart(
    "Clock offset",
    "The exchange's clock minus ours. Beyond 5 s BtcTurk refuses requests; the exporter corrects"
    " for it, but do synchronise this machine's clock (NTP).",
    query(highest("exchange_account_clock_offset_seconds"), "offset"),
    unit="s",
    shades=outages(this),
    soft_min=-2,
    soft_max=2,
    overrides=[override("A", color=fixed(TOTAL))],
    links=runbooks("ExchangeClockOffset"),
)

ROWS = bars(
    "Rows of the last answer",
    "How many assets are served, and how many of them are doubtful: total differs from free plus"
    " locked, negative, or not understood and left out. More than none: compare with the exchange's"
    " own page, and read the exporter's log.",
    *(
        now(highest(f"exchange_account_{kind}assets"), kind.removesuffix("_") or "served")
        for kind in ("", "inconsistent_", "negative_", "rejected_")
    ),
    color=steps((None, QUIET), (0, GOOD), (1, WARNING)),
    overrides=[override("A", color=fixed(TOTAL))],
    links=runbooks("ExchangeBalancesInconsistent", "ExchangeBalancesNegative"),
)

DASHBOARD = dashboard(
    "exchange-account",
    "Account detail",
    "What one account holds, and whether its figures can be trusted.",
    [source(), exchange(several=False), account(several=False), asset(this)],
    [
        (4, (5, STATE), (4, SNAPSHOT), (4, AGE), (4, ALLOWED), (4, broken(this)), (3, DEPOSITS)),
        heading("Balances of $account"),
        (10, (24, BALANCES)),
        heading("One asset: $asset"),
        (
            3,
            (8, of_asset("Total $asset", q.TOTAL, "All of the asset in this account.")),
            (8, of_asset("Free $asset", q.FREE, "What can be traded or withdrawn now.")),
            (8, of_asset("Locked $asset", q.LOCKED, "What orders and withdrawals hold.")),
        ),
        (8, (12, ASSET_OVER_TIME), (12, ASSET_LOCKED)),
        heading("Can the figures be trusted?"),
        (7, (12, AGE_OVER_TIME), (12, FAILURES)),
        (7, (8, DURATION), (8, CLOCK), (8, ROWS)),
        (6, (24, thresholds(this, [], hide=("exchange", "account")))),
    ],
)
