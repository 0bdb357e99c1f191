"""Lay out the Treasury overview: what do we hold, where, and is it all there."""

from . import queries as q
from .dashboards import account, asset, dashboard, exchange, heading, source
from .look import (
    BAD,
    DASHES,
    GOOD,
    LOCKED,
    NO_ACCOUNT,
    QUIET,
    WARNING,
    WORDS,
    fixed,
    override,
    steps,
    words,
)
from .one_asset import ACCOUNT_LINK, BY_ACCOUNT, OVER_TIME, WHERE, headline
from .panels import chart, not_seen, now, outages, query, runbooks, stat
from .tables import amount, column, duration, share, state, table
from .thresholds import broken, thresholds

ours = q.SEVERAL
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-treasury?${datasource:queryparam}&${exchange:queryparam}"
        "&${account:queryparam}&var-asset=${__data.fields.Asset}&${__url_time_range}",
    }
]
DOWN = runbooks("ExchangeAccountDown", "ExchangeAllAccountsDown", "ExchangeAuthenticationFailing")

ALL_THERE = (
    f"4 + 0 * min({ours.state} == -1) or 3 + 0 * min({ours.state} == 0)"
    f" or 2 + 0 * {ours.not_whole} or 0 * count({ours.state})"
)
DOUBTFUL = " + ".join(
    f"sum({ours.each(f'exchange_account_{kind}_assets')})"
    for kind in ("inconsistent", "negative", "rejected")
)
EXPORTER_UP = (
    "min(up and on (job, instance) present_over_time(exchange_exporter_build_info[1d:5m]))"
)
COMPLETE = ours.each("exchange_account_complete")
REASON_OR_NONE = (
    f"{ours.reason} or on (exchange, account)"
    f' label_replace(({ours.state} >= 0) * 0, "reason", "none", "", "")'
)
PROBLEM = (
    f'label_join({ours.reason}, "problem", ": ", "account", "reason") * 0'
    f" and on (exchange, account) {ours.state} == 0 or on (exchange, account)"
    f' label_replace({ours.state} == 0, "problem", "$1: no answer yet", "account", "(.+)")'
    " or on (exchange, account) label_replace("
    f"{COMPLETE} == 0 and on (exchange, account) {ours.state} == 1,"
    ' "problem", "$1: incomplete", "account", "(.+)") + 1'
)
WRONG = (
    f'label_replace(0 * min({ours.state} == -1), "problem", "the exporter is down", "", "")'
    f" or topk(6, {PROBLEM})"
    f' or label_replace(1 + {ours.whole()}, "problem", "nothing", "", "")'
)
HELD = (
    f"count by (asset) ({ours.balance(q.TOTAL)} != 0 or {ours.balance(q.TOTAL, offset='1d')} != 0)"
)
WITHHELD = f" or {HELD} * NaN"
HIGHEST = f"max_over_time({ours.total(q.TOTAL)}[$__range:$__interval] @ end())"
SERIES = f"({ours.select(q.TOTAL)}[$__range] @ end())"
MOST = (
    f"topk(4, sum by (asset) (max_over_time{SERIES} - min_over_time{SERIES})"
    f" / (sum by (asset) (max_over_time{SERIES}) > 0))"
)
"""The assets that moved most, seen account by account: an outage does not count as a move."""


def held(expr: str) -> str:
    """Return an expression for the assets that are held now or were a day ago."""
    return f"({expr} and on (asset) {HELD})"


N_OF_M = stat(
    "Accounts up and complete",
    "How many of the selected accounts are up and complete: those that the sums add up. Fewer than"
    " all: every sum is withheld. An account whose exporter is down counts as not up.",
    now(q.or_word(q.n_of_m(ours.ready()), "share", NO_ACCOUNT), "{{share}}"),
    color=steps((None, QUIET), (0, BAD), (1, GOOD)),
    text="name",
    links=[*DOWN, *runbooks("ExchangeTooFewAccounts")],
)

