"""Show one account: how it is, what to do about it, and how it is polled."""

from html import escape

from exporter.model import RejectedRow
from exporter.polling.snapshots import AccountState, Outage
from exporter.status.conditions import Condition, condition_of
from exporter.status.document import icon
from exporter.status.holdings import Holdings
from exporter.status.words import ago, ahead, count, duration, element_id, name, prose, spoken

_MOST_ROWS = 20

END = "</details></td></tr></tbody>"
"""What follows an account's tables."""


def account_html(
    state: AccountState, holdings: Holdings | None, now: float, wall: float, *, is_open: bool
) -> str:
    """Return all of an account but its tables and `END`; `now` is monotonic."""
    account = state.schedule.account
    condition = condition_of(state, now)
    notes = _notes(state, holdings, now, wall)
    mark = "" if condition is Condition.UP and not notes else " data-look"
    is_shown = " open" if is_open and holdings else ""
    return (
        f'<tbody class="account {condition.level}" id="{element_id(*account.key)}"{mark}>'
        f'<tr><th scope="rowgroup">{name(account.name)}</th><td>{escape(account.exchange)}</td>'
        f'<td data-by="{condition.rank}">{icon(condition.level)} {condition.value}</td>'
        f"{_cells(state, now, wall)}</tr>"
        f'<tr class="more"><td colspan="6">{notes}'
        f'<details id="{element_id(*account.key, "details")}"{is_shown}>'
        f"<summary>{_summary(holdings)}</summary>{_polling(state)}"
    )


def _cells(state: AccountState, now: float, wall: float) -> str:
    """Return the last three cells of an account's row, with the numbers to sort them by."""
    served = state.served(now)
    assets, shown = (served.assets, str(served.assets)) if served else (-1, "none")
    due = ahead(state.next_poll, state.next_poll - wall) if state.next_poll else "soon"
    return (
        f'<td data-by="{state.last_success:.0f}">{_age(state, now, wall)}</td>'
        f'<td data-by="{state.next_poll:.0f}">{due}</td>'
        f'<td class="n" data-by="{assets}">{shown}</td>'
    )


def _age(state: AccountState, now: float, wall: float) -> str:
    if state.snapshot is None:
        return "none yet"
    if state.served(now) is None:
        since = now - state.expires_at
        return f"withdrawn {ago(wall - since, since)}"
    age = ago(state.last_success, now - state.snapshot.requested_at)
    if state.up:
        return age
    left = state.expires_at - now
    return f"{age} <small>to be withdrawn {ahead(wall + left, left)}</small>"


def _notes(state: AccountState, holdings: Holdings | None, now: float, wall: float) -> str:
    served = state.served(now)
    notes = [_trouble(state.outage, wall)] if state.outage else []
    if served and served.rejected:
        notes.append(_rejected(served.rejected))
    if holdings and holdings.outside:
        notes.append(f'<p class="note bound">{icon("bound")} {"; ".join(holdings.outside)}</p>')
    if holdings and holdings.unlisted:
        assets = escape(", ".join(holdings.unlisted))
        notes.append(f'<p class="note">Not listed, so its bounds cannot be checked: {assets}</p>')
    if served and served.can_deposit is False:
        notes.append('<p class="note">The exchange does not let this account deposit.</p>')
    return "".join(notes)


def _trouble(trouble: Outage, wall: float) -> str:
    lasting = duration(max(wall - trouble.since, 0))
    message = prose(trouble.message[:1].upper() + trouble.message[1:])
    return (
        f'<p class="note down"><strong>{escape(spoken(trouble.reason))}</strong> for {lasting}, '
        f"{count(trouble.failures, 'failed poll')}: {message}. "
        f"<br>{prose(trouble.advice)}</p>"
    )


def _rejected(rejected: tuple[RejectedRow, ...]) -> str:
    items = "".join(
        f"<li>row {each.row} ({escape(each.asset or 'no asset')}): {escape(each.problem)}</li>"
        for each in rejected[:_MOST_ROWS]
    )
    more = len(rejected) - _MOST_ROWS
    rest = f"<li>and {count(more, 'more row')}</li>" if more > 0 else ""
    return (
        f'<div class="note incomplete">Left out, because not understood: '
        f"{count(len(rejected), 'row')} of the answer<ul>{items}{rest}</ul></div>"
    )


def _summary(holdings: Holdings | None) -> str:
    if holdings is None:
        return "How it is polled"
    return count(len(holdings.held), "balance")


def _polling(state: AccountState) -> str:
    plan = state.schedule
    failed = sum(state.failures.values())
    facts = [
        f"Polled every {duration(plan.interval)}",
        f"{count(state.polls, 'poll')}, {failed} failed",
        f"balances are withdrawn when {duration(plan.stale_after)} old",
    ]
    if state.polls:
        facts.insert(2, f"the last took {_took(state.duration)}")
    if state.clock_offset:
        way = "ahead of" if state.clock_offset > 0 else "behind"
        facts.append(f"the clock of the exchange is {abs(state.clock_offset):.1f} s {way} ours")
    return f'<p class="facts">{"; ".join(facts)}.</p>'


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
