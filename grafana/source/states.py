"""Show the states of accounts: in words, in what is wrong, in a table and over time."""

from . import queries as q
from .look import ACCOUNT_NAME, BAD, GOOD, QUIET, WARNING, Json, fixed, override, steps, words
from .panels import chart, not_known, now, query, runbooks, stat
from .tables import column, duration, share, state, table

STATES: dict[float, tuple[str, str]] = {
    4: ("Exporter down", BAD),
    3: ("Down", BAD),
    2: ("Incomplete", WARNING),
    1: ("Poll failed", WARNING),
    0: ("Up", GOOD),
}
"""The worst is the highest. After a failed poll the balances of the last one are still served."""

DOWN = runbooks(
    "ExchangeAccountDown",
    "ExchangeAllAccountsDown",
    "ExchangeAuthenticationFailing",
    "ExchangeAccountsOrphaned",
)

ours = q.SEVERAL
ACCOUNT_LINK = [
    {
        "title": "Open the account",
        "url": "/d/exchange-account?${datasource:queryparam}"
        "&var-one_exchange=${__data.fields.Exchange:percentencode}"
        "&var-one_account=${__data.fields.Account:percentencode}&${__url_time_range}",
    }
]
ON = q.ON_ACCOUNT
NOT_COUNTED = f"({ours.state} >= 2 and {ON} {ours.counted()})"
PROBLEMS = (
    f"({ours.reason} * 0 and {ON} {NOT_COUNTED} == 3 or {ON} "
    + q.named(f"0 * ({NOT_COUNTED} == 3)", "reason", "no fresh balances")
    + f" or {ON} "
    + q.named(f"0 * ({NOT_COUNTED} == 4)", "reason", "exporter down")
    + f" or {ON} 1 + "
    + q.named(f"0 * ({NOT_COUNTED} == 2)", "reason", "incomplete")
    + ")"
)
"""Every account that is missing, with a reason: 0, or 1 if it is only incomplete."""
KIND = f"count by (exchange, reason) ({PROBLEMS})"
GROUPED = (
    f'count_values by (exchange, reason) ("n", {KIND} > 1) * on (exchange) group_left (m)'
    f' count_values by (exchange) ("m", count by (exchange) ({ours.counted()}))'
    f" * on (exchange, reason) group_left () avg by (exchange, reason) ({PROBLEMS})"
)
ALONE = f"({PROBLEMS} and on (exchange, reason) ({KIND} == 1))"
WRONG = (
    "label_join(label_join("
    f'{GROUPED}, "of", " of ", "n", "m"), "problem", ": ", "exchange", "of", "reason")'
    " or label_join(label_join("
    f'{ALONE}, "who", " at ", "account", "exchange"), "problem", ": ", "who", "reason")'
    " or " + q.named(f"1 + {ours.whole}", "problem", "nothing")
)

WHAT_IS_WRONG = stat(
    "What is wrong?",
    "Accounts that are missing from the totals, by exchange and most frequent reason of the last"
    " hour. The table Accounts lists each of them. The runbook says what to do for each reason.",
    now(q.or_word(WRONG, "problem", "no account is known"), "{{problem}}"),
    color=steps((None, QUIET), (0, BAD), (1, WARNING), (2, GOOD)),
    text="name",
    size=22,
    links=DOWN,
)

ALL_THERE = (
    f"max({NOT_COUNTED}) or 1 + 0 * ({ours.is_part} and on () {ours.whole})"
    f" or 0 * count({ours.counted()})"
)

IS_IT_ALL_THERE = stat(
    "Is it all there?",
    "Whether the balances of every known account are served and complete. Anything but All there"
    " means that totals are withheld, or that a selection is on; What is wrong? names the account"
    " and the reason.",
    now(ALL_THERE),
    mappings=[
        words(
            {
                0: ("All there", GOOD),
                1: ("Only a selection", WARNING),
                2: ("Incomplete", WARNING),
                3: ("Account down", BAD),
                4: ("Exporter down", BAD),
            }
        )
    ],
    links=DOWN,
)

LEFT_OUT = (
    'label_replace(count_values("k", all:exchange_account_left_out:count > 0) * -1,'
    ' "share", "$1 excluded", "k", "(.+)")'
)


def n_of_m(title: str) -> Json:
    """Return the headline that says how many of the known accounts are counted."""
    return stat(
        title,
        "How many of the known accounts are in the totals: their balances are served and complete."
        " Fewer than all: totals are withheld, and what is shown is the known part. Orange: a"
        " selection is on. Excluded: accounts with in_totals: false.",
        now(q.or_word(q.n_of_m(ours), "share", "no account is known"), "{{share}}"),
        now(LEFT_OUT, "{{share}}"),
        color=steps((None, QUIET), (0, BAD), (1, GOOD), (2, WARNING)),
        text="name",
        size=20,
        links=[*DOWN, *runbooks("ExchangeTooFewAccounts")],
    )


MISSING_OVER_TIME = chart(
    "Missing accounts over time",
    "Each band is an account that was missing from the totals at that time, ten at most: those"
    " that were missing longest. No band: all accounts were there.",
    query(
        f"1 - min_over_time({ours.counted()}[$__interval]) > 0 and {ON}"
        f" topk(10, 1 - avg_over_time({ours.counted()}[$__range] @ end()) > 0)",
        ACCOUNT_NAME,
    ),
    query(f"0 * count({ours.counted()})", "all accounts"),
    style="blocks",
    decimals=0,
    soft_max=3,
    shades=[not_known(ours)],
    overrides=[
        override(
            "B",
            color=fixed(QUIET),
            custom__fillOpacity=0,
            custom__hideFrom={"legend": True, "tooltip": True, "viz": False},
            custom__stacking={"mode": "none", "group": "A"},
        )
    ],
    links=runbooks("ExchangeAccountDown", "ExchangeTooFewAccounts"),
)

REASON_OR_NONE = f"{ours.reason} or {ON} {q.named(f'({ours.state} < 4) * 0', 'reason', 'none')}"

ACCOUNTS = table(
    "Accounts",
    "Every account, the worst first. Down: nothing is served, mostly for the reason given."
    " Incomplete: a row of its balances was not understood. Poll failed: the balances of the last"
    " poll are still served, until their age reaches Withdrawn after. Click an account for its"
    " detail.",
    [
        q.or_row(ours.state, "reason", "no account is known"),
        f"1 - avg_over_time({ours.counted()}[$__range])",
        ours.age,
        ours.each("exchange_account_stale_after_seconds"),
        ours.each("exchange_account_poll_interval_seconds"),
        REASON_OR_NONE,
        ours.each("exchange_account_assets"),
        f"0 * max by (exchange, account) ({ours.select(q.LEFT_OUT)})",
    ],
    [
        state("A", "State", 120, STATES),
        column("exchange", "Exchange", 110),
        column("account", "Account", None, links=ACCOUNT_LINK, custom__filterable=True),
        share("B", "Missing, of the time", 160, "orange"),
        duration("C", "Age of balances", 160),
        column("reason", "Failures of the last hour", 170),
        duration("D", "Withdrawn after", 170),
        duration("E", "Polled every", 130),
        column("Value #G", "Assets", 80),
        state("H", "Excluded", 110, {0: ("on purpose", QUIET)}),
    ],
    sort=[("State", True), ("Missing, of the time", True)],
    links=[*DOWN, *runbooks("ExchangeBalancesMissing", "ExchangeAccountPolledTwice")],
)
