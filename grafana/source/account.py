"""Lay out the Account detail: what does one account hold, and can its figures be trusted?"""

from . import queries as q
from .panels import (
    AMOUNT,
    BAD,
    DECIMALS,
    FREE,
    GOOD,
    LOCKED,
    PLAIN_AMOUNT,
    QUIET,
    WARNING,
    WORDS,
    Json,
    amount,
    bars,
    chart,
    column,
    dashboard,
    fixed,
    gauge,
    nan,
    now,
    override,
    query,
    row,
    runbook,
    share,
    source,
    stat,
    state,
    steps,
    table,
    values,
    variable,
)

ASSET = "$asset"
TOTAL = "exchange_total_balance"
FREE_BALANCE = "exchange_free_balance"
LOCKED_BALANCE = "exchange_locked_balance"
ORDERS = "exchange_locked_orders_balance"
WITHDRAWALS = "exchange_locked_withdrawals_balance"

STALE_AFTER = q.per_account("exchange_account_stale_after_seconds")
FAILURES = f"exchange_account_poll_failures_total{{{q.SELECTED}}}"

STATE_AND_REASON = (
    f'label_replace({q.STATE} == 1, "state", "Up", "", "") or on (exchange, account)'
    f' label_replace(({q.REASON}) * 0, "state", "$1", "reason", "(.+)") or on (exchange, account)'
    f' label_replace({q.STATE} == 0, "state", "No answer yet", "", "") or on (exchange, account)'
    f' label_replace({q.STATE} == -1, "state", "Exporter down", "", "")'
)
SHOWN = (
    f"{q.balance(TOTAL)} != 0 or {q.balance(TOTAL, offset=' offset 1d')} != 0"
)
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-account?${datasource:queryparam}&${exchange:queryparam}"
        "&${account:queryparam}&var-asset=${__data.fields.Asset}&${__url_time_range}",
    }
]


def seen(metric: str) -> str:
    """Return a balance of every asset that is shown in the table of balances."""
    return f"{q.balance(metric)} and on (asset) ({SHOWN})"


def asset_stat(title: str, metric: str, description: str) -> Json:
    """Return the headline of one balance of the chosen asset."""
    return stat(
        title,
        description,
        now(f"sum({q.total(metric, ASSET)}) or {q.NOT_WHOLE} * NaN"),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan("withheld")],
        size=24,
        empty="not reported",
    )


ALL_RIGHT = (
    4,
    (
        5,
        stat(
            "State",
            "Up: the last poll worked. Anything else is the reason why it did not; the runbook says"
            " what to do for each. The balances stay until they are as old as stale_after.",
            now(STATE_AND_REASON, "{{state}}"),
            color=steps((None, BAD), (1, GOOD)),
            text="name",
            size=26,
            links=runbook("ExchangeAccountDown"),
        ),
    ),
    (
        4,
        stat(
            "Snapshot",
            "Complete: every row of the last good answer was understood. Incomplete: a row was left"
            " out, or nothing is served; sums that need this account are withheld. The exporter's"
            " log names the row.",
            now(f"min({q.per_account('exchange_account_complete')})"),
            mappings=[values({0: ("Incomplete", WARNING), 1: ("Complete", GOOD)})],
            links=runbook("ExchangeSnapshotIncomplete"),
        ),
    ),
    (
        4,
        stat(
            "Age of balances",
            "Time since the last good answer was asked for. It stays below the poll interval while"
            " all is well. If it grows, see Failures by reason.",
            now(f"max({q.AGE})"),
            unit=WORDS,
            empty="never answered",
            links=runbook("ExchangeBalancesStale"),
        ),
    ),
    (
        4,
        gauge(
            "Age, of what is allowed",
            "The age of the balances as a share of stale_after. At 100 % they are withdrawn: the"
            " series end, and every sum that needs them is withheld.",
            now(f"clamp_max(max({q.AGE} / on (exchange, account) {STALE_AFTER}), 1)"),
            color=steps((None, GOOD), (0.6, WARNING), (1, BAD)),
            links=runbook("ExchangeBalancesStale"),
        ),
    ),
    (
        4,
        stat(
            "Thresholds broken",
            "Thresholds of this account that its balances break, and those that can't be checked"
            " because the balance is absent. More than none: see Thresholds below.",
            now(f"count({q.BREACH} == 1) or 0 * count({q.BREACH})", "broken"),
            now(f"count({q.BREACH} == -1) or 0 * count({q.BREACH})", "unknown"),
            color=steps((None, QUIET), (1, BAD)),
            mappings=[values({0: ("none", GOOD)})],
            text="value_and_name",
            empty="no threshold is seen",
            size=22,
            overrides=[override("B", thresholds=steps((None, QUIET), (1, WARNING)))],
            links=runbook("ExchangeFreeBalanceLow"),
        ),
    ),
    (
        3,
        stat(
            "Deposits",
            "Whether the exchange accepts deposits for this account. Off: money that is sent may"
            " not arrive; ask the exchange. Only TruBit says it.",
            now(f"max({q.per_account('exchange_account_can_deposit')})"),
            mappings=[values({0: ("Off", BAD), 1: ("On", GOOD)})],
            empty="not said",
            links=runbook("ExchangeDepositsDisabled"),
        ),
    ),
)

