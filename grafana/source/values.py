"""Write the PromQL of what balances are worth in the chosen currency.

A value exists only if every asset that it needs has a price. Nothing is counted as 0 for lack of
one.
"""

from . import queries as q

ours = q.SEVERAL
IN = 'currency="$currency"'
PRICE = f'max by (exchange, asset) (exchange_asset_price{{exchange=~"$exchange", {IN}}})'
VALUE = "exchange_account_value"


MOVED = f"exchange_account_currency:{VALUE}:moved"


def _valued(accounts: q.Accounts, offset: str = "") -> str:
    """Return the value of each account that is counted and has one."""
    values = f"max by (exchange, account) ({accounts.select(VALUE, IN, offset)})"
    return f"({values} and {q.ON_ACCOUNT} {accounts.counted(offset)} == 1)"


def _sum(record: str, offset: str) -> str:
    """Return a recorded sum of all accounts, or of those of the chosen exchanges."""
    everything = ours.select(f"currency:{VALUE}{record}", IN, offset)
    by_exchange = f"exchange_currency:{VALUE}{record}"
    exchanges = ours.select(by_exchange, q.both(q.EXCHANGES_SELECTED, IN), offset)
    return f"sum({everything}) or sum({exchanges})"


def known(offset: str = "") -> str:
    """Return what the accounts that have a value are worth: the known part."""
    return f"({_sum(':sum_known', offset)} or sum({_valued(ours.chosen, offset)}))"


def have_value(offset: str = "") -> str:
    """Return how many accounts have a value."""
    return f"({_sum('d:sum', offset)} or count({_valued(ours.chosen, offset)}))"


def whole(offset: str = "") -> str:
    """Return what all accounts are worth, only while each has a value."""
    every = f"({have_value(offset)} == count({ours.counted(offset)}))"
    return f"({known(offset)} and on () {every})"


VALUED = _valued(ours)
CONFIGURED = f"count(exchange_reference_currency{{{IN}}})"
NOT_CONFIGURED = (
    "(vector(-1) and on () count(exchange_exporter_build_info)"
    " unless on () count(exchange_reference_currency))"
)
"""Exists only while an exporter says nothing of currencies: an absent one may have some."""
WORTH = f"({whole()} or NaN * ({CONFIGURED} and on () count({ours.counted()})))"


def value_of(kind: str) -> str:
    """Return the known value of each asset of a kind, if it has a price wherever it is held."""
    known = ours.known_at(q.TOTAL, kind)
    unpriced = f"({known} != 0 unless on (exchange, asset) {PRICE})"
    return f"(sum by (asset) ({known} * on (exchange, asset) {PRICE}) unless on (asset) {unpriced})"


def moved() -> str:
    """Return what moved in and out within an hour, both ends at present prices.

    The rules know it in the first currency of the configuration. It is absent unless it is known
    for every account.
    """
    each = f"({ours.select(MOVED, IN)} and {q.ON_ACCOUNT} {ours.counted()} == 1)"
    return f"(sum({each}) and on () (count({each}) == count({ours.counted()})))"


def repriced() -> str:
    """Return the rest of the change of an hour, which prices made."""
    same = f"(count({ours.counted()}) == count({ours.counted('1h')}))"
    return f"({whole()} - {whole('1h')} - {moved()} and on () {same})"
