"""Log what happens to accounts: changes of state at info, every poll at debug."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime

import structlog

from exporter.errors import PollError
from exporter.model import AccountKey, RejectedRow
from exporter.polling.causes import Causes
from exporter.polling.endpoints import PauseState
from exporter.polling.snapshots import AccountState, Outage, PollResult, Snapshot, source_changes

log = structlog.get_logger(__name__)

_SHOWN_ROWS = 5
_MAX_ROWS = 1000  # dropped rows remembered for each account; further ones count by their problem
_LONGER = 1.0  # seconds by which a pause must grow to be logged: Retry-After has whole ones
_LONG_PAUSE = 61.0  # seconds; weights are counted for a minute, so shorter ones are usual

_RowName = tuple[str | None, str]


class EventLog:
    """Log each change once: what was logged of an account is kept until it ends."""

    def __init__(self) -> None:
        """Start with nothing logged."""
        self._causes: dict[AccountKey, Causes] = {}
        self._withdrawn: dict[AccountKey, float] = {}
        self._dropped: dict[AccountKey, set[_RowName]] = {}
        self._paused: dict[tuple[str, ...], PauseState] = {}
        self._waiting: set[AccountKey] = set()

    def keep(self, accounts: Iterable[AccountKey]) -> None:
        """Drop all accounts except these."""
        kept = set(accounts)
        for table in (self._causes, self._withdrawn, self._dropped):
            for key in table.keys() - kept:
                del table[key]

    def polled(self, before: AccountState, after: AccountState, result: PollResult) -> None:
        """Log a poll, and what it changed."""
        log_poll(after, result)
        if after.outage:
            self._log_down(before, after, after.outage, result)
        else:
            self._log_up(before, after, result)
        if after.snapshot is not before.snapshot and after.snapshot:
            self._log_rows(after.schedule.account.key, after.snapshot)

    def key_changed(self, before: AccountState, after: AccountState, now: float) -> None:
        """Log the balances that another key in the files withdrew."""
        self._log_loss(
            before, after, now, "balances are withdrawn, they were fetched with another key"
        )

    def reconfigured(
        self,
        before: Mapping[AccountKey, AccountState],
        after: Mapping[AccountKey, AccountState],
        now: float,
    ) -> None:
        """Log the balances that a reload withdrew."""
        for key in [key for key in before if key in after]:
            old, new = before[key], after[key]
            keys = ", ".join(source_changes(old.schedule.account, new.schedule.account))
            event = "balances are withdrawn, they were fetched with other settings"
            self._log_loss(old, new, now, event, keys=keys)

    def watch(self, states: Iterable[AccountState], now: float) -> None:
        """Log what is withdrawn by `now` (monotonic), and what has been down for long."""
        for state in states:
            self._log_expiry(state, now)
            if state.outage:
                self._remind(state, state.outage, now)

    def watch_pauses(
        self, pauses: Iterable[PauseState], waits: Mapping[AccountKey, PauseState], now: float
    ) -> None:
        """Log which pauses began, became longer and ended, and which accounts wait for them.

        `now` is monotonic. A pause that several limits share may be among `pauses` several times.
        """
        counts = Counter(pause.key for pause in waits.values())
        paused = {pause.key: pause for pause in pauses}
        for key in [key for key in self._paused if key not in paused]:
            log.info("rate limit pause ended", **_pause_labels(self._paused.pop(key)))
        for key, pause in paused.items():
            logged = self._paused.get(key)
            if logged is None:
                event = "rate limit pause began, no requests are sent"
            elif pause.until > logged.until + _LONGER:
                event = "rate limit pause became longer, no requests are sent"
            else:
                continue
            self._paused[key] = pause
            level = logging.WARNING if pause.until - now >= _LONG_PAUSE else logging.INFO
            fields = {"until": _until(pause), "accounts_waiting": counts[pause.key]}
            log.log(level, event, **_pause_labels(pause), **fields)
        for account in [account for account in waits if account not in self._waiting]:
            until = _until(waits[account])
            log.debug("poll waits for the rate limit pause", **account._asdict(), until=until)
        self._waiting = set(waits)

    def _log_down(
        self, before: AccountState, after: AccountState, outage: Outage, result: PollResult
    ) -> None:
        key, now = after.schedule.account.key, result.requested_at
        if before.outage is None or key not in self._causes:
            self._causes[key] = Causes(now)
        if not self._causes[key].note(outage, now):
            return
        if before.outage:
            event = "account is still down, for another reason"
            fields = _outage_fields(key, outage) | _how_long(outage, now)
        else:
            event, fields = "account is down", _outage_fields(key, outage)
        next_poll = _next_poll(after, result)
        log.warning(event, **fields, next_poll=next_poll, exc_info=outage.defect)

    def _log_up(self, before: AccountState, after: AccountState, result: PollResult) -> None:
        """Log that an account is up, or only that it has balances again."""
        key, now = after.schedule.account.key, result.requested_at + result.duration
        self._log_expiry(before, now)  # it may have expired since the last check
        fields: dict[str, object] = {**key._asdict()}
        fields["assets"] = after.snapshot.assets if after.snapshot else 0
        self._causes.pop(key, None)
        withdrawn_at = self._withdrawn.pop(key, None) if after.served(now) else None
        if before.outage:
            ended = _how_long(before.outage, result.requested_at)
            log.info("account is up again", **fields, **ended)
        elif not before.up:
            log.info("account is up", **fields)
        elif withdrawn_at is not None:
            fields["absent_for"] = f"{now - withdrawn_at:.0f}s"
            log.info("balances are served again", **fields)

    def _log_rows(self, key: AccountKey, snapshot: Snapshot) -> None:
        if not snapshot.rejected:
            if self._dropped.pop(key, None):
                log.info("every row could be parsed again", **key._asdict())
            return
        known = self._dropped.setdefault(key, set())
        new = []
        for row in snapshot.rejected:
            if (name := _row_name(row, known)) not in known:
                known.add(name)
                new.append(row)
        if new:
            log.warning(
                "dropped rows that could not be parsed",
                **key._asdict(),
                rows=len(snapshot.rejected),
                first="; ".join(map(_shown, new[:_SHOWN_ROWS])),
            )

    def _log_loss(
        self, before: AccountState, after: AccountState, now: float, event: str, **fields: object
    ) -> None:
        """Log balances that were served until they were dropped, or were already too old."""
        self._log_expiry(before, now)
        if before.snapshot and not after.snapshot:
            self._log_withdrawal(before, before.snapshot, now, event, **fields)
        self._log_expiry(after, now)

    def _log_expiry(self, state: AccountState, now: float) -> None:
        if state.snapshot and now >= state.expires_at:
            self._log_withdrawal(
                state,
                state.snapshot,
                now,
                "balances are withdrawn, the last complete response is too old",
                stale_after=f"{state.schedule.stale_after:g}s",
            )

    def _log_withdrawal(
        self, state: AccountState, snapshot: Snapshot, now: float, event: str, **fields: object
    ) -> None:
        key = state.schedule.account.key
        if key in self._withdrawn:
            return
        self._withdrawn[key] = now
        age = f"{now - snapshot.requested_at:.0f}s"
        log.info(event, **key._asdict(), assets=snapshot.assets, age=age, **fields)

    def _remind(self, state: AccountState, outage: Outage, now: float) -> None:
        key = state.schedule.account.key
        causes = self._causes.get(key)
        if causes and causes.remind(now):
            fields = _outage_fields(key, outage) | _how_long(outage, now)
            log.info("account is still down", **fields)


def log_poll(state: AccountState, result: PollResult) -> None:
    """Write the debug line of one poll; no text of the exchange is repeated.

    Status, bytes, address and phases are the last request's; those before it (a token, a retry)
    are in `earlier_requests`.
    """
    outcome = result.outcome
    fields: dict[str, object] = {"duration": _seconds(result.duration)}
    fields["limit_wait"] = _seconds(result.waited)
    if isinstance(outcome, PollError):
        fields |= {"reason": outcome.reason, "error": str(outcome)}
        fields |= {"code": outcome.code} if outcome.code else {}
    else:
        fields["rows"] = len(outcome.balances) + len(outcome.rejected)
    if result.requests:
        *earlier, last = result.requests
        fields |= {"call": last.call, "status": last.code, "bytes": last.size}
        fields |= {"remote_address": last.address} if last.address else {}
        fields |= {phase: _seconds(seconds) for phase, seconds in last.phases.items()}
        fields |= {"earlier_requests": "; ".join(map(str, earlier))} if earlier else {}
    fields["next_poll"] = _next_poll(state, result)
    log.debug("polled", **state.schedule.account.key._asdict(), **fields)


def _next_poll(state: AccountState, result: PollResult) -> str:
    """Return in how many seconds after a poll the next one may start."""
    return f"in {max(state.next_poll - result.wall - result.duration, 0):.0f} s"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"


def _outage_fields(key: AccountKey, outage: Outage) -> dict[str, object]:
    return {
        **key._asdict(),
        "reason": outage.reason,
        "error": outage.message,
        "advice": outage.advice,
    }


def _how_long(outage: Outage, now: float) -> dict[str, object]:
    return {"down_for": f"{now - outage.began_at:.0f}s", "failed_polls": outage.failures}


def _until(pause: PauseState) -> str:
    return datetime.fromtimestamp(pause.wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pause_labels(pause: PauseState) -> Mapping[str, str]:
    return {name: value for name, value in pause.key._asdict().items() if value}


def _row_name(row: RejectedRow, known: Collection[_RowName]) -> _RowName:
    """Return what identifies a dropped row, regardless of its position."""
    name = row.asset, row.problem
    return name if name in known or len(known) < _MAX_ROWS else (None, row.problem)


def _shown(row: RejectedRow) -> str:
    return f"row {row.row} ({row.asset or 'no asset'}): {row.problem}"
