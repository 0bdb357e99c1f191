"""Show one account: how it is, what to do about it, and how it is polled."""

from html import escape

from exporter.exchanges import EXCHANGES
from exporter.model import Account, RejectedRow
from exporter.polling.snapshots import AccountState, Outage
from exporter.status.conditions import Condition, condition_of
from exporter.status.document import icon
from exporter.status.holdings import Holdings
from exporter.status.view import account_address
from exporter.status.words import (
    ago,
    ahead,
    count,
    duration,
    element_id,
    name,
    prose,
    spoken,
)

_MOST_ROWS = 20
_NOTABLE_OFFSET = 0.05  # seconds; less is shown as 0.0

END = "</td></tr></tbody>"
"""What follows an account's details."""


def account_html(
    state: AccountState, holdings: Holdings | None, now: float, wall: float, *, is_inline: bool
) -> str:
    """Return an account up to its details; `now` is monotonic.

    The assets that it holds are named here if its tables are loaded only on demand.
    """
    account = state.schedule.account
    condition = condition_of(state, now)
    notes = _notes(state, holdings, now, wall)
    look = "" if condition is Condition.UP and not notes else " data-look"
    held = "" if is_inline or not holdings else _held(holdings)
    return (
        f'<tbody class="account {condition.level}" id="{element_id(*account.key)}"{look}{held}>'
        f'<tr><th scope="rowgroup">{name(account.name)}{_tags(account)}</th>'
        f"<td>{escape(account.exchange)}</td>"
        f'<td data-by="{condition.rank}">{icon(condition.level)} {condition.value}</td>'
        f"{_cells(state, now, wall)}</tr>"
        f'<tr class="more"><td colspan="6">{notes}'
    )


def details_opening(state: AccountState, holdings: Holdings | None, *, is_open: bool) -> str:
    """Return an account's details up to its tables."""
    key = element_id(*state.schedule.account.key, "details")
    shown = " open" if is_open and holdings else ""
    return f'<details id="{key}"{shown}><summary>{_summary(holdings)}</summary>{_polling(state)}'


def details_on_demand(state: AccountState, holdings: Holdings) -> str:
    """Return details that are loaded when they are opened, or by the link inside."""
    account = state.schedule.account
    key, address = element_id(*account.key, "details"), escape(account_address(account))
    return (
        f'<details id="{key}" data-part="{address}"><summary>{_summary(holdings)}</summary>'
        f'<p><a href="{address}">Balances of {name(account.name)}</a></p></details>'
    )


def _held(holdings: Holdings) -> str:
    return f' data-assets="{escape(" ".join(row.asset for row in holdings.held))}"'


def _tags(account: Account) -> str:
    tags = [f"{escape(label)}: {name(value)}" for label, value in account.labels.items()]
    if not account.in_totals:
        tags.append("not in totals")
    return f" <small>{' · '.join(tags)}</small>" if tags else ""


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
    return f"{age} <small>withdrawn {ahead(wall + left, left)}</small>"


def _notes(state: AccountState, holdings: Holdings | None, now: float, wall: float) -> str:
    served = state.served(now)
    notes = [_outage(state.outage, wall)] if state.outage else []
    if wall < state.paused_until:
        end = ahead(state.paused_until, state.paused_until - wall)
        notes.append(f'<p class="note">No requests are sent: the rate limit pause ends {end}.</p>')
    if served and served.rejected:
        notes.append(_rejected(served.rejected))
    if holdings and holdings.outside:
        notes.append(f'<p class="note bound">{icon("bound")} {"; ".join(holdings.outside)}</p>')
    if holdings and holdings.unlisted:
        assets = escape(", ".join(holdings.unlisted))
        notes.append(
            f'<p class="note bound">{icon("bound")} No balance of {assets}, so its bounds cannot '
            "be checked. Compare the name in the configuration, or see whether the exchange "
            "still lists it.</p>"
        )
    if served and served.can_deposit is False:
        notes.append('<p class="note">The exchange does not allow deposits to this account.</p>')
    exchange = EXCHANGES.get(state.schedule.account.exchange)
    if exchange and exchange.note:
        notes.append(f'<p class="note">{escape(exchange.note)}</p>')
    return "".join(notes)


def _outage(outage: Outage, wall: float) -> str:
    lasting = duration(max(wall - outage.since, 0))
    message = prose(outage.message[:1].upper() + outage.message[1:])
    return (
        f'<p class="note down"><strong>{escape(spoken(outage.reason))}</strong> for {lasting}, '
        f"{count(outage.failures, 'failed poll')}: {message}. "
        f"<br>{prose(outage.advice)}</p>"
    )


def _rejected(rejected: tuple[RejectedRow, ...]) -> str:
    items = "".join(
        f"<li>row {each.row} ({escape(each.asset or 'no asset')}): {escape(each.problem)}</li>"
        for each in rejected[:_MOST_ROWS]
    )
    more = len(rejected) - _MOST_ROWS
    rest = f"<li>and {count(more, 'more row')}</li>" if more > 0 else ""
    return (
        f'<div class="note incomplete">Dropped {count(len(rejected), "row")} that could not be '
        f"parsed:<ul>{items}{rest}</ul></div>"
    )


def _summary(holdings: Holdings | None) -> str:
    if holdings is None:
        return "How it is polled"
    return count(len(holdings.held), "balance")


def _polling(state: AccountState) -> str:
    schedule = state.schedule
    failed = sum(state.failures.values())
    facts = [
        f"Polled every {duration(schedule.interval)}",
        f"{count(state.polls, 'poll')}, {failed} failed",
        f"balances are withdrawn when {duration(schedule.stale_after)} old",
    ]
    if state.polls:
        facts.insert(2, f"the last one took {_took(state.duration)}")
    if abs(state.clock_offset) >= _NOTABLE_OFFSET:
        way = "ahead of" if state.clock_offset > 0 else "behind"
        facts.append(f"the exchange's clock is {abs(state.clock_offset):.1f} s {way} ours")
    return f'<p class="facts">{"; ".join(facts)}.</p>'


def _took(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
