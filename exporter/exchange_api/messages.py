"""Define a request to an exchange and its response."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.runtime.clock import Bounds


class ApiRequest(NamedTuple):
    """Describe a request: the path with its query, and the headers that sign it.

    `call` names what is requested in metrics and logs, where the path could show a signature.
    """

    path: str
    headers: Mapping[str, str]
    call: str = "balances"
    method: str = "GET"
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<{self.method} request for {self.call}>"  # path, headers and body hold secrets


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """Describe a response; `retry_after` is in seconds, None if the exchange sent nothing usable.

    The body of a status other than 200 is read only for 4xx, and dropped if it is large or broken.
    `date_bounds` is what the date says of the exchange's clock, unless somebody on the way may have
    written it.
    """

    status: int
    body: bytes = field(repr=False)  # it may hold a token
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    date_bounds: Bounds | None = None
