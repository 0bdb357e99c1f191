"""Log what happens to accounts: changes of state at info, every poll at debug."""

from collections.abc import Iterable, Mapping

import structlog

from exporter.errors import PollError
from exporter.model import AccountKey
from exporter.polling.endpoints import LimitState
from exporter.polling.snapshots import AccountState, Outage, PollResult, Snapshot

log = structlog.get_logger(__name__)

REMINDER_SECONDS = 3600.0
"""Time after which an account that is still down is logged again."""

_SHOWN_ROWS = 5
_MAX_CAUSES = 20


class EventLog:
    """Log each change once: what was logged of an outage is kept until it ends."""

    def __init__(self) -> None:
        """Start with nothing logged."""
        self._causes: dict[AccountKey, dict[tuple[str, str], float]] = {}
        self._reminded: dict[AccountKey, float] = {}
        self._withdrawn: dict[AccountKey, Snapshot] = {}
        self._paused: dict[tuple[str, ...], LimitState] = {}

    def keep(self, accounts: Iterable[AccountKey]) -> None:
        """Drop all accounts except these."""
        kept = set(accounts)
        for table in (self._causes, self._reminded, self._withdrawn):
            for key in [key for key in table if key not in kept]:
                del table[key]

    def polled(self, before: AccountState, after: AccountState, result: PollResult) -> None:
        """Log a poll, and what it changed."""
        log_poll(after, result)
        key, now = after.schedule.account.key, result.requested_at
        if after.outage:
            self._log_down(key, before.outage, after.outage, now)
        elif before.outage:
            self._causes.pop(key, None)
            self._reminded.pop(key, None)
            log.info(
                "account is up again",
                **key._asdict(),
                down_for=f"{now - before.outage.began_at:.0f}s",
                failed_polls=before.outage.failures,
            )
        elif not before.up:
            assets = after.snapshot.assets if after.snapshot else 0
            log.info("account is up", **key._asdict(), assets=assets)
        if after.snapshot is not before.snapshot and after.snapshot:
            _log_rows(key, before.snapshot, after.snapshot)

    def watch(self, states: Iterable[AccountState], now: float) -> None:
        """Log what is withdrawn by `now` (monotonic), and what has been down for long."""
        for state in states:
            self._log_withdrawal(state, now)
            if state.outage:
                self._remind(state, state.outage, now)

    def watch_limits(self, limits: Iterable[LimitState]) -> None:
        """Log which pauses began and ended."""
        paused: dict[tuple[str, ...], LimitState] = {
            limit.key: limit for limit in limits if limit.paused_until
        }
        for key in self._paused.keys() - paused.keys():
            limit = self._paused[key]
            log.info("rate limit pause ended", **_limit_labels(limit))
        for key in paused.keys() - self._paused.keys():
            log.info(
                "rate limit pause began, no requests are sent",
                **_limit_labels(paused[key]),
                until=f"{paused[key].paused_until:.0f}",
            )
        self._paused = paused

    def _log_down(self, key: AccountKey, before: Outage | None, outage: Outage, now: float) -> None:
        causes = self._causes.setdefault(key, {})
        cause = outage.reason, outage.message
        last = causes.get(cause)
        is_known = last is not None and now - last < REMINDER_SECONDS
        if before and (is_known or (before.reason == outage.reason and len(causes) > _MAX_CAUSES)):
            return
        causes[cause] = now
        log.warning(
            "account is still down, for another reason" if before else "account is down",
            **_outage_fields(key, outage),
            exc_info=outage.defect,
        )

    def _log_withdrawal(self, state: AccountState, now: float) -> None:
        key, snapshot = state.schedule.account.key, state.snapshot
        if snapshot is None or now < state.expires_at or self._withdrawn.get(key) is snapshot:
            return
        self._withdrawn[key] = snapshot
        log.info(
            "balances are withdrawn, the last complete response is too old",
            **key._asdict(),
            assets=snapshot.assets,
            age=f"{now - snapshot.requested_at:.0f}s",
            stale_after=f"{state.schedule.stale_after:g}s",
        )

    def _remind(self, state: AccountState, outage: Outage, now: float) -> None:
        key = state.schedule.account.key
        if now - self._reminded.setdefault(key, outage.began_at) < REMINDER_SECONDS:
            return
        self._reminded[key] = now
        log.info(
            "account is still down",
            **_outage_fields(key, outage),
            down_for=f"{now - outage.began_at:.0f}s",
            failed_polls=outage.failures,
        )


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
    log.debug("polled", **state.schedule.account.key._asdict(), **fields)


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}s"


def _outage_fields(key: AccountKey, outage: Outage) -> Mapping[str, object]:
    return {
        **key._asdict(),
        "reason": outage.reason,
        "error": outage.message,
        "advice": outage.advice,
    }


def _limit_labels(limit: LimitState) -> Mapping[str, str]:
    return {name: value for name, value in limit.key._asdict().items() if value}


def _log_rows(key: AccountKey, before: Snapshot | None, after: Snapshot) -> None:
    was_complete = before is None or not before.rejected
    if after.rejected and was_complete:
        shown = [
            f"row {row.row} ({row.asset or 'no asset'}): {row.problem}"
            for row in after.rejected[:_SHOWN_ROWS]
        ]
        log.warning(
            "dropped rows that could not be parsed",
            **key._asdict(),
            rows=len(after.rejected),
            first="; ".join(shown),
        )
    elif not after.rejected and not was_complete:
        log.info("every row could be parsed again", **key._asdict())
