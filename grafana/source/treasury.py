"""Lay out the Treasury overview: what do we hold, where, and is it all there?"""

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
    amount,
    chart,
    column,
    dashboard,
    fixed,
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

ACCOUNT_LINK = [
    {
        "title": "Open the account",
        "url": "/d/exchange-account?${datasource:queryparam}"
        "&var-exchange=${__data.fields.Exchange}&var-account=${__data.fields.Account}"
        "&var-asset=${asset}&${__url_time_range}",
    }
]
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-treasury?${datasource:queryparam}&${exchange:queryparam}"
        "&${account:queryparam}&var-asset=${__data.fields.Asset}&${__url_time_range}",
    }
]
SAME_ACCOUNTS = "${datasource:queryparam}&${exchange:queryparam}&${account:queryparam}"

ASSET = "$asset"
TOTAL, FREE_BALANCE, LOCKED_BALANCE = (
    "exchange_total_balance",
    "exchange_free_balance",
    "exchange_locked_balance",
)

ALL_THERE = (
    f"4 + 0 * count({q.lost()})"
    f" or 3 + 0 * (min({q.up()}) == 0)"
    f" or 2 + 0 * (min({q.ready()}) == 0)"
    f" or 0 * count({q.up()})"
)
STATES = {
    0: ("All there", GOOD),
    2: ("Incomplete", WARNING),
    3: ("Account down", BAD),
    4: ("Exporter down", BAD),
}
DOUBTFUL = " + ".join(
    f"sum({q.per_account(f'exchange_account_{kind}_assets')})"
    for kind in ("inconsistent", "negative", "rejected")
)
HELD = (
    f"count by (asset) ({q.balance(TOTAL)} != 0 or {q.balance(TOTAL, offset=' offset 1d')} != 0)"
)
SHARE_OF_HIGHEST = (
    f"{q.total(TOTAL)} / on (asset)"
    f" (max_over_time({q.total(TOTAL)}[$__range:$__interval] @ end()) > 0)"
)


def asset_stat(title: str, metric: str) -> dict[str, object]:
    """Return the headline of one balance of the chosen asset."""
    return stat(
        title,
        f"The {title.lower()}, added up over the selected accounts and shown only while"
        " all of them are up and complete. Withheld means that one of them is not: see Accounts"
        " below, or deselect it above to see the sum of the others.",
        now(q.or_withheld(q.total(metric, ASSET))),
        unit=AMOUNT,
        decimals=DECIMALS,
        mappings=[nan("withheld")],
        empty="no balance is seen",
    )


PROBLEM = (
    f'label_join({q.REASON}, "problem", ": ", "account", "reason") * 0'
    f" and on (exchange, account) {q.STATE} == 0"
    f" or on (exchange, account)"
    f' label_replace({q.STATE} == 0, "problem", "$1: no answer yet", "account", "(.+)")'
    f" or on (exchange, account)"
    f' label_replace({q.per_account("exchange_account_complete")} == 0 and on (exchange, account)'
    f' {q.STATE} == 1, "problem", "$1: incomplete", "account", "(.+)") + 1'
)
WHAT_IS_WRONG = (
    f'label_replace(0 * count({q.lost()}), "problem", "the exporter is down", "", "")'
    f" or topk(6, {PROBLEM})"
    f' or label_replace(1 + {q.whole()}, "problem", "nothing", "", "")'
)

