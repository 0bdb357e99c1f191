"""Count the requests of each client, and block a client that sends too many."""

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Literal, NamedTuple

WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class Limit:
    """Describe a limit: the weight of requests within any 60 s, of an address or an account.

    Each client that exceeds it again is blocked for the next of `blocks`, in seconds.
    """

    weight: int | None
    per: Literal["address", "account"] = "address"
    blocks: tuple[float, ...] = (60.0,)


class Excess(NamedTuple):
    """Say for how many more seconds a client is blocked, and how many times in a row it was."""

    wait: float
    times: int


class RateLimit:
    """Admit what a limit admits; `used` is what a client used of it within the last 60 s."""

    def __init__(self, limit: Limit) -> None:
        """Begin with no client known."""
        self._limit = limit
        self._admitted: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._blocked_until: dict[str, float] = {}
        self._times: defaultdict[str, int] = defaultdict(int)

    def excess(self, client: str, now: float, weight: int = 1) -> Excess | None:
        """Count a request at `now` (monotonic seconds); return `None` if it may pass."""
        if self._limit.weight is None:
            return None
        until = self._blocked_until.get(client, now)
        if now >= until:
            if self.used(client, now) + weight <= self._limit.weight:
                self._admitted[client].append((now, weight))
                return None
            until = now + self._limit.blocks[min(self._times[client], len(self._limit.blocks) - 1)]
            self._blocked_until[client] = until
            self._admitted[client].clear()
            self._times[client] += 1
        return Excess(until - now, self._times[client])

    def used(self, client: str, now: float) -> int:
        """Return the weight of the requests that a client sent within the last 60 s."""
        admitted = self._admitted[client]
        while admitted and now - admitted[0][0] >= WINDOW:
            admitted.popleft()
        return sum(weight for _, weight in admitted)
