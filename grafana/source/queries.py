"""Write the PromQL that the dashboards share, so that no panel adds up what is not all there.

A sum over accounts lies while one of them is absent. So every sum stands beside `WHOLE`, which has
a value only while each selected account is up and complete. It says the same as the recording
rules, and does not need them.
"""

SELECTED = 'exchange=~"$exchange", account=~"$account"'

TOTAL = "exchange_total_balance"
FREE = "exchange_free_balance"
LOCKED = "exchange_locked_balance"

BOUNDS = {
    "free_min": FREE,
    "free_max": FREE,
    "total_min": TOTAL,
    "total_max": TOTAL,
    "locked_min": LOCKED,
    "locked_max": LOCKED,
}
"""Every bound of a threshold, and the balance that it bounds."""


def select(metric: str, offset: str = "", more: str = "") -> str:
    """Return the series of the selected accounts; `offset` is a duration."""
    return f"{metric}{{{SELECTED}{more}}}" + (f" offset {offset}" if offset else "")


def per_account(metric: str) -> str:
    """Return a figure of each account; the lowest where several exporters report it."""
    return f"min by (exchange, account) ({select(metric)})"


def _present(window: str, offset: str) -> str:
    at = f" offset {offset}" if offset else ""
    return f"present_over_time({select('exchange_account_up')}[{window}]{at})"


def lost(offset: str = "") -> str:
    """Return the accounts whose exporter is down, or for a day gone: they are not there no more."""
    up = "up" + (f" offset {offset}" if offset else "")
    return (
        f"group by (exchange, account) ({_present('1d:5m', offset)}"
        f" unless on (job, instance) ({up} == 1) or {_present('1w:1h', offset)}"
        f" and on (job, instance) ({up} == 0))"
    )


def _sound(offset: str = "") -> str:
    up, complete = (
        select(f"exchange_account_{name}", offset) for name in ("up", "complete")
    )
    return f"{up} * {complete}"


def ready(offset: str = "") -> str:
    """Return 1 for an account that is up and complete, else 0; one series for each."""
    return f"(max by (exchange, account) ({_sound(offset)}) or 0 * {lost(offset)})"


def whole(offset: str = "") -> str:
    """Return a value that exists only while every selected account is up and complete."""
    return f"(min({ready(offset)}) == 1)"


WHOLE = whole()
NOT_WHOLE = f"(min({ready()}) < 1)"
"""Exists only while accounts are known and one of them is not up and complete."""

STATE = (
    f"(max by (exchange, account) ({select('exchange_account_up')}) or 0 * {lost()} - 1)"
)
"""1 up, 0 down, -1 unknown because the exporter is down: one series for each account."""

N_OF_M = (
    f'label_join(count_values("n", sum({ready()})) * on () group_left (m)'
    f' count_values("m", count({ready()})), "accounts", " of ", "n", "m")'
    f" * on () group_left () (sum({ready()}) / count({ready()}))"
)
"""The share of accounts that are up and complete; the label `accounts` reads `3 of 4`."""

AGE = f"(time() - ({per_account('exchange_account_last_success_timestamp_seconds')} > 0))"
"""Seconds since each account's last good answer was asked for; absent where there was none."""

REASON = (
    "topk by (exchange, account) (1, sum by (exchange, account, reason)"
    f" (increase({select('exchange_account_poll_failures_total')}[1h]))) > 0"
)
"""The most frequent reason of each account's failures in the last hour, as the label `reason`."""


def _of_asset(asset: str) -> str:
    return f', asset="{asset}"' if asset else ""


def balance(metric: str, asset: str = "", offset: str = "") -> str:
    """Return a balance once for each account and asset, however many exporters report it."""
    series = select(metric, offset, _of_asset(asset))
    return f"max by (exchange, account, asset) ({series})"


def total(metric: str, asset: str = "") -> str:
    """Return a balance added up over the accounts, for each asset: only while all are there."""
    sound = f"{select(metric, more=_of_asset(asset))} and on (job, instance, exchange, account)"
    each = f"max by (exchange, account, asset) ({sound} ({_sound()} == 1))"
    return f"(sum by (asset) ({each}) and on () {WHOLE})"


def change(metric: str) -> str:
    """Return how far each asset moved in a day, in the accounts that are there now and were then.

    An account that was added or removed is no change of money.
    """
    moved = f"{balance(metric)} - {balance(metric, offset='1d')}"
    return f"(sum by (asset) ({moved}) and on () {WHOLE} and on () {whole('1d')})"


THRESHOLD = f"max by (exchange, account, asset, bound) ({select('exchange_balance_threshold')})"

_EACH_BOUND = " or ".join(
    f'label_replace({balance(metric)}, "bound", "{bound}", "", "")'
    for bound, metric in BOUNDS.items()
)
BOUNDED = f"(({_EACH_BOUND}) and on (exchange, account, asset, bound) {THRESHOLD})"
"""The balance that each threshold bounds; absent where that balance is."""


def _outside(side: str, comparison: str) -> str:
    limit = select("exchange_balance_threshold", more=f', bound=~".+_{side}"')
    each = f"max by (exchange, account, asset, bound) ({limit})"
    return f"{BOUNDED} {comparison} bool on (exchange, account, asset, bound) {each}"


BREACH = f"({_outside('min', '<')} or {_outside('max', '>')} or {THRESHOLD} * 0 - 1)"
"""1 a threshold is broken, 0 it is kept, -1 its balance is absent: one series for each."""


def or_withheld(expr: str) -> str:
    """Return a sum that is NaN, not absent, while it would lie."""
    return f"sum({expr}) or {NOT_WHOLE} * NaN"


def or_row(expr: str, label: str, words: str) -> str:
    """Return a table's query with one row that says why, where it would have none."""
    return f'{expr} or on () label_replace(vector(NaN), "{label}", "{words}", "", "")'