ALL_RIGHT = (
    4,
    (
        5,
        stat(
            "Is it all there?",
            "Whether every selected account answers and every row of its balances is understood."
            " Anything but All there means that sums are withheld: find the account in Accounts"
            " below and follow its reason.",
            now(ALL_THERE),
            mappings=[values(STATES)],
            links=runbook("ExchangeAccountDown"),
        ),
    ),
    (
        4,
        stat(
            "Accounts up and complete",
            "How many of the selected accounts are up and complete. Fewer than all: no sum over"
            " them is shown. An account whose exporter is down counts as not up.",
            now(q.N_OF_M, "{{accounts}}"),
            color=steps((None, BAD), (1, GOOD)),
            text="name",
            links=runbook("ExchangeAccountDown"),
        ),
    ),
    (
        4,
        stat(
            "Oldest balances",
            "Time since the last good answer of the account that waits longest. Balances are"
            " withdrawn when they get as old as the account's stale_after. If it only grows, that"
            " account fails: see Accounts below.",
            now(f"max({q.AGE})"),
            unit=WORDS,
            empty="no answer is seen",
            links=runbook("ExchangeBalancesStale"),
        ),
    ),
    (
        4,
        stat(
            "Thresholds broken",
            "Balances outside the thresholds of the configuration. More than none: someone must"
            " move money, see Thresholds below. Unknown ones have no balance to compare with.",
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
        4,
        stat(
            "Doubtful assets",
            "Assets whose total differs from free plus locked, that are negative, or whose row"
            " could not be understood. More than none: compare with the exchange's own page and"
            " read the exporter's log. The figures are shown as the exchange gave them.",
            now(DOUBTFUL),
            color=steps((None, QUIET), (1, WARNING)),
            mappings=[values({0: ("none", GOOD)})],
            links=runbook("ExchangeBalancesInconsistent"),
        ),
    ),
    (
        3,
        stat(
            "Exporter",
            "Whether Prometheus reaches every exporter that it knew in the last day. Down: nothing"
            " is measured, and what you see is the past. Open Exporter health.",
            now(
                "min(up and on (job, instance) last_over_time(exchange_exporter_build_info[1d]))"
            ),
            mappings=[values({0: ("Down", BAD), 1: ("Up", GOOD)})],
            empty="not seen",
            links=runbook("ExchangeExporterDown"),
        ),
    ),
)

TROUBLE = stat(
    "What is wrong?",
    "Each account that is down with the most frequent reason of its last hour, and each whose"
    " balances are incomplete; six at most. The runbook of the reason says what to do; Accounts"
    " below lists all of them.",
    now(WHAT_IS_WRONG, "{{problem}}"),
    color=steps((None, BAD), (1, WARNING), (2, QUIET)),
    text="name",
    size=22,
    links=runbook("ExchangeAccountDown"),
)

HOLDINGS = table(
    "Holdings",
    "Every asset that is held now or was a day ago, added up over the selected accounts. Withheld:"
    " an account is down or incomplete, so the sum would lie. An empty change means that not every"
    " account was there a day ago. Click an asset to see it below.",
    [
        q.or_row(
            f"{HELD} * 0 + on () group_left (accounts) ({q.N_OF_M})", "asset", "no balance is seen"
        ),
        f"{q.total(TOTAL)} or {HELD} * NaN",
        f"{q.total(FREE_BALANCE)} or {HELD} * NaN",
        f"{q.total(LOCKED_BALANCE)} or {HELD} * NaN",
        f"{q.total(LOCKED_BALANCE)} / ({q.total(TOTAL)} > 0)",
        q.change(TOTAL),
        f"{q.change(TOTAL)} / (({q.total(TOTAL)} - {q.change(TOTAL)}) > 0)",
    ],
    [
        column("asset", "Asset", 130, links=ASSET_LINK, custom__filterable=True),
        amount("B", "Total", None),
        amount("C", "Free", None),
        amount("D", "Locked", None),
        share("E", "Locked share", 180, steps((None, LOCKED))),
        amount("F", "Change in 24 h", None),
        column(
            "Value #G",
            "Change",
            100,
            unit="percentunit",
            decimals=2,
            custom__align="right",
            custom__cellOptions={"type": "color-text"},
            thresholds=steps((None, BAD), (-0.2, WARNING), (-0.05, QUIET)),
        ),
        column("accounts", "Accounts", 100, custom__align="right"),
    ],
    hide=("n", "m"),
    sort="Asset",
)

MOVED = chart(
    "Did anything move?",
    "Each asset's sum as a share of its highest in the selected time: a flat line means that"
    " nothing moved, a fall that something left. A shaded span is an outage: the sum is withheld"
    " there, and nothing left. Look at the asset below when a line falls unexpectedly.",
    query(SHARE_OF_HIGHEST, "{{asset}}"),
    unit="percentunit",
    decimals=1,
    low=None,
    soft_low=0.8,
    outages=True,
    links=runbook("ExchangeBalanceFell"),
)

READY_CHART = chart(
    "Accounts",
    "How many accounts are configured, and how many of them are up and complete. A gap between the"
    " lines is an outage; a fall of both is a change of the configuration or a lost exporter.",
    query(f"count({q.ready()})", "configured"),
    query(f"sum({q.ready()})", "up and complete"),
    stepped=True,
    decimals=0,
    overrides=[
        override("A", color=fixed(QUIET), custom__lineStyle={"fill": "dash", "dash": [6, 6]}),
        override("B", color=fixed(GOOD), custom__fillOpacity=15),
    ],
    links=runbook("ExchangeAccountDown"),
)

ASSET_CHART = chart(
    "$asset: free and locked, all accounts",
    "The chosen asset, added up over the selected accounts; the upper edge is the total. It is"
    " drawn only where all accounts are up and complete. A shaded span is an outage, a step"
    " without one is money that moved.",
    query(f"sum({q.total(FREE_BALANCE, ASSET)})", "free"),
    query(f"sum({q.total(LOCKED_BALANCE, ASSET)})", "locked"),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    stacked=True,
    outages=True,
    overrides=[override("A", color=fixed(FREE)), override("B", color=fixed(LOCKED))],
)

ASSET_ACCOUNTS = chart(
    "$asset: total by account",
    "The chosen asset in each account, the 20 largest; nothing is added up. A line that ends is an"
    " account whose balances were withdrawn because they got too old: see Accounts.",
    query(
        f"{q.balance(TOTAL, ASSET)} and on (exchange, account) topk(20, max by (exchange, account)"
        f" (max_over_time(exchange_total_balance{{{q.SELECTED}, asset=\"$asset\"}}"
        "[$__range] @ end())))",
        "{{account}} ({{exchange}})",
    ),
    unit=PLAIN_AMOUNT,
    decimals=DECIMALS,
    empty="no balance is seen",
)

WHERE = table(
    "$asset: where it is",
    "The chosen asset in each account that serves it. Nothing is added up, so an account that is"
    " down takes nothing from the others: once its balances are too old it has no row here.",
    [
        q.or_row(f"{q.balance(TOTAL, ASSET)} != 0", "account", "no balance is seen"),
        f"{q.balance(FREE_BALANCE, ASSET)} and on (exchange, account)"
        f" ({q.balance(TOTAL, ASSET)} != 0)",
        f"{q.balance(LOCKED_BALANCE, ASSET)} and on (exchange, account)"
        f" ({q.balance(TOTAL, ASSET)} != 0)",
        f"({q.balance(TOTAL, ASSET)} != 0) / on () group_left ()"
        f" ({q.or_withheld(q.total(TOTAL, ASSET))})",
    ],
    [
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK),
        amount("A", "Total"),
        amount("B", "Free"),
        amount("C", "Locked"),
        share("D", "Share of all", 150, steps((None, FREE))),
    ],
    hide=("asset",),
    sort="Total",
    descending=True,
)

