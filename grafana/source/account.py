"""Lay out the Account detail: what does one account hold, and can its figures be trusted."""

from . import queries as q
from .alerts import firing
from .dashboards import (
    asset,
    currency,
    dashboard,
    folded,
    heading,
    one_account,
    one_exchange,
    source,
)
from .events import events
from .look import (
    AMOUNT,
    BAD,
    DASHES,
    DECIMALS,
    DOTS,
    FIAT,
    FIAT_DIGITS,
    FREE,
    GOOD,
    LOCKED,
    MISSING,
    MONEY,
    MONEY_DECIMALS,
    NO_ACCOUNT,
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
from .panels import (
    bars,
    chart,
    gauge,
    good_line,
    none_failed,
    not_known,
    now,
    outages,
    query,
    runbooks,
    stat,
)
from .states import STATES
from .tables import amount, column, duration, share, table
from .thresholds import broken, thresholds
from .values import IN

this = q.ONE
ASSET = "$asset"
THIS = q.of(ASSET)
ORDERS = "exchange_locked_orders_balance"
WITHDRAWALS = "exchange_locked_withdrawals_balance"
STALE_AFTER = this.each("exchange_account_stale_after_seconds")
FAILED = this.select(q.FAILURES)
DOWN = runbooks(
    "ExchangeAccountDown",
    "ExchangeAuthenticationFailing",
    "ExchangePollsFailing",
    "ExchangeRateLimited",
)
STALE = runbooks("ExchangeBalancesStale", "ExchangeBalancesMissing", "ExchangeStaleAfterTooShort")

STATE_AND_REASON = f" or {q.ON_ACCOUNT} ".join(
    (
        *(
            f"label_replace({value} + 0 * ({this.reason} and {q.ON_ACCOUNT}"
            f' {this.state} == {value}), "state", "{STATES[value][0]}: $1", "reason", "(.+)")'
            for value in (3, 1)
        ),
        *(
            q.named(f"{this.state} == {value}", "state", text)
            for value, (text, _) in STATES.items()
            if text != "Down"
        ),
        q.named(f"{this.state} == 3", "state", "Down: no fresh balances"),
    )
)
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-account?${datasource:queryparam}&${one_exchange:queryparam}"
        "&${one_account:queryparam}&${currency:queryparam}"
        "&var-asset=${__data.fields.Asset:percentencode}&${__url_time_range}",
    }
]
PRICE = f'max by (asset) (exchange_asset_price{{exchange="$one_exchange", {IN}}})'
PRICE_INFO = (
    "max by (asset, source, route, assumed)"
    f' (exchange_asset_price_info{{exchange="$one_exchange", {IN}}})'
)
PRICE_AGE = (
    "time() - max by (asset)"
    f' (exchange_asset_price_updated_timestamp_seconds{{exchange="$one_exchange", {IN}}})'
)


def served(metric: str, more: str = "", offset: str = "") -> str:
    """Return a balance of each asset as the account serves it."""
    return f"sum by (asset) ({this.balance(metric, more, offset)})"


def highest(metric: str) -> str:
    """Return a figure of the account."""
    return f"max({this.each(metric)})"


def of_asset(title: str, metric: str, meaning: str) -> Json:
    """Return the headline of one balance of the chosen asset."""
    withheld = q.named(f"NaN * max({this.state} >= 2)", "asset", ASSET)
    return stat(
        title,
        f"{meaning} Withheld: the account serves no such balance now; the state above says why.",
        now(f"{served(metric, THIS)} or {withheld}", "{{asset}}"),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan("withheld")],
        overrides=[FIAT_DIGITS],
        size=24,
    )


HELD = f"({served(q.TOTAL)} != 0)"
VALUE = f"({HELD} * on (asset) {PRICE})"

STATE = stat(
    "State",
    "Up: the last poll worked. Poll failed: it did not, and the balances of the poll before are"
    " still served. Down: nothing is served. Incomplete: a row of the last response was not"
    " understood, and totals that need this account are withheld. The runbook says what to do.",
    now(q.or_word(STATE_AND_REASON, "state", NO_ACCOUNT), "{{state}}"),
    color=steps((None, QUIET), (0, GOOD), (1, WARNING), (3, BAD)),
    text="name",
    size=24,
    links=[*DOWN, *runbooks("ExchangeSnapshotIncomplete")],
)

IN_TOTALS = stat(
    "In totals",
    "Whether the totals over all accounts contain this one. Missing: they are withheld because of"
    " it. Excluded: the configuration says in_totals: false.",
    now(
        f"max({this.counted()}) or 2 + 0 * max({this.select(q.LEFT_OUT)})",
    ),
    mappings=[words({0: ("Missing", BAD), 1: ("Counted", GOOD), 2: ("Excluded", QUIET)})],
    size=22,
    links=runbooks("ExchangeSnapshotIncomplete"),
)

AGE = stat(
    "Age of balances",
    "Time since the request of the last complete response. Below the poll interval all is well. If"
    " it grows, see the failed polls below.",
    now(f"max({this.age})"),
    unit=WORDS,
    size=24,
    links=STALE,
)

