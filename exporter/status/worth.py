"""Show what all accounts are worth: a line for each currency, or why it is withheld."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from exporter.model import Account
from exporter.polling.snapshots import AccountState
from exporter.prices.valuations import Valued
from exporter.prices.values import ValueSum, sum_of_values
from exporter.status.tables import value_cell
from exporter.status.words import account_name, clock_time, count, listed, name

_KINDS = {"bid": "bid", "mid": "middle of bid and ask", "last": "last price"}


def worth_html(valued: Valued, counted: Sequence[AccountState]) -> str:
    """Return the inside of the section; `counted` are the accounts that are in totals."""
    accounts = [state.schedule.account for state in counted]
    sums = {
        currency: sum_of_values(valued.of(account, currency) for account in accounts)
        for currency in valued.valuation.currencies
    }
    rows = "".join(_row(valued, currency, its, accounts) for currency, its in sums.items())
    table = (
        '<table class="balances worth" aria-label="Worth"><thead><tr><th scope="col">Currency</th>'
        '<th scope="col" class="n">Value</th><th scope="col">Accounts</th>'
        f'<th scope="col">Remarks</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return _lead(sums.values()) + table + "".join(f"<p>{each}</p>" for each in _basis(valued))


def _lead(sums: Iterable[ValueSum]) -> str:
    if all(its.is_whole for its in sums):
        return ""
    return (
        '<p class="partial"><strong>Amounts marked as the known part are not totals.</strong></p>'
    )


def _row(valued: Valued, currency: str, its: ValueSum, accounts: Sequence[Account]) -> str:
    share = f"{its.counted} of {its.accounts}"
    mark = "" if its.is_whole else ' class="known"'
    if not its.is_whole:
        share = f"<strong>known part</strong>, in {share} accounts"
    return (
        f'<tr{mark}><th scope="row">{escape(currency)}</th>'
        f"{value_cell(currency, its.value)}<td>{share}</td>"
        f"<td>{listed(list(_missing(valued, currency, accounts)), '; ')}</td></tr>"
    )


def _missing(valued: Valued, currency: str, accounts: Iterable[Account]) -> Iterator[str]:
    """Yield why each account without a value has none."""
    for account in accounts:
        its = valued.of(account, currency)
        if its is None:
            yield f"{account_name(account)} serves no balances"
        elif its.unpriced:
            assets = listed([name(asset) for asset in its.unpriced])
            verb = "which has" if len(its.unpriced) == 1 else "which have"
            yield f"{account_name(account)} holds {assets}, {verb} no price"
        elif its.value is None:
            yield f"{account_name(account)} is incomplete"


def _basis(valued: Valued) -> Iterator[str]:
    """Yield by which prices the values are made, what they assume and what they exclude."""
    kind = _KINDS[valued.valuation.price]
    prices = list(valued.worth.prices.values())
    if dated := [price.updated for price in prices if price.updated is not None]:
        sources = dict.fromkeys(each for price in prices for each in price.sources)
        listed_sources = ", ".join(map(escape, sources))
        yield f"Prices: {kind} of {listed_sources}; oldest quote {clock_time(min(dated))}."
    yield from _assumptions(dict.fromkeys(each for price in prices for each in price.assumed))
    ignored = sum(
        next(iter(values.values())).ignored for values in valued.worth.values.values() if values
    )
    if ignored:
        yield f"Excludes {count(ignored, 'balance')} by configuration."


def _assumptions(assumed: Iterable[str]) -> Iterator[str]:
    """Yield pegs and shared codes as sentences."""
    shared: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for each in assumed:
        left, _, right = each.partition("=")
        exchange, slash, code = left.partition("/")
        if slash:
            shared[exchange, right.partition("/")[0]].append(code)
        else:
            yield f"Assumes that 1 {name(left)} is worth 1 {name(right)}."
    for (exchange, other), codes in shared.items():
        coins = ", ".join(map(name, codes))
        yield f"Assumes the same coins at {escape(exchange)} and at {escape(other)}: {coins}."