ACCOUNTS = table(
    "Accounts",
    "Every configured account, those that fail first. Down: the last poll failed, for the reason"
    " given. Not complete: a row of its balances was not understood, or nothing is served. When"
    " the age reaches Withdrawn after, its balances disappear. Click an account for its detail.",
    [
        q.or_row(q.STATE, "account", "no account is seen"),
        q.per_account("exchange_account_complete"),
        q.AGE,
        q.per_account("exchange_account_stale_after_seconds"),
        q.per_account("exchange_account_poll_interval_seconds"),
        f"{q.REASON} or on (exchange, account)"
        f' label_replace({q.STATE} * 0, "reason", "none", "", "")',
        q.per_account("exchange_account_assets"),
    ],
    [
        state(
            "A", "State", 120, {1: ("Up", GOOD), 0: ("Down", BAD), -1: ("Exporter down", BAD)}
        ),
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK, custom__filterable=True),
        state("B", "Complete", 95, {1: ("yes", QUIET), 0: ("no", WARNING)}),
        column("Value #C", "Age of balances", 150, unit=WORDS, decimals=0, noValue="never"),
        column("Value #D", "Withdrawn after", 150, unit=WORDS, decimals=0),
        column("Value #E", "Polled every", 130, unit=WORDS, decimals=0),
        column("reason", "Failures of the last hour", 180),
        column("Value #G", "Assets", 80),
    ],
    sort="State",
    links=runbook("ExchangeAccountDown"),
)

THRESHOLDS = table(
    "Thresholds",
    "Every threshold of the configuration beside the balance that it bounds. Broken: move money or"
    " change the threshold. Unknown: the account serves no such balance, so nobody can say.",
    [q.or_row(q.BREACH, "account", "no threshold is seen"), q.THRESHOLD, q.BOUNDED],
    [
        state(
            "A", "State", 95, {1: ("Broken", BAD), 0: ("Kept", GOOD), -1: ("Unknown", WARNING)}
        ),
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK),
        column("asset", "Asset", 80),
        column("bound", "Bound", 110),
        amount("B", "Threshold", 170),
        amount("C", "Balance", 170),
    ],
    sort="State",
    descending=True,
    empty="no threshold is configured",
    links=runbook("ExchangeFreeBalanceLow"),
)

DASHBOARD = dashboard(
    "exchange-treasury",
    "Treasury overview",
    "What we hold on the exchanges, where it is, and whether it is all there.",
    [
        source(),
        variable("exchange", "Exchange", "label_values(exchange_account_up, exchange)", several=True),
        variable(
            "account",
            "Account",
            'label_values(exchange_account_up{exchange=~"$exchange"}, account)',
            several=True,
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
        (3, (24, TROUBLE)),
        row("What do we hold?"),
        (11, (24, HOLDINGS)),
        (8, (14, MOVED), (10, READY_CHART)),
        row("Where is it? ($asset)"),
        (
            4,
            (7, asset_stat("Total of $asset", TOTAL)),
            (7, asset_stat("Free $asset", FREE_BALANCE)),
            (7, asset_stat("Locked $asset", LOCKED_BALANCE)),
            (
                3,
                stat(
                    "Accounts in the sum",
                    "How many of the selected accounts the figures beside add up. Fewer than all:"
                    " the sum is withheld.",
                    now(q.N_OF_M, "{{accounts}}"),
                    color=steps((None, BAD), (1, QUIET)),
                    text="name",
                ),
            ),
        ),
        (8, (12, ASSET_CHART), (12, ASSET_ACCOUNTS)),
        (8, (24, WHERE)),
        row("Accounts and thresholds"),
        (9, (24, ACCOUNTS)),
        (8, (24, THRESHOLDS)),
    ],
)
