"""Write the PromQL of what balances are worth in the chosen currency.

A value exists only if every asset that it needs has a price. Nothing is counted as 0 for want of
one.
"""

from . import queries as q

ours = q.SEVERAL
IN = 'currency="$currency"'
PRICE = f'max by (exchange, asset) (exchange_asset_price{{exchange=~"$exchange", {IN}}})'
VALUE = "exchange_account_value"


def _valued(accounts: q.Accounts) -> str:
    """Return the value of each account that is counted and has one."""
    values = f"max by (exchange, account) ({accounts.select(VALUE, IN)})"
    return f"({values} and {q.ON_ACCOUNT} {accounts.counted()} == 1)"


def _sum(record: str) -> str:
    """Return a recorded sum of all accounts, or of those of the chosen exchanges."""
    everything = ours.select(f"currency:{VALUE}{record}", IN)
    exchanges = ours.select(f"exchange_currency:{VALUE}{record}", q.both(q.EXCHANGES_SELECTED, IN))
    return f"sum({everything}) or sum({exchanges})"


VALUED = _valued(ours)
KNOWN = f"({_sum(':sum_known')} or sum({_valued(ours.chosen)}))"
HAVE_VALUE = f"({_sum('d:sum')} or count({_valued(ours.chosen)}))"
WHOLE = f"({KNOWN} and on () ({HAVE_VALUE} == count({ours.counted()})))"
CONFIGURED = f"count(exchange_reference_currency{{{IN}}})"
NOT_CONFIGURED = (
    "(vector(-1) and on () count(exchange_exporter_build_info)"
    " unless on () count(exchange_reference_currency))"
)
"""Exists only while an exporter says nothing of currencies: an absent one may have some."""
WORTH = f"({WHOLE} or NaN * ({CONFIGURED} and on () count({ours.counted()})))"


def value_of(kind: str) -> str:
    """Return the known value of each asset of a kind, if it has a price wherever it is held."""
    known = ours.known_at(q.TOTAL, kind)
    unpriced = f"({known} != 0 unless on (exchange, asset) {PRICE})"
    return f"(sum by (asset) ({known} * on (exchange, asset) {PRICE}) unless on (asset) {unpriced})"


def _ends(window: str) -> tuple[str, str]:
    """Return the known part now and then, each with 0 for an asset that the other end alone has."""
    now, then = ours.known_at(q.TOTAL), ours.known_at(q.TOTAL, offset=window)
    return f"({now} or 0 * {then})", f"({then} or 0 * {now})"


def _priced_before(window: str) -> str:
    return f"{PRICE[:-1]} offset {window})"


def moved_value(window: str) -> str:
    """Return what moved in and out within a window, both ends at present prices."""
    now, then = _ends(window)
    moved = f"({now} - {then})"
    return f"(sum({moved} * on (exchange, asset) {PRICE}) and on () {_comparable(window)})"


def repriced_value(window: str) -> str:
    """Return what prices did within a window to what was held at its start."""
    _, then = _ends(window)
    risen = f"({PRICE} - on (exchange, asset) {_priced_before(window)})"
    return f"(sum({then} * on (exchange, asset) {risen}) and on () {_comparable(window)})"


def _comparable(window: str) -> str:
    """Return a value only while all accounts are counted and all holdings priced at both ends."""
    now, then = ours.counted(), ours.counted(window)
    held = " or ".join(f"{end} != 0" for end in _ends(window))
    priced = f"({PRICE} and {_priced_before(window)})"
    unpriced = f"count(({held}) unless on (exchange, asset) {priced})"
    return (
        f"(min({now}) == 1 and min({then}) == 1 and count({now}) == count({then})"
        f" unless {unpriced})"
    )
