"""Draw from a seed what happens to a daemon in half an hour."""

import random
from dataclasses import dataclass

from exporter.exchanges import EXCHANGES

LASTS = 1800.0
"""Seconds of a schedule."""

FAULTS = (
    *("close", "reset", "reset_in_head", "reset_in_body", "close_after", "close_on_reuse"),
    *("silence", "late", "drip", "stall_in_head", "stall_in_body"),
    *("chunked", "until_close", "early_hints", "truncated", "truncated_chunks", "bad_chunk"),
    *("short_length", "endless_head", "compressed", "empty_200", "html", "cut_json", "key_twice"),
    *("array", "other_shape", "http_401", "http_403", "http_404", "http_429", "http_429_soon"),
    *("http_429_bare", "http_500", "http_503", "http_503_wait", "http_302", "http_204"),
    *("code_unknown", "code_wrong", "echo", "date_missing", "date_old", "set_cookie"),
    *("gone", "none", "total_null", "total_two_separators", "no_free", "asset_control"),
    *("balance_negative", "balance_zero", "all_other_separator", "twice_alike", "unknown_field"),
)

# Of these nobody could tell, while clocks are wrong, whether the clock was refused or the key.
_UNCLEAR_IF_CLOCKS_ARE_WRONG = {"http_401", "http_403", "date_missing", "date_old"} | {
    # An exchange that says so in the body of a refusal is not understood without it.
    *("reset_in_body", "stall_in_body", "truncated", "truncated_chunks", "bad_chunk"),
    *("short_length", "compressed", "empty_200", "html", "cut_json", "key_twice", "array"),
    *("other_shape", "echo"),
}

Names = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A fault is shown to an account for a while, to a share of its requests."""

    account: int
    fault: str
    lasting: float
    probability: float


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A configuration is taken over: the accounts that it lists, and their interval."""

    accounts: tuple[int, ...]
    interval: float
    timeout: float
    stale_after: float | None


@dataclass(frozen=True, slots=True)
class Restarted:
    """The daemon is stopped and started again."""


@dataclass(frozen=True, slots=True)
class OurClockSet:
    """Our wall clock is set to be so many seconds off."""

    skew: float


@dataclass(frozen=True, slots=True)
class TheirClockSet:
    """The exchanges' clock is set to be so many seconds off."""

    skew: float


@dataclass(frozen=True, slots=True)
class KeyRevoked:
    """A key is refused for a while."""

    account: int
    lasting: float


@dataclass(frozen=True, slots=True)
class TokensExpired:
    """No token of an account is good any more."""

    account: int


Event = Shown | Reloaded | Restarted | OurClockSet | TheirClockSet | KeyRevoked | TokensExpired


@dataclass(frozen=True, slots=True)
class Schedule:
    """Describe the accounts of each exchange, their start, and events at times in seconds."""

    exchanges: Names
    begins: Reloaded
    events: tuple[tuple[float, Event], ...]
    scrapes: tuple[float, ...]


def draw(seed: int) -> Schedule:
    """Return the schedule of a seed."""
    dice = random.Random(seed)
    exchanges = tuple(dice.choice([*EXCHANGES]) for _ in range(dice.randint(2, 4)))
    has_clocks = dice.random() < 0.5
    faults = [f for f in FAULTS if not (has_clocks and f in _UNCLEAR_IF_CLOCKS_ARE_WRONG)]
    events = _shown(dice, len(exchanges), faults)
    events += _others(dice, len(exchanges), has_clocks=has_clocks)
    scrapes = sorted(dice.uniform(0, LASTS) for _ in range(80))
    return Schedule(
        exchanges,
        _reload(dice, tuple(range(len(exchanges)))),
        tuple(sorted(events, key=lambda event: event[0])),
        (*scrapes, LASTS),
    )


def _shown(dice: random.Random, accounts: int, faults: list[str]) -> list[tuple[float, Event]]:
    """Show each account one fault after another, so that it is clear which one a poll met."""
    events: list[tuple[float, Event]] = []
    for account in range(accounts):
        now = dice.uniform(0, 200)
        while now < LASTS:
            lasting = dice.uniform(10, 300)
            fault = Shown(account, dice.choice(faults), lasting, dice.choice((0.3, 0.7, 1.0)))
            events.append((now, fault))
            now += lasting + dice.uniform(20, 300)
    return events


def _others(dice: random.Random, accounts: int, *, has_clocks: bool) -> list[tuple[float, Event]]:
    """Draw either wrong clocks or revoked keys: together nobody could tell them apart."""
    return [
        (dice.uniform(0, LASTS), _other(dice, accounts, has_clocks=has_clocks))
        for _ in range(dice.randint(2, 8))
    ]


def _other(dice: random.Random, accounts: int, *, has_clocks: bool) -> Event:
    # None of a few seconds: a stamp sent right after a restart could be older than the last one,
    # and the exchange's refusal would be within what it tolerates of a clock.
    skew = dice.choice((0.0, 0.0, 30.0, 300.0, 3_600.0, 86_400.0)) * dice.choice((-1, 1))
    account = dice.randrange(accounts)
    some = tuple(number for number in range(accounts) if dice.random() < 0.7) or (account,)
    choices: list[Event] = [Restarted(), TokensExpired(account), _reload(dice, some)]
    choices += (
        [OurClockSet(skew), TheirClockSet(skew)]
        if has_clocks
        else [KeyRevoked(account, dice.uniform(30, 600))]
    )
    return dice.choice(choices)


def _reload(dice: random.Random, accounts: tuple[int, ...]) -> Reloaded:
    return Reloaded(
        accounts,
        interval=dice.choice((20.0, 30.0, 60.0)),
        timeout=dice.choice((5.0, 10.0)),
        stale_after=dice.choice((None, None, 45.0, 150.0)),
    )
