"""Keep what is known of every account: where polling and exposition meet."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from exporter.amounts import is_negative, is_sum
from exporter.errors import REASONS, InternalError, PollError
from exporter.model import Account, AccountKey, Balance, BalancesResponse, RejectedRow

Rendered = TypeVar("Rendered")
"""What is kept of an answer's balances: whatever the exposition makes of them, once."""


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[Rendered]):
    """Hold one complete answer; `requested_at` is in monotonic seconds, from before the request.

    An age counted from `requested_at` is never too small: the response is at least as young.
    """

    requested_at: float
    rendered: Rendered
    assets: int
    inconsistent: int
    negative: int
    rejected: tuple[RejectedRow, ...]
    can_deposit: bool | None


@dataclass(frozen=True, slots=True)
class Outage:
    """Say why an account is down, and for how many polls in a row.

    `since` is in Unix seconds, `began_at` the same moment in monotonic ones; `defect` is what a
    reason of `internal` comes from.
    """

    reason: str
    message: str
    advice: str
    since: float
    began_at: float
    failures: int
    defect: BaseException | None = None


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """Say how an account is polled, in seconds: every `interval`, as paced."""

    account: Account
    interval: float
    stale_after: float


@dataclass(frozen=True, slots=True)
class AccountState(Generic[Rendered]):
    """Hold all that is known of an account; a new state replaces the old one whole."""

    schedule: PollSchedule
    polls: int = 0
    failures: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    outage: Outage | None = None
    up: bool = False
    last_success: float = 0.0
    duration: float = 0.0
    clock_offset: float = 0.0
    next_poll: float = 0.0
    snapshot: Snapshot[Rendered] | None = None

    def served(self, now: float) -> Snapshot[Rendered] | None:
        """Return the snapshot while it is younger than `stale_after`; `now` is monotonic."""
        return self.snapshot if self.snapshot and now < self.expires_at else None

    @property
    def expires_at(self) -> float:
        """Return the monotonic time at which the snapshot is withdrawn; 0 without one."""
        return self.snapshot.requested_at + self.schedule.stale_after if self.snapshot else 0.0


@dataclass(frozen=True, slots=True)
class Poll:
    """Hold the times of one poll in seconds.

    `requested_at` is monotonic, `wall` the same moment as Unix time, and so is `next_poll`.
    """

    requested_at: float
    wall: float
    duration: float
    clock_offset: float
    next_poll: float


Render = Callable[[AccountKey, tuple[Balance, ...]], Rendered]


@dataclass(slots=True)
class SnapshotStore(Generic[Rendered]):
    """Publish states; `version` grows with every change, for readers that cache what they made.

    Each of `watchers` is called after every poll with the state that is about to be published, to
    prepare what it will serve.
    """

    render: Render[Rendered]
    states: Mapping[AccountKey, AccountState[Rendered]] = field(default_factory=dict)
    version: int = 0
    watchers: list[Callable[[AccountState[Rendered]], None]] = field(default_factory=list)
    retired: tuple[AccountKey, ...] = ()

    def configure(self, schedules: Mapping[AccountKey, PollSchedule]) -> None:
        """Take over a configuration: accounts appear and go; those that stay keep what is known.

        Balances stay only where they would be asked for in the same place with the same key.
        """
        self._publish({key: self._taken_over(key, schedule) for key, schedule in schedules.items()})

    def retire(self, keys: Iterable[AccountKey]) -> None:
        """Publish which accounts were removed on purpose."""
        self.retired = tuple(sorted(keys))
        self._publish(self.states)

    def succeed(self, key: AccountKey, poll: Poll, response: BalancesResponse) -> None:
        """Replace an account's snapshot by that of a poll that worked."""
        state = self.states[key]
        snapshot = Snapshot(
            requested_at=poll.requested_at,
            rendered=self.render(key, response.balances),
            assets=len(response.balances),
            inconsistent=sum(not is_sum(b.total, b.free, b.locked) for b in response.balances),
            negative=sum(map(_has_negative, response.balances)),
            rejected=response.rejected,
            can_deposit=response.can_deposit,
        )
        polled = _polled(state, poll)
        self._replace(
            replace(polled, up=True, outage=None, last_success=poll.wall, snapshot=snapshot)
        )

    def fail(self, key: AccountKey, poll: Poll, error: PollError) -> None:
        """Count a poll that failed; the snapshot stays until it is too old."""
        state = self.states[key]
        before = state.outage
        outage = Outage(
            reason=error.reason,
            message=str(error),
            advice=error.advice,
            since=before.since if before else poll.wall,
            began_at=before.began_at if before else poll.requested_at,
            failures=before.failures + 1 if before else 1,
            defect=error.__cause__ if isinstance(error, InternalError) else None,
        )
        failures = {**state.failures, error.reason: state.failures[error.reason] + 1}
        self._replace(replace(_polled(state, poll), up=False, outage=outage, failures=failures))

    def _taken_over(self, key: AccountKey, schedule: PollSchedule) -> AccountState[Rendered]:
        state = self.states.get(key)
        if state is None:
            return AccountState(schedule)
        if _source(state.schedule.account) == _source(schedule.account):
            return replace(state, schedule=schedule)
        return AccountState(schedule, polls=state.polls, failures=state.failures)

    def _replace(self, state: AccountState[Rendered]) -> None:
        # Watchers come first, so that of a poll that ends in a defect nothing is published.
        for watcher in self.watchers:
            watcher(state)
        self._publish({**self.states, state.schedule.account.key: state})

    def _publish(self, states: Mapping[AccountKey, AccountState[Rendered]]) -> None:
        self.states = states
        self.version += 1


def _polled(state: AccountState[Rendered], poll: Poll) -> AccountState[Rendered]:
    return replace(
        state,
        polls=state.polls + 1,
        duration=poll.duration,
        clock_offset=poll.clock_offset,
        next_poll=poll.next_poll,
    )


def _source(account: Account) -> tuple[object, ...]:
    return account.base_url, account.balances_path, account.credentials, account.assets


def _has_negative(balance: Balance) -> bool:
    return is_negative(balance.total) or is_negative(balance.free) or is_negative(balance.locked)