ALLOWED = gauge(
    "Age, of what is allowed",
    "The age of the balances as a share of stale_after. At 100 % they are withdrawn: the series"
    " end, and totals that need them are withheld. See the failed polls before that.",
    now(f"clamp_max(max({this.age} / {q.ON_ACCOUNT} {STALE_AFTER}), 1)"),
    color=steps((None, QUIET), (0, GOOD), (0.6, WARNING), (1, BAD)),
    links=STALE,
)

DEPOSITS = stat(
    "Deposits",
    "Whether the exchange accepts deposits for this account. Off: money that is sent may not"
    " arrive, so contact the exchange first. Only TruBit reports it, and only while balances are"
    " served.",
    now(f"{highest('exchange_account_can_deposit')} or -1 * (max({this.state}) < 3) ^ 0"),
    mappings=[words({0: ("Off", BAD), 1: ("On", GOOD), -1: ("not reported", QUIET)})],
    size=24,
    links=runbooks("ExchangeDepositsDisabled"),
)


NONE_HELD = q.named(f"NaN * (max({this.state}) < 3)", "note", "none is held")


def balances(title: str, kind: str, *, money: bool) -> Json:
    """Return the table of one kind of asset that the account holds or held a day ago."""
    held = f"({this.balance(q.TOTAL, kind)} != 0 or {this.balance(q.TOTAL, kind, '1d')} != 0)"
    names = this.select("exchange_asset_info", kind)

    def shown(metric: str) -> str:
        return f"({this.balance(metric, kind)} and on (asset) {held})"

    return table(
        title,
        "What the account holds or held a day ago, as the exchange reported it; in orders and in"
        " withdrawals, and when it changed, if the exchange says so. Arriving and leaving: deposits"
        " and withdrawals under way, which no total contains. No balance is served: nothing is"
        " known now, and the last figures are not shown because they may be wrong by now. Click an"
        " asset to see it below.",
        [
            q.or_row(f"{shown(q.TOTAL)} or on () {NONE_HELD}", "note", "no balance is served"),
            shown(q.FREE),
            shown(q.LOCKED),
            shown(ORDERS),
            shown(WITHDRAWALS),
            f"{shown(q.TOTAL)} - {this.balance(q.TOTAL, kind, '1d')}",
            f"{shown('exchange_balance_updated_timestamp_seconds')} * 1000",
            f"max by (exchange, account, asset, asset_name) ({names}) and on (asset) {held}",
            f"{this.balance('exchange_pending_deposit_balance', kind)} != 0",
            f"{this.balance('exchange_pending_withdrawal_balance', kind)} != 0",
        ],
        [
            column("note", "Note"),
            column("asset", "Asset", 105, links=ASSET_LINK, custom__filterable=True),
            column("asset_name", "Name", 95),
            amount("A", "Total", missing=MISSING, money=money),
            amount("B", "Free", money=money),
            amount("C", "Locked", money=money),
            amount("D", "In orders", money=money),
            amount("E", "In withdrawals", money=money),
            amount("F", "Change in 24 h", money=money),
            amount("I", "Arriving", money=money),
            amount("J", "Leaving", money=money),
            column("Value #G", "Changed", 160, unit="dateTimeAsIso"),
        ],
        hide=("exchange", "account"),
        sort=[("Asset", False)],
        links=runbooks("ExchangeAssetVanished", "ExchangeAllBalancesZero"),
        frozen=1,
    )


OVER_TIME = chart(
    "Free and locked $asset",
    "The chosen asset in this account; the upper edge is the total. A shaded span is an outage: if"
    " it lasted longer than stale_after, nothing is drawn.",
    query(served(q.FREE, THIS), "free {{asset}}"),
    query(served(q.LOCKED, THIS), "locked {{asset}}"),
    unit=AMOUNT,
    decimals=DECIMALS,
    style="area",
    shades=outages(this),
    overrides=[
        override("A", color=fixed(FREE)),
        override("B", color=fixed(LOCKED)),
        FIAT_DIGITS,
    ],
    links=runbooks("ExchangeBalanceFell"),
)

LOCKED_BY_CAUSE = chart(
    "Locked $asset, by cause",
    "All that is locked of the chosen asset, and what locks it, if the exchange says so: open"
    " orders and requested withdrawals. Locked for long without either: contact the exchange.",
    query(served(q.LOCKED, THIS), "locked {{asset}}"),
    query(served(ORDERS, THIS), "in orders {{asset}}"),
    query(served(WITHDRAWALS, THIS), "in withdrawals {{asset}}"),
    unit=AMOUNT,
    decimals=DECIMALS,
    shades=outages(this),
    overrides=[
        override("A", color=fixed(LOCKED), custom__fillOpacity=20),
        override("B", color=fixed(TOTAL), custom__lineStyle=DASHES),
        override("C", color=fixed(QUIET), custom__lineStyle=DOTS),
        FIAT_DIGITS,
    ],
    links=runbooks("ExchangeFundsLocked"),
)