IS_IT_ALL_THERE = stat(
    "Is it all there?",
    "Whether every selected account answers and every row of its balances was understood. Anything"
    " but All there means that sums are withheld: What is wrong? names the account and the reason.",
    now(ALL_THERE),
    mappings=[
        words(
            {
                0: ("All there", GOOD),
                2: ("Incomplete", WARNING),
                3: ("Account down", BAD),
                4: ("Exporter down", BAD),
            }
        )
    ],
    links=DOWN,
)

OLDEST = stat(
    "Oldest balances",
    "Time since the last good answer of the account that waits longest. Balances are withdrawn"
    " when they get as old as the account's stale_after. If it only grows, an account fails: see"
    " Accounts below.",
    now(f"max({ours.age})"),
    unit=WORDS,
    empty="no answer is seen",
    links=runbooks("ExchangeBalancesStale", "ExchangeBalancesMissing"),
)

DOUBTS = stat(
    "Doubtful assets",
    "Assets whose total differs from free plus locked, that are negative, or whose row was not"
    " understood. More than none: compare with the exchange's own page, and read the exporter's"
    " log. The figures are shown as the exchange gave them.",
    now(DOUBTFUL),
    color=steps((None, QUIET), (1, WARNING)),
    mappings=[words({0: ("none", GOOD)})],
    empty="not seen",
    links=runbooks(
        "ExchangeSnapshotIncomplete", "ExchangeBalancesInconsistent", "ExchangeBalancesNegative"
    ),
)

EXPORTER = stat(
    "Exporter",
    "Whether Prometheus reaches every exporter that it knew in the last day. Down: nothing is"
    " measured, and what you see is the past. Open Exporter health.",
    now(EXPORTER_UP),
    mappings=[words({0: ("Down", BAD), 1: ("Up", GOOD)})],
    empty="not seen",
    links=runbooks("ExchangeExporterDown", "ExchangeExporterAbsent"),
)

WHAT_IS_WRONG = stat(
    "What is wrong?",
    "Each account that is down, with the most frequent reason of its last hour, and each whose"
    " balances are incomplete; six at most, Accounts below has them all. The runbook says what to"
    " do for each reason.",
    now(q.or_word(WRONG, "problem", NO_ACCOUNT), "{{problem}}"),
    color=steps((None, QUIET), (0, BAD), (1, WARNING), (2, GOOD)),
    text="name",
    size=22,
    links=DOWN,
)

HOLDINGS = table(
    "Holdings",
    "Every asset that is held now or was a day ago, added up over the selected accounts. Withheld:"
    " an account is down or incomplete, so the sum would lie. No change is shown where not every"
    " account was there a day ago. Click an asset to see it below.",
    [
        q.or_row(
            f"{HELD} * 0 + on () group_left (share) ({q.n_of_m(ours.ready())})",
            "asset",
            "no balance is seen",
        ),
        held(ours.total(q.TOTAL)) + WITHHELD,
        held(ours.total(q.FREE)) + WITHHELD,
        held(ours.total(q.LOCKED)) + WITHHELD,
        held(f"{ours.total(q.LOCKED)} / ({ours.total(q.TOTAL)} > 0)") + WITHHELD,
        held(ours.change(q.TOTAL)),
        held(f"{ours.change(q.TOTAL)} / ({ours.total(q.TOTAL)} - {ours.change(q.TOTAL)} > 0)"),
    ],
    [
        column("asset", "Asset", 150, links=ASSET_LINK, custom__filterable=True),
        amount("B", "Total", None),
        amount("C", "Free", None),
        amount("D", "Locked", None),
        share("E", "Locked share", 180, LOCKED),
        amount("F", "Change in 24 h", None),
        column(
            "Value #G",
            "Change",
            100,
            unit="percentunit",
            decimals=2,
            thresholds=steps((None, QUIET), (-10, BAD), (-0.2, WARNING), (-0.05, QUIET)),
            custom__align="right",
            custom__cellOptions={"type": "color-text"},
        ),
        column("share", "Accounts", 100, custom__align="right"),
    ],
    hide=("n", "m"),
    sort="Asset",
    links=runbooks("ExchangeAssetVanished", "ExchangeAllBalancesZero"),
)

