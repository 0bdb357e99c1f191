"""Say why a poll failed: one class for each `reason` of the failure counter."""

from typing import ClassVar

from exporter.runtime.clock import Bounds  # noqa: TC001 - errors carry it


class PollError(Exception):
    """Explain why a poll of an account failed, in words for the person who must act.

    The message never holds a secret, a signature, a URL's query or text that the exchange sent.
    `retry_after` is the exchange's Retry-After in seconds; `status` and `code` are the HTTP
    status and the exchange's own error code, `date_bounds` what the response's date says of the
    exchange's clock, as far as there were any.
    """

    reason: ClassVar[str]
    advice: str

    def __init__(
        self, message: str, *, advice: str | None = None, retry_after: float | None = None
    ) -> None:
        """Give advice that is more exact than the class's."""
        super().__init__(message)
        self.advice = advice or type(self).advice
        self.retry_after = retry_after
        self.status: int | None = None
        self.code: str | None = None
        self.date_bounds: Bounds | None = None


class AuthenticationError(PollError):
    """The exchange refused the credentials (HTTP 401, or a code that means the same)."""

    reason = "authentication"
    advice = "Check the key, its secret and the IP addresses that the key is bound to."


class PermissionDeniedError(PollError):
    """The exchange knows the key and refuses the call (HTTP 403)."""

    reason = "permission"
    advice = "Give the key the permission to read balances, and allow this machine's IP address."


class ClockSkewError(PollError):
    """The exchange refused the time of the request."""

    reason = "clock_skew"
    advice = (
        "Synchronise this machine's clock (NTP). The next poll corrects for the offset; "
        "if that fails too, polling backs off."
    )


class RateLimitedError(PollError):
    """The exchange's rate limit was exceeded."""

    reason = "rate_limited"
    advice = "Wait; if it persists, look for other programs that use this IP address."


class PollTimeoutError(PollError):
    """The whole poll took longer than its `timeout`."""

    reason = "timeout"
    advice = "Check the network to the exchange; raise `timeout` if the exchange is only slow."


class ConnectionFailedError(PollError):
    """No connection, or one that broke before a response."""

    reason = "connection"
    advice = "Check DNS, the route and the firewall between this machine and the exchange."


class TlsError(PollError):
    """The peer could not prove that it is the exchange; no credential was sent."""

    reason = "tls"
    advice = "Check `base_url`, this machine's clock and CA certificates, and what intercepts TLS."


class RedirectError(PollError):
    """The exchange sent a redirect, which is never followed."""

    reason = "redirect"
    advice = "Check `base_url`: it must name the API's own host."


class UnavailableError(PollError):
    """The exchange, or what stands before it, is out of order."""

    reason = "unavailable"
    advice = "Check the exchange's status page; polling continues by itself."


class RejectedError(PollError):
    """The exchange understood the request and rejected it."""

    reason = "rejected"
    advice = "Look up the code in the exchange's documentation; check `base_url` and the path."


class BadResponseError(PollError):
    """The response is not what the exchange documents; nothing of it is published."""

    reason = "bad_response"
    advice = "Check `base_url`; if it is right, the API may have changed: please report it."


class CredentialsError(PollError):
    """A secret of the account can't be read; no request was sent."""

    reason = "config"
    advice = (
        "Fix the secret file named in the configuration, or its path, which is relative to the "
        "configuration file; it is read again at the next poll, or with systemd's LoadCredential "
        "after a restart."
    )


class InternalError(PollError):
    """An unexpected error in the exporter itself."""

    reason = "internal"
    advice = "Please report it with the log line."

    @classmethod
    def of(cls, cause: Exception) -> "InternalError":
        """Return the error for an unexpected one, by its type alone: its text could be anything."""
        error = cls(f"unexpected error in the exporter ({type(cause).__name__})")
        error.__cause__ = cause
        return error


class StalledError(InternalError):
    """Our own process stood still while it should have waited; no exchange is to blame."""

    advice = "Give this machine more CPU; nothing is needed after it was suspended."


REASONS: tuple[str, ...] = tuple(error.reason for error in PollError.__subclasses__())
