"""Say which balances and values are out of their bounds, and which bounds cannot be checked."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from html import escape

from exporter.model import Account
from exporter.polling.snapshots import AccountState
from exporter.prices.valuations import Valued
from exporter.status.conditions import Condition, Sentence, condition_of
from exporter.status.holdings import SIDES, Holdings
from exporter.status.known import Known
from exporter.status.tables import shown_amount
from exporter.status.words import account_name, count, listed


def bounds(known: Known) -> list[Sentence]:
    """Return a sentence about what is out of bounds, and one about what cannot be checked."""
    served = {holdings.account.key: holdings for holdings in known.served}
    outside = list(_outside(served.values(), known))
    unchecked = [
        f"{account_name(state.schedule.account)}: {reason}"
        for state in known.states
        if (reason := _unchecked(state, served.get(state.schedule.account.key), known))
    ]
    sentences = []
    if outside:
        verb = "bound is" if len(outside) == 1 else "bounds are"
        text = f"{len(outside)} {verb} broken. {listed(outside, '; ')}."
        sentences.append(Sentence("bound", text))
    if unchecked:
        text = f"Bounds of {count(len(unchecked), 'account')} cannot be checked. "
        sentences.append(Sentence("bound", f"{text}{listed(unchecked, '; ')}."))
    return sentences


def counted_twice(known: Known) -> list[Sentence]:
    """Return a sentence about accounts whose balances contain another's."""
    keys = {account.key for account in known.accounts}
    pairs = [
        f"{account_name(whole)} contains {account_name(part)}"
        for whole, part in known.overlaps
        if whole.key in keys or part.key in keys
    ]
    if not pairs:
        return []
    return [Sentence("bound", f"Totals count the same money twice: {listed(pairs, '; ')}.")]


def _outside(served: Iterable[Holdings], known: Known) -> Iterator[str]:
    for holdings in served:
        yield from (f"{account_name(holdings.account)}: {each}" for each in holdings.outside)
    for account in known.accounts:
        if known.valued:
            for said in _values_outside(account, known.valued):
                yield f"{account_name(account)}: {said}"


def _values_outside(account: Account, valued: Valued) -> Iterator[str]:
    for threshold in account.value_thresholds:
        its = valued.of(account, threshold.currency)
        is_beyond, words = SIDES[threshold.bound.rpartition("_")[2]]
        if its and its.value is not None and is_beyond(its.value, Decimal(threshold.value)):
            bound = shown_amount(threshold.value)
            yield f"value in {escape(threshold.currency)} is {words} of {bound}"


def _unchecked(state: AccountState, holdings: Holdings | None, known: Known) -> str:
    """Return why bounds of an account cannot be checked; empty if all can."""
    account = state.schedule.account
    own = [each for each in account.thresholds if not each.is_default]
    if condition_of(state, known.now) is Condition.WAITING or not (own or account.value_thresholds):
        return ""
    if holdings is None:
        return "no balances"
    if holdings.unlisted:
        return f"no balance of {listed([escape(asset) for asset in holdings.unlisted])}"
    currencies = dict.fromkeys(each.currency for each in account.value_thresholds)
    without = [each for each in currencies if not _has_value(account, each, known.valued)]
    return f"no value in {listed([escape(each) for each in without])}" if without else ""


def _has_value(account: Account, currency: str, valued: Valued | None) -> bool:
    its = valued.of(account, currency) if valued else None
    return its is not None and its.value is not None