MOVED = chart(
    "Did anything move?",
    "The four assets that moved most, each sum as a share of its highest in the selected time."
    " Flat: nothing moved; a fall: something left. A shaded span is an outage: sums are withheld"
    " there, and nothing left. Look at the asset below when a line falls unexpectedly.",
    query(f"{ours.total(q.TOTAL)} / on (asset) ({HIGHEST} > 0) and on (asset) {MOST}", "{{asset}}"),
    unit="percentunit",
    decimals=1,
    soft_min=0.9,
    shades=outages(ours),
    links=runbooks("ExchangeBalanceFell"),
)

COUNTED = chart(
    "Accounts over time",
    "How many accounts are known, and how many of them are up and complete. Where the lines part,"
    " there was an outage; where both fall, accounts were taken out of the configuration.",
    query(f"count({ours.ready()})", "known"),
    query(f"sum({ours.ready()})", "up and complete"),
    style="steps",
    decimals=0,
    shades=[not_seen(ours)],
    overrides=[
        override("A", color=fixed(QUIET), custom__lineStyle=DASHES),
        override("B", color=fixed(GOOD), custom__fillOpacity=15),
    ],
    links=runbooks("ExchangeTooFewAccounts"),
)

ACCOUNTS = table(
    "Accounts",
    "Every account, those that fail first. Down: the last poll failed, mostly for the reason given."
    " Not complete: a row of its balances was not understood, or none are served. When the age"
    " reaches Withdrawn after, the balances disappear. Click an account for its detail.",
    [
        q.or_row(ours.state, "account", "no account is seen"),
        COMPLETE,
        ours.age,
        ours.each("exchange_account_stale_after_seconds"),
        ours.each("exchange_account_poll_interval_seconds"),
        REASON_OR_NONE,
        ours.each("exchange_account_assets"),
    ],
    [
        state("A", "State", 120, {1: ("Up", GOOD), 0: ("Down", BAD), -1: ("Exporter down", BAD)}),
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK, custom__filterable=True),
        state("B", "Complete", 95, {1: ("yes", QUIET), 0: ("no", WARNING)}),
        duration("C", "Age of balances", 160),
        duration("D", "Withdrawn after", 190),
        duration("E", "Polled every", 160),
        column("reason", "Failures of the last hour", 190),
        column("Value #G", "Assets", 80),
    ],
    sort="State",
    links=[*DOWN, *runbooks("ExchangeBalancesMissing", "ExchangeAccountPolledTwice")],
)

DASHBOARD = dashboard(
    "exchange-treasury",
    "Treasury overview",
    "What we hold on the exchanges, where it is, and whether it is all there.",
    [source(), exchange(several=True), account(several=True), asset(ours)],
    [
        (
            4,
            (5, IS_IT_ALL_THERE),
            (4, N_OF_M),
            (4, OLDEST),
            (4, broken(ours)),
            (4, DOUBTS),
            (3, EXPORTER),
        ),
        (3, (24, WHAT_IS_WRONG)),
        heading("What do we hold?"),
        (11, (24, HOLDINGS)),
        (8, (14, MOVED), (10, COUNTED)),
        heading("One asset: $asset"),
        (
            4,
            (7, headline("Total $asset", q.TOTAL)),
            (7, headline("Free $asset", q.FREE)),
            (7, headline("Locked $asset", q.LOCKED)),
            (3, N_OF_M | {"title": "In the sum"}),
        ),
        (8, (12, OVER_TIME), (12, BY_ACCOUNT)),
        (8, (24, WHERE)),
        heading("Accounts and thresholds"),
        (9, (24, ACCOUNTS)),
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
)
