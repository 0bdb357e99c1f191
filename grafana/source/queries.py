"""Write the PromQL that the dashboards share, so that no panel adds up what is not all there.

A sum over accounts lies while one of them is absent. So every sum stands beside `WHOLE`, which has
a value only while each selected account is up and complete. Nothing here needs recording rules.
"""

SELECTED = 'exchange=~"$exchange", account=~"$account"'

BOUNDS = {
    f"{kind}_{side}": f"exchange_{kind}_balance"
    for kind in ("free", "total", "locked")
    for side in ("min", "max")
}
"""Every bound of a threshold, and the balance that it bounds."""


def up(offset: str = "") -> str:
    """Return `exchange_account_up` of the selected accounts."""
    return f"exchange_account_up{{{SELECTED}}}{offset}"


def lost(offset: str = "") -> str:
    """Return the accounts whose exporter can't be reached: they are down, not gone."""
    seen = f"last_over_time(exchange_account_up{{{SELECTED}}}[1d]{offset})"
    return f"({seen} and on (job, instance) (up{offset} == 0))"


def ready(offset: str = "") -> str:
    """Return 1 for an account that is up and complete, else 0.

    Two exporters that disagree about an account make it 0.
    """
    complete = f"exchange_account_complete{{{SELECTED}}}{offset}"
    return f"min by (exchange, account) ({up(offset)} * {complete} or {lost(offset)} * 0)"


def whole(offset: str = "") -> str:
    """Return a value that exists only while every selected account is up and complete."""
    return f"(min({ready(offset)}) == 1)"


NOT_WHOLE = f"(min({ready()}) < 1)"
"""Exists only while accounts are known and one of them is not up and complete."""

STATE = f"min by (exchange, account) ({up()} or {lost()} * 0 - 1)"
"""1 up, 0 down, -1 unknown because the exporter is down: one series for each account."""

N_OF_M = (
    f'label_join(count_values("n", sum({ready()})) * on () group_left (m)'
    f' count_values("m", count({ready()})), "accounts", " of ", "n", "m")'
    f" * on () group_left () (sum({ready()}) / count({ready()}))"
)
"""The share of accounts that are up and complete; the label `accounts` reads `3 of 4`."""


def balance(metric: str, asset: str = "", offset: str = "") -> str:
    """Return a balance once for each account and asset, however many exporters report it."""
    selector = SELECTED + (f', asset="{asset}"' if asset else "")
    return f"max by (exchange, account, asset) ({metric}{{{selector}}}{offset})"


def total(metric: str, asset: str = "") -> str:
    """Return a balance added up over the accounts, for each asset: only while all are there."""
    return f"(sum by (asset) ({balance(metric, asset)}) and on () {whole()})"


def change(metric: str, offset: str = "offset 1d") -> str:
    """Return how far each asset's sum moved, of the accounts that are there now and were then."""
    moved = f"{balance(metric)} - {balance(metric, offset=f' {offset}')}"
    return f"(sum by (asset) ({moved}) and on () {whole()} and on () {whole(f' {offset}')})"


def per_account(metric: str) -> str:
    """Return a figure of each account; the lowest where several exporters report it."""
    return f"min by (exchange, account) ({metric}{{{SELECTED}}})"


AGE = f"(time() - ({per_account('exchange_account_last_success_timestamp_seconds')} > 0))"
"""Seconds since each account's last good answer was asked for; absent where there was none."""

REASON = (
    "topk by (exchange, account) (1, sum by (exchange, account, reason)"
    f" (increase(exchange_account_poll_failures_total{{{SELECTED}}}[1h]))) > 0"
)
"""The most frequent reason of each account's failures in the last hour, as the label `reason`."""

THRESHOLD = (
    "max by (exchange, account, asset, bound)"
    f" (exchange_balance_threshold{{{SELECTED}}})"
)

_BOUNDED = " or ".join(
    f'label_replace({balance(metric)}, "bound", "{bound}", "", "")'
    for bound, metric in BOUNDS.items()
)
BOUNDED = f"(({_BOUNDED}) and on (exchange, account, asset, bound) {THRESHOLD})"
"""The balance that each threshold bounds; absent where that balance is."""


def _outside(side: str, comparison: str) -> str:
    """Return 1 where a threshold of one side is broken, 0 where it is kept."""
    limit = THRESHOLD.replace(SELECTED, f'{SELECTED}, bound=~".+_{side}"')
    return f"{BOUNDED} {comparison} bool on (exchange, account, asset, bound) {limit}"


BREACH = f"({_outside('min', '<')} or {_outside('max', '>')} or {THRESHOLD} * 0 - 1)"
"""1 a threshold is broken, 0 it is kept, -1 its balance is absent: one series for each."""


def or_withheld(expr: str) -> str:
    """Return an expression that is NaN, not absent, while its sum would lie."""
    return f"sum({expr}) or {NOT_WHOLE} * NaN"


def or_row(expr: str, label: str, words: str) -> str:
    """Return a table's query with one row that says why, where it would have none."""
    return f'{expr} or on () label_replace(vector(NaN), "{label}", "{words}", "", "")'
