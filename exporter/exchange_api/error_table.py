"""Read what an exchange's error means: its own code first, then the status of HTTP."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from exporter.exchange_api.responses import decode_object

Meaning = type[PollError]

_MAX_CODE_DIGITS = 6
_NO_CODE = "the exchange rejected the request without a code"
_LIKE_HTTP: Mapping[str, Meaning] = {
    "401": AuthenticationError,
    "403": PermissionDeniedError,
    "418": RateLimitedError,
    "429": RateLimitedError,
}


class NotAnErrorError(Exception):
    """A body is not one of the exchange's own errors."""


def shown_code(code: object) -> str:
    """Return a code as text, such as `-1021` or `0201`; nothing unless it is a short number.

    An exchange may write a number as text. Other content is not repeated: it could be
    anything, our own request included.
    """
    text = str(code) if type(code) in {int, str} else ""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= _MAX_CODE_DIGITS
    return text if is_number else ""


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """Describe an exchange's errors, as far as its documentation does.

    `code_of` returns the code of an error's document, and raises `NotAnErrorError` if the document
    is not an error of the exchange: then something else sent it. `meanings` has the
    codes as texts; others are read like the status codes of HTTP. `statuses` has what HTTP statuses
    mean at this exchange alone, with and without a document.
    """

    code_of: Callable[[Mapping[str, Any]], object]
    meanings: Mapping[str, Meaning]
    statuses: Mapping[int, Meaning] = field(default_factory=dict)

    def knows(self, code: object) -> bool:
        """Return whether a code is the exchange's own, so that it needs no text beside it."""
        return shown_code(code) in self.meanings

    def error(self, code: object, default: Meaning = RejectedError) -> PollError:
        """Return the error that a code in a response stands for."""
        shown = shown_code(code)
        meaning = self.meanings.get(shown) or _LIKE_HTTP.get(shown, default)
        if len(shown) == 3 and shown.startswith("5"):
            meaning = UnavailableError
        return meaning(f"the exchange rejected the request (code {shown})" if shown else _NO_CODE)

    def read(self, status: int, body: bytes) -> PollError | None:
        """Return the error of a response with a 4xx; None if the body is not the exchange's own."""
        by_status = self.statuses.get(status) or _LIKE_HTTP.get(str(status), RejectedError)
        try:
            return self.error(self.code_of(decode_object(body)), by_status)
        except (BadResponseError, NotAnErrorError):
            return None


def code_in(
    key: str, *others: str, alone: Collection[str] = ()
) -> Callable[[Mapping[str, Any]], object]:
    """Return what finds the code under a key, in a document that has some other keys, too.

    The codes in `alone` are the exchange's own without them.
    """

    def code_of(document: Mapping[str, Any]) -> object:
        code = document.get(key)
        if shown_code(code) in alone or all(each in document for each in (key, *others)):
            return code
        raise NotAnErrorError

    return code_of
