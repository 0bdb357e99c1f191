"""Keep what is known of every account: where polling and exposition meet."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from exporter.amounts import is_sum
from exporter.credentials import Secret, fingerprint
from exporter.errors import REASONS, InternalError, PollError
from exporter.exchange_api.session import RequestRecord
from exporter.model import (
    Account,
    AccountKey,
    Balance,
    BalancesResponse,
    RejectedRow,
    RenderedBalances,
    Threshold,
)
from exporter.polling.rate_limit import Refusal

_SOURCE = ("base_url", "balances_path", "credentials", "assets")


@dataclass(frozen=True, slots=True)
class PollResult:
    """Describe how one poll ended, and the credentials it was signed with, if they were readable.

    `requested_at` is monotonic, `wall` the same moment as Unix seconds; `clock_offset` is how far
    the exchange's clock is ahead of ours; `waited` are the seconds spent on the rate limit;
    `held_back` is why nothing was sent; `egress` is what the requests left by.
    """

    requested_at: float
    wall: float
    duration: float
    outcome: BalancesResponse | PollError
    credentials: Mapping[str, Secret] | None = None
    clock_offset: float = 0.0
    requests: tuple[RequestRecord, ...] = ()
    waited: float = 0.0
    held_back: Refusal | None = None
    egress: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Keep what is served of one complete response.

    `requested_at` is in monotonic seconds, from before the request: an age counted from it is never
    too small, for the response is at least as young. `listed` has the assets of the response that
    thresholds of `defaults` are for.
    """

    requested_at: float
    fingerprint: bytes
    rendered: RenderedBalances
    assets: int
    inconsistent: int
    negative: int
    rejected: tuple[RejectedRow, ...]
    can_deposit: bool | None
    listed: frozenset[str]


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
class AccountState:
    """Keep all that is known of an account; a new state replaces the old one whole.

    `withdrawn_at` is set if a reload found the snapshot withdrawn (monotonic): from then on it is
    only what was last seen, whatever `stale_after` becomes. `due` is when the next poll is planned,
    `paused_until` the end of the pause that it waits for or 0, both in Unix seconds.
    `key_permissions_at` is monotonic, from before the request. `lines` are the samples of the
    account itself while its snapshot is served.
    """

    schedule: PollSchedule
    polls: int = 0
    failures: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(REASONS, 0))
    outage: Outage | None = None
    up: bool = False
    last_success: float = 0.0
    duration: float = 0.0
    clock_offset: float = 0.0
    due: float = 0.0
    paused_until: float = 0.0
    key_permissions: Mapping[str, bool] = field(default_factory=dict)
    key_permissions_at: float = -math.inf
    snapshot: Snapshot | None = None
    withdrawn_at: float | None = None
    lines: tuple[str, ...] = field(default=(), repr=False)

    def served(self, now: float) -> Snapshot | None:
        """Return the snapshot while it is not withdrawn; `now` is monotonic."""
        return self.snapshot if self.snapshot and now < self.expires_at else None

    @property
    def next_poll(self) -> float:
        """Return when the next poll may start, in Unix seconds; 0 if that is not known yet."""
        return max(self.due, self.paused_until)

    @property
    def expires_at(self) -> float:
        """Return the monotonic time at which the snapshot is withdrawn; 0 without one."""
        if self.withdrawn_at is not None:
            return self.withdrawn_at
        return self.snapshot.requested_at + self.schedule.stale_after if self.snapshot else 0.0


class Renderer(Protocol):
    """Turn what is published into what is served, once, when a poll ends."""

    def balances(
        self, key: AccountKey, balances: tuple[Balance, ...], before: RenderedBalances | None
    ) -> RenderedBalances:
        """Return everything that is ever served of one response's balances.

        That is `before`, the account's last ones, if the balances are the same.
        """
        ...

    def account(self, state: AccountState) -> tuple[str, ...]:
        """Return the account's own samples while its snapshot is served."""
        ...


States = Mapping[AccountKey, AccountState]


def _ignore(_changed: States) -> None:
    pass


