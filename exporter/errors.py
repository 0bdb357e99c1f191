"""Say why a poll failed: one class for each `reason` of the failure counter."""

from typing import ClassVar


class PollError(Exception):
    """Tell why a poll of an account failed, in words for the person who must act.

    The message never holds a secret, a signature, a URL's query or text that the exchange sent.
    """

    reason: ClassVar[str]
    advice: ClassVar[str]


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
    advice = "Synchronise this machine's clock (NTP); the next poll corrects for the offset."


class RateLimitedError(PollError):
    """The exchange asks for fewer requests; `retry_after` is its wish in seconds, if it has one."""

    reason = "rate_limited"
    advice = (
        "Nothing to do if it passes; otherwise look for other programs that use this IP address."
    )

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the wish beside the message."""
        super().__init__(message)
        self.retry_after = retry_after


class PollTimeoutError(PollError):
    """The whole poll took longer than its `timeout`."""

    reason = "timeout"
    advice = "Check the network to the exchange; raise `timeout` if the exchange is only slow."


class ConnectionFailedError(PollError):
    """No connection, or one that broke before an answer."""

    reason = "connection"
    advice = "Check DNS, the route and the firewall between this machine and the exchange."


class TlsError(PollError):
    """The peer could not prove that it is the exchange; no credential was sent."""

    reason = "tls"
    advice = "Check `base_url`, this machine's clock and CA certificates, and what intercepts TLS."


class RedirectError(PollError):
    """The exchange answered with a redirect, which is never followed."""

    reason = "redirect"
    advice = "Check `base_url`: it must name the API's own host."


class UnavailableError(PollError):
    """The exchange, or what stands before it, is out of order; `retry_after` as above."""

    reason = "unavailable"
    advice = "Look at the exchange's status page; polling goes on by itself."

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the wish beside the message."""
        super().__init__(message)
        self.retry_after = retry_after


class RejectedError(PollError):
    """The exchange understood the request and refused it."""

    reason = "rejected"
    advice = "Look up the code in the exchange's documentation; check `base_url` and the path."


class BadResponseError(PollError):
    """The answer is not what the exchange documents; nothing of it is published."""

    reason = "bad_response"
    advice = "Check `base_url`; if it is right, the API may have changed: please report it."


class CredentialsError(PollError):
    """A secret of the account can't be read; the exchange was not called."""

    reason = "config"
    advice = (
        "Mend the file that the configuration names there, or its path, which starts at the "
        "configuration's folder; it is read again at the next poll."
    )


class InternalError(PollError):
    """A defect of the exporter itself."""

    reason = "internal"
    advice = "Please report it with the log line."

    @classmethod
    def of(cls, defect: Exception) -> "InternalError":
        """Return the error for a defect, by its type alone: its text could hold anything."""
        error = cls(f"a defect in the exporter ({type(defect).__name__})")
        error.__cause__ = defect
        return error


class StalledError(InternalError):
    """Our own process stood still while it should have waited; no exchange is to blame."""

    advice = "Give this machine more CPU; after it slept there is nothing to do."


REASONS: tuple[str, ...] = tuple(error.reason for error in PollError.__subclasses__())