BALANCES = table(
    "Balances",
    "Every asset that this account holds or held a day ago, as the exchange gave it. Orders and"
    " Withdrawals are what locks the locked part, where the exchange says it. No rows: the account"
    " is down and its balances were withdrawn; its last known figures are not shown on purpose."
    " Click an asset to see it below.",
    [
        q.or_row(seen(TOTAL), "asset", "no balance is served"),
        seen(FREE_BALANCE),
        seen(LOCKED_BALANCE),
        seen(ORDERS),
        seen(WITHDRAWALS),
        f"({seen(LOCKED_BALANCE)}) / ({seen(TOTAL)} > 0)",
        f"({seen(TOTAL)}) - {q.balance(TOTAL, offset=' offset 1d')}",
        "max by (exchange, account, asset)"
        f" (exchange_balance_updated_timestamp_seconds{{{q.SELECTED}}}) * 1000"
        f" and on (asset) ({SHOWN})",
        "max by (exchange, account, asset, asset_name)"
        f" (exchange_asset_info{{{q.SELECTED}}}) and on (asset) ({SHOWN})",
    ],
    [
        column("asset", "Asset", 100, links=ASSET_LINK, custom__filterable=True),
        column("asset_name", "Name", 130),
        amount("A", "Total", None),
        amount("B", "Free", None),
        amount("C", "Locked", None),
        amount("D", "In orders", None),
        amount("E", "In withdrawals", None),
        share("F", "Locked share", 150, steps((None, LOCKED))),
        amount("G", "Change in 24 h", None),
        column("Value #H", "Changed at the exchange", 180, unit="dateTimeAsIso"),
    ],
    hide=("exchange", "account"),
    sort="Asset",
)

