"""Judge how an account is, in one word, and how all of them are, in a few sentences."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from html import escape

from exporter.polling.snapshots import AccountState
from exporter.status.words import MOST_NAMED, account_name, count, duration, listed, spoken


class Condition(Enum):
    """Name what an account can be, the worst first; the value is its word on the page."""

    DOWN = "down"
    TOO_OLD = "too old"
    INCOMPLETE = "incomplete"
    WAITING = "waiting"
    UP = "up"

    @property
    def rank(self) -> int:
        """Return the place in order of badness, from 0."""
        return _ORDER.index(self)

    @property
    def level(self) -> str:
        """Return the name of its colour and symbol."""
        return self.name.lower().replace("_", "-")


_ORDER = tuple(Condition)
_NO_ACCOUNTS = "No accounts are polled here: none are configured, or all are on other shards."


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line of the summary, as HTML; `level` is its symbol."""

    level: str
    text: str


def condition_of(state: AccountState, now: float) -> Condition:
    """Return how an account is; `now` is monotonic."""
    if state.outage:
        return Condition.DOWN
    if not state.up:
        return Condition.WAITING
    served = state.served(now)
    if served is None:
        return Condition.TOO_OLD
    return Condition.INCOMPLETE if served.rejected else Condition.UP


def is_counted(state: AccountState, now: float) -> bool:
    """Return whether balances are served and complete, whether or not the last poll worked."""
    served = state.served(now)
    return served is not None and not served.rejected


def summary(states: Sequence[AccountState], now: float, wall: float) -> list[Sentence]:
    """Return a sentence for each condition that needs a look, the worst first."""
    if not states:
        return [Sentence("waiting", _NO_ACCOUNTS)]
    groups: dict[Condition, list[AccountState]] = {condition: [] for condition in Condition}
    for state in states:
        groups[condition_of(state, now)].append(state)
    problems = [
        _sentence(condition, group, states, now, wall)
        for condition, group in groups.items()
        if group and condition is not Condition.UP
    ]
    return problems or [Sentence("up", f"{_all_up(len(states))} {_oldest(states, now)}")]


def headline(states: Sequence[AccountState], now: float) -> str:
    """Return the summary in the few words that a tab has room for, as text."""
    conditions = [condition_of(state, now) for state in states]
    if not conditions:
        return "no accounts"
    worst = min(conditions, key=lambda condition: condition.rank)
    number = conditions.count(worst)
    share = f"all {number}" if number == len(states) else f"{number} of {len(states)}"
    return f"{share} {worst.value}"


def _sentence(
    condition: Condition,
    group: Sequence[AccountState],
    states: Sequence[AccountState],
    now: float,
    wall: float,
) -> Sentence:
    total = len(states)
    share = "The only account" if total == 1 else f"{len(group)} of {count(total, 'account')}"
    verb = "is" if len(group) == 1 else "are"
    if condition is Condition.DOWN and len(group) > MOST_NAMED:
        members = listed(_by_reason(group, states, wall), "; ")
    else:
        members = listed([_described(condition, state, now, wall) for state in group], "; ")
    return Sentence(condition.level, f"{share} {verb} {_PREDICATES[condition]}: {members}.")


_PREDICATES = {
    Condition.DOWN: "down",
    Condition.TOO_OLD: "up, but with balances that are too old to be shown",
    Condition.INCOMPLETE: "incomplete",
    Condition.WAITING: "waiting for the first poll",
}


def _by_reason(
    down: Iterable[AccountState], states: Iterable[AccountState], wall: float
) -> list[str]:
    """Return how many accounts of which exchange are down and why, the largest group first."""
    totals = Counter(state.schedule.account.exchange for state in states)
    groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for state in down:
        if state.outage:
            key = state.schedule.account.exchange, state.outage.reason
            groups[key].append(state.outage.since)
    return [
        f"{len(since)} of {totals[exchange]} at {escape(exchange)}, {escape(spoken(reason))}, "
        f"for up to {duration(max(wall - min(since), 0))}"
        for (exchange, reason), since in sorted(
            groups.items(), key=lambda group: len(group[1]), reverse=True
        )
    ]


def _described(condition: Condition, state: AccountState, now: float, wall: float) -> str:
    named = account_name(state.schedule.account)
    if condition is Condition.DOWN and state.outage:
        lasting = duration(max(wall - state.outage.since, 0))
        never = "" if state.last_success else ", no successful poll yet"
        return f"{named}, {escape(spoken(state.outage.reason))}, for {lasting}{never}"
    if condition is Condition.INCOMPLETE and (served := state.served(now)):
        return f"{named}, {count(len(served.rejected), 'row')} dropped"
    return named


def _all_up(total: int) -> str:
    return "The account is up." if total == 1 else f"All {total} accounts are up."


def _oldest(states: Sequence[AccountState], now: float) -> str:
    age = max(now - served.requested_at for state in states if (served := state.served(now)))
    return f"Balances are at most {duration(age)} old."
