"""Define what an exchange is to the rest of the program."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """Register one exchange: what a configuration may say of it, and how its accounts are polled.

    `credentials` lists the sets of credential names of which an account must give exactly one.
    """

    name: str
    base_url: str
    balances_path: str
    requests_per_minute: int
    credentials: tuple[frozenset[str], ...]