ASSET_CHART = chart(
    "$asset: free and locked",
    "The chosen asset in this account; the upper edge is the total. A shaded span is an outage,"
    " in which nothing is drawn; a step without one is money that moved.",
    query(f"sum({q.total(FREE_BALANCE, ASSET)})", "free"),
    query(f"sum({q.total(LOCKED_BALANCE, ASSET)})", "locked"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    stacked=True,
    outages=True,
    overrides=[override("A", color=fixed(FREE)), override("B", color=fixed(LOCKED))],
)

LOCKED_CHART = chart(
    "$asset: what is locked",
    "What locks the chosen asset: open orders and requested withdrawals, where the exchange says"
    " it, beside all that is locked. Locked for long without an order: ask the exchange.",
    query(f"sum({q.total(LOCKED_BALANCE, ASSET)})", "locked"),
    query(f"sum({q.total(ORDERS, ASSET)})", "in orders"),
    query(f"sum({q.total(WITHDRAWALS, ASSET)})", "in withdrawals"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    outages=True,
    overrides=[
        override("A", color=fixed(LOCKED), custom__fillOpacity=10),
        override("B", color=fixed(FREE)),
        override("C", color=fixed(WARNING)),
    ],
    links=runbook("ExchangeFundsLocked"),
)

AGE_CHART = chart(
    "Age of balances",
    "A saw-tooth below the poll interval is healthy. Where it climbs to the dashed line, the"
    " balances are withdrawn.",
    query(f"max({q.AGE})", "age"),
    query(f"min({STALE_AFTER})", "withdrawn at"),
    query(f"max({q.per_account('exchange_account_poll_interval_seconds')})", "polled every"),
    unit="s",
    decimals=0,
    overrides=[
        override("A", color=fixed("blue"), custom__fillOpacity=15),
        override("B", color=fixed(BAD), custom__lineStyle={"fill": "dash", "dash": [6, 6]}),
        override("C", color=fixed(QUIET), custom__lineStyle={"fill": "dot", "dash": [2, 6]}),
    ],
    links=runbook("ExchangeBalancesStale"),
)

FAILED = chart(
    "Failures by reason",
    "Polls that failed, by reason, in each step. Empty is good. authentication: the key; timeout,"
    " connection, tls: the way there; rate_limited: too many requests from this address;"
    " unavailable: the exchange; bad_response: please report it.",
    query(
        f"sum by (reason) (increase({FAILURES}[$__rate_interval])) > 0", "{{reason}}"
    ),
    query(f"0 * count({q.up()})", "none"),
    unit="none",
    decimals=1,
    bar=True,
    overrides=[override("B", color=fixed(GOOD))],
    links=runbook("ExchangeAccountDown"),
)

DURATION = chart(
    "Poll duration",
    "How long the last poll took, from signing to parsing. Near the timeout (10 s unless"
    " configured) polls begin to fail: check the network to the exchange.",
    query(f"max({q.per_account('exchange_account_poll_duration_seconds')})", "duration"),
    unit="s",
    decimals=3,
    overrides=[override("A", color=fixed("blue"))],
)

CLOCK = chart(
    "Clock offset",
    "The exchange's clock minus ours, as far as it can be known. Beyond 5 s BtcTurk refuses"
    " requests; the exporter corrects for it, but synchronise this machine's clock (NTP).",
    query(f"max({q.per_account('exchange_account_clock_offset_seconds')})", "offset"),
    unit="s",
    decimals=3,
    low=None,
    overrides=[
        override("A", color=fixed("blue"), custom__axisSoftMin=-1, custom__axisSoftMax=1)
    ],
    links=runbook("ExchangeClockOffset"),
)

DOUBTS = bars(
    "Rows of the last answer",
    "How many assets the exchange listed, and how many of them are doubtful: total differs from"
    " free plus locked, negative, or not understood and left out. More than none: compare with the"
    " exchange's own page and read the exporter's log.",
    *(
        now(f"max({q.per_account(f'exchange_account_{name}')})", legend)
        for name, legend in (
            ("assets", "assets"),
            ("inconsistent_assets", "inconsistent"),
            ("negative_assets", "negative"),
            ("rejected_assets", "rejected"),
        )
    ),
    color=steps((None, GOOD), (1, WARNING)),
    overrides=[override("A", color=fixed("blue"))],
)

THRESHOLDS = table(
    "Thresholds",
    "The thresholds that the configuration sets for this account, beside the balances that they"
    " bound. Broken: move money or change the threshold. Unknown: no such balance is served.",
    [q.or_row(q.BREACH, "asset", "no threshold is seen"), q.THRESHOLD, q.BOUNDED],
    [
        state(
            "A", "State", 95, {1: ("Broken", BAD), 0: ("Kept", GOOD), -1: ("Unknown", WARNING)}
        ),
        column("asset", "Asset", None),
        column("bound", "Bound", 110),
        amount("B", "Threshold", 180),
        amount("C", "Balance", 180),
    ],
    hide=("exchange", "account"),
    sort="State",
    descending=True,
    links=runbook("ExchangeFreeBalanceLow"),
)

DASHBOARD = dashboard(
    "exchange-account",
    "Account detail",
    "What one account holds, and whether its figures can be trusted.",
    [
        source(),
        variable(
            "exchange", "Exchange", "label_values(exchange_account_up, exchange)", several=False
        ),
        variable(
            "account",
            "Account",
            'label_values(exchange_account_up{exchange=~"$exchange"}, account)',
            several=False,
        ),
        variable(
            "asset",
            "Asset",
            "query_result(sort_desc(count by (asset)"
            " (max_over_time(exchange_total_balance"
            '{exchange=~"$exchange", account=~"$account"}[1d]) != 0)))',
            several=False,
            regex='/asset="([^"]+)"/',
        ),
    ],
    [
        ALL_RIGHT,
        row("Balances"),
        (10, (24, BALANCES)),
        row("$asset"),
        (
            3,
            (8, asset_stat("Total", TOTAL, "All of the chosen asset in this account.")),
            (8, asset_stat("Free", FREE_BALANCE, "What can be traded or withdrawn now.")),
            (8, asset_stat("Locked", LOCKED_BALANCE, "What orders and withdrawals hold.")),
        ),
        (8, (12, ASSET_CHART), (12, LOCKED_CHART)),
        row("Can the figures be trusted?"),
        (7, (12, AGE_CHART), (12, FAILED)),
        (7, (8, DURATION), (8, CLOCK), (8, DOUBTS)),
        (7, (24, THRESHOLDS)),
    ],
)