AGE_OVER_TIME = chart(
    "Age of balances over time",
    "Below the dotted line all is well: every poll worked. If the age reaches the dashed line, the"
    " balances are withdrawn. See the failed polls beside it.",
    query(f"max({this.age})", "age"),
    query(f"max({STALE_AFTER})", "withdrawn at"),
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
    "Failed polls per minute, by reason",
    "A green line at 0: no poll failed. No line: it is not known. authentication or permission: the"
    " key; timeout, connection or tls: the network; rate_limited: too many requests from this"
    " address; unavailable: the exchange; bad_response: please report it.",
    query(
        f"60 * sum by (reason) (rate({FAILED}[$__rate_interval])) > 0",
        "{{reason}}",
    ),
    none_failed(FAILED),
    decimals=1,
    style="bars",
    soft_max=1,
    color=tones(BAD),
    shades=[not_known(this)],
    overrides=[good_line("B")],
    links=DOWN,
)

DURATION = chart(
    "Poll duration",
    "How long the last poll took, from signing to the parsed response. Near the timeout (10 s"
    " unless configured otherwise) polls begin to fail: check the network to the exchange.",
    query(highest("exchange_account_poll_duration_seconds"), "duration"),
    unit="s",
    shades=outages(this),
    soft_max=1,
    overrides=[override("A", color=fixed(TOTAL), custom__lineWidth=1)],
)

CLOCK = chart(
    "Clock offset",
    "The exchange's clock minus ours. Beyond 5 s BtcTurk rejects requests; the exporter corrects"
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
    "Rows of the last response",
    "How many assets are served, and how many of them are doubtful: the total differs from free"
    " plus locked, is negative, or a row was not understood and dropped. More than none: compare"
    " with the exchange's own page, and read the exporter's log. Only while balances are served.",
    *(
        now(
            f"{highest(f'exchange_account_{kind}assets')} and on () (max({this.state}) < 3)",
            kind.removesuffix("_") or "served",
        )
        for kind in ("", "inconsistent_", "negative_", "rejected_")
    ),
    color=steps((None, QUIET), (0, GOOD), (1, WARNING)),
    overrides=[override("A", color=fixed(TOTAL))],
    links=runbooks("ExchangeBalancesInconsistent", "ExchangeBalancesNegative"),
)

WORTH = stat(
    "Worth of the account",
    "What all that the account holds would bring in the chosen currency. Nothing to show: valuation"
    " is not configured, the balances are not complete, or an asset has no price; see the table.",
    now(f"max({this.select('exchange_account_value', IN)})"),
    unit=MONEY,
    decimals=MONEY_DECIMALS,
    size=24,
)

VALUES = table(
    "Value by asset",
    "What each asset would bring, with the price, how it was found and how old it is. An asset"
    " without a price has no value, and then the account has none. Assumed: the configuration says"
    " that two assets are worth the same.",
    [
        q.or_row(
            f"{HELD} and on () count(exchange_reference_currency{{{IN}}})",
            "note",
            "no price or no balance is known",
        ),
        VALUE,
        f"{PRICE} and on (asset) {HELD}",
        f"{PRICE_AGE} and on (asset) {HELD}",
        f"{VALUE} / on () group_left () max({this.select('exchange_account_value', IN)})",
        f"{PRICE_INFO} and on (asset) {HELD}",
    ],
    [
        column("note", "Note"),
        column("asset", "Asset", 150, links=ASSET_LINK),
        amount("A", "Total", missing=MISSING),
        amount("B", "Value", money=True),
        share("E", "Share", 160, TOTAL),
        amount("C", "Price"),
        duration("D", "Age of the price", 160),
        column("route", "Route", 200),
        column("source", "Source", 150),
        column("assumed", "Assumed", 150),
    ],
    sort=[("Value", True)],
)

DASHBOARD = dashboard(
    "exchange-account",
    "What one account holds, and whether its figures can be trusted.",
    [source(), one_exchange(), one_account(), asset(this), currency()],
    [
        (4, (5, STATE), (4, IN_TOTALS), (4, AGE), (4, ALLOWED), (4, broken(this)), (3, DEPOSITS)),
        (5, (24, firing(', exchange="$one_exchange", account="$one_account"'))),
        heading("Balances of $one_account"),
        (5, (24, balances("Balances: currencies", f'asset=~"{FIAT}"', money=True))),
        (9, (24, balances("Balances: coins", f'asset!~"{FIAT}"', money=False))),
        heading("One asset: $asset"),
        (
            3,
            (8, of_asset("Total $asset", q.TOTAL, "All of the asset in this account.")),
            (8, of_asset("Free $asset", q.FREE, "Available for trading or withdrawal.")),
            (8, of_asset("Locked $asset", q.LOCKED, "Held by orders and withdrawals.")),
        ),
        (8, (12, OVER_TIME), (12, LOCKED_BY_CAUSE)),
        heading("Can the figures be trusted?"),
        (7, (12, AGE_OVER_TIME), (12, FAILURES)),
        (7, (8, DURATION), (8, CLOCK), (8, ROWS)),
        (6, (24, thresholds(this, [], hide=("exchange", "account")))),
        folded("Worth in $currency", (3, (24, WORTH)), (9, (24, VALUES))),
    ],
    events('exchange="$one_exchange", account="$one_account"', ', account="$one_account"'),
)
