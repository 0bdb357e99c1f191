"""Send signed requests: dated by the exchange's clock, which learns from how they are received."""

from collections.abc import Callable
from typing import TypeVar

from exporter.credentials import Secret
from exporter.errors import AuthenticationError, ClockSkewError, PollError
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.server_clock import ServerClock, SignedAt
from exporter.exchange_api.session import Session

Parsed = TypeVar("Parsed")

_KEPT_MS = 24 * 3600 * 1000  # for which a key's last nonce is remembered
_FORGET_MS = 3600 * 1000  # between two looks for nonces that are older

Sign = Callable[[int], ApiRequest]
"""Make the request that is signed at a time, in ms since 1970."""

Explain = Callable[[PollError, SignedAt], PollError]
"""Return what the refusal of a request means, given when it was signed."""


class Nonces:
    """Give each key times in ms that always rise, also if accounts share the key."""

    def __init__(self, clock: ServerClock) -> None:
        """Begin without any key."""
        self._clock = clock
        self._last: dict[Secret, int] = {}
        self._forgot_at = 0

    def next(self, key: Secret) -> int:
        """Return the exchange's time, or the time after the key's last one if that is later."""
        now = int(self._clock.signing_time() * 1000)
        nonce = max(now, self._last.get(key, 0) + 1)
        self._last[key] = nonce
        if abs(now - self._forgot_at) >= _FORGET_MS:  # what belongs to keys that are gone
            self._last = {each: last for each, last in self._last.items() if last > now - _KEPT_MS}
            self._forgot_at = now
        return nonce

    def is_last(self, key: Secret, time: float) -> bool:
        """Return whether a key got no other nonce since this one, in seconds."""
        return self._last.get(key, 0) / 1000 == time

    def forget(self, key: Secret) -> None:
        """Begin anew with a key: its last nonce was not accepted, and may be far ahead."""
        self._last.pop(key, None)


async def send_signed(  # noqa: PLR0913 - each can be told apart by its name
    session: Session,
    clock: ServerClock,
    sign: Sign,
    read: Callable[[ApiResponse], Parsed],
    *,
    next_ms: Callable[[], int] | None = None,
    explain: Explain | None = None,
    proves_time: bool = True,
) -> tuple[Parsed, SignedAt]:
    """Return what `read` makes of the response, and when the request was signed.

    The time is taken just before the request is sent: from `next_ms`, else from the exchange's
    clock. A refusal is raised as what `explain` says of it, else as what the clock says. A success
    teaches the clock if it `proves_time`: an exchange that checks only that nonces rise does not.
    """
    signed_at = SignedAt(0, 0)

    def make_request() -> ApiRequest:
        nonlocal signed_at
        now_ms = next_ms() if next_ms else int(clock.signing_time() * 1000)
        signed_at = clock.stamp(now_ms / 1000)
        return sign(now_ms)

    response = await session.send(make_request)
    try:
        content = read(response)
    except (AuthenticationError, ClockSkewError) as error:
        raise (explain or clock.refused)(error, signed_at) from None
    if proves_time:
        clock.accepted(signed_at)
    return content, signed_at


def told_apart(clock: ServerClock) -> Explain:
    """Return what explains a refusal where errors of time have codes of their own."""

    def explain(error: PollError, signed_at: SignedAt) -> PollError:
        return clock.refused(error, signed_at) if isinstance(error, ClockSkewError) else error

    return explain