@dataclass(slots=True)
class SnapshotStore:
    """Publish states; `version` grows with every change, for readers that cache what they made.

    `on_change` gets the states that changed, to drop what it keeps of those before: two responses
    of every account would take twice the memory.
    """

    renderer: Renderer
    states: States = field(default_factory=dict)
    version: int = 0
    retired: tuple[AccountKey, ...] = ()
    on_change: Callable[[States], None] = _ignore

    def configure(self, schedules: Mapping[AccountKey, PollSchedule], now: float) -> None:
        """Take over a configuration: accounts appear and go; those that stay keep what is known.

        Balances stay only if they would be requested in the same place with the same key. Those
        that are withdrawn by `now` (monotonic) stay withdrawn, however long `stale_after` is.
        """
        states = [self._taken_over(key, schedule, now) for key, schedule in schedules.items()]
        self._publish({state.schedule.account.key: self._rendered(state) for state in states})

    def retire(self, keys: Iterable[AccountKey]) -> None:
        """Publish which accounts were removed on purpose."""
        self.retired = tuple(sorted(keys))
        self._publish(self.states)

    def expect(self, next_polls: Mapping[AccountKey, float]) -> None:
        """Publish when accounts are due next, in Unix seconds."""
        self._update({key: replace(self.states[key], due=at) for key, at in next_polls.items()})

    def pause(self, until: Mapping[AccountKey, float]) -> None:
        """Publish until when accounts wait for a pause, in Unix seconds, 0 if they do not."""
        paused = {key: replace(self.states[key], paused_until=at) for key, at in until.items()}
        self._update(paused)

    def record(self, key: AccountKey, result: PollResult, next_poll: float) -> None:
        """Publish how a poll ended; `next_poll` is when the next one is due, in Unix seconds.

        Of a response that can't be rendered nothing is published. A poll that sent nothing measured
        nothing either.
        """
        before = self.states[key]
        polled = replace(before, polls=before.polls + 1, due=next_poll)
        if not result.held_back:
            polled = replace(polled, duration=result.duration, clock_offset=result.clock_offset)
        if isinstance(result.outcome, PollError):
            state = _failed(polled, result, result.outcome)
        else:
            state = self._succeeded(polled, result, result.outcome)
        self._update({key: state})

    def _succeeded(
        self, state: AccountState, result: PollResult, response: BalancesResponse
    ) -> AccountState:
        snapshot = Snapshot(
            requested_at=result.requested_at,
            fingerprint=fingerprint(result.credentials or {}),
            rendered=self.renderer.balances(
                state.schedule.account.key,
                response.balances,
                state.snapshot.rendered if state.snapshot else None,
            ),
            assets=len(response.balances),
            inconsistent=sum(not is_sum(b.total, b.free, b.locked) for b in response.balances),
            negative=sum(map(_has_negative, response.balances)),
            rejected=response.rejected,
            can_deposit=response.can_deposit,
            listed=_listed(state.schedule.account.thresholds, response),
        )
        return replace(
            state,
            up=True,
            outage=None,
            last_success=result.wall,
            snapshot=snapshot,
            withdrawn_at=None,
        )

    def note_key_permissions(
        self, key: AccountKey, permissions: Mapping[str, bool], digest: bytes, requested_at: float
    ) -> bool:
        """Publish what a key may do, and return whether the account's balances are from this key.

        Those of another key are not published. `digest` is the fingerprint of the key,
        `requested_at` is monotonic.
        """
        state = self.states[key]
        if not state.snapshot or state.snapshot.fingerprint != digest:
            return False
        noted = replace(state, key_permissions=permissions, key_permissions_at=requested_at)
        self._update({key: noted})
        return True

    def withdraw_key_permissions(self, until: float) -> tuple[AccountKey, ...]:
        """Withdraw permissions requested at a monotonic time or before; returns their accounts."""
        gone = {
            key: replace(state, key_permissions={})
            for key, state in self.states.items()
            if state.key_permissions and state.key_permissions_at <= until
        }
        if gone:
            self._update(gone)
        return tuple(gone)

    def withdraw_others(self, key: AccountKey, digest: bytes) -> None:
        """Withdraw an account's balances if they were fetched with other credentials."""
        state = self.states.get(key)
        if state and state.snapshot and state.snapshot.fingerprint != digest:
            gone = replace(
                state,
                snapshot=None,
                withdrawn_at=None,
                last_success=0.0,
                key_permissions={},
                key_permissions_at=-math.inf,
            )
            self._update({key: gone})

    def _taken_over(self, key: AccountKey, schedule: PollSchedule, now: float) -> AccountState:
        state = self.states.get(key)
        if state is None:
            return AccountState(schedule)
        if not source_changes(state.schedule.account, schedule.account):
            withdrawn_at = None if state.served(now) else state.expires_at
            return replace(state, schedule=schedule, withdrawn_at=withdrawn_at)
        return AccountState(schedule, polls=state.polls, failures=state.failures)

    def _update(self, states: States) -> None:
        rendered = {key: self._rendered(state) for key, state in states.items()}
        self._publish({**self.states, **rendered})
        self.on_change(rendered)

    def _rendered(self, state: AccountState) -> AccountState:
        return replace(state, lines=self.renderer.account(state))

    def _publish(self, states: States) -> None:
        self.states = states
        self.version += 1


def _failed(state: AccountState, result: PollResult, error: PollError) -> AccountState:
    """Return the state after a poll that failed; the snapshot stays until it is too old."""
    before = state.outage
    outage = Outage(
        reason=error.reason,
        message=str(error),
        advice=error.advice,
        since=before.since if before else result.wall,
        began_at=before.began_at if before else result.requested_at,
        failures=before.failures + 1 if before else 1,
        defect=error.__cause__ if isinstance(error, InternalError) else None,
    )
    failures = {**state.failures, error.reason: state.failures[error.reason] + 1}
    return replace(state, up=False, outage=outage, failures=failures)


def source_changes(before: Account, after: Account) -> list[str]:
    """Return the keys in which two configurations of an account would fetch other balances."""
    return [name for name in _SOURCE if getattr(before, name) != getattr(after, name)]


def _has_negative(balance: Balance) -> bool:
    return "-" in "".join([amount for amount in balance.amounts if amount])


def _listed(thresholds: Iterable[Threshold], response: BalancesResponse) -> frozenset[str]:
    """Return the assets of thresholds of `defaults` that a response has a row for."""
    wanted = {threshold.asset for threshold in thresholds if threshold.is_default}
    if not wanted:
        return frozenset()
    codes = {row.asset for row in response.balances} | {row.asset for row in response.rejected}
    return frozenset(wanted & codes)
