"""Leave refused keys alone, whichever account they are found in."""

from collections.abc import Mapping

from exporter.credentials import Secret
from exporter.errors import AuthenticationError, PermissionDeniedError
from exporter.model import Account
from exporter.polling.access import Access
from exporter.polling.rate_limit import Backoff, Refusal
from exporter.polling.snapshots import PollResult
from exporter.runtime.clock import Clock

_REMEMBERED = 3600.0  # seconds after a pause for which it still counts as the last one


class KeyBackoff:
    """Remember which keys were refused, over which egress, and until when each must wait.

    An authentication error concerns the key, a permission error only what it was used for.
    """

    def __init__(self, clock: Clock) -> None:
        """Start without refusals."""
        self._clock = clock
        self._backoff: Backoff[tuple[object, ...]] = Backoff()

    def find(self, account: Account, access: Access | None) -> Refusal | None:
        """Return why an account must not be polled now, None if it may."""
        return self._in_force(_key(access), _call(access, account)) if access else None

    def hold_back(
        self, account: Account, egress: str, credentials: Mapping[str, Secret]
    ) -> Refusal | None:
        """Return why a key must not be sent, although the last check of its file missed it."""
        return self.find(account, Access.of(account, egress, credentials))

    def hold_back_quotes(
        self, account: Account, egress: str, credentials: Mapping[str, Secret]
    ) -> Refusal | None:
        """Return why a key must not be sent for quotes, None if only its balances are refused."""
        return self._in_force(_key(Access.of(account, egress, credentials)))

    def note(self, account: Account, result: PollResult) -> float:
        """Note how a poll ended; return for how many seconds to leave its key alone."""
        if result.credentials is None:
            return 0.0
        access = Access.of(account, result.egress, result.credentials)
        outcome, now, pause = result.outcome, self._clock.monotonic(), 0.0
        if not isinstance(outcome, PermissionDeniedError):
            pause = self._backoff.note(_key(access), None, outcome, now)
        if not isinstance(outcome, AuthenticationError):
            of_call = self._backoff.note(_call(access, account), None, outcome, now)
            pause = max(pause, of_call)
        return pause

    def forget_old(self) -> None:
        """Drop refusals that a new one would not continue any more."""
        self._backoff.forget_before(self._clock.monotonic() - _REMEMBERED)

    def _in_force(self, *keys: tuple[object, ...]) -> Refusal | None:
        now = self._clock.monotonic()
        found = [self._backoff.in_force(key, now) for key in keys]
        return max(filter(None, found), key=lambda refusal: refusal.until, default=None)


def _key(access: Access) -> tuple[object, ...]:
    return (access,)


def _call(access: Access, account: Account) -> tuple[object, ...]:
    return access, account.balances_path
