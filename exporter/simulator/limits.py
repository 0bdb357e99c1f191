"""Count the requests of each address, and block an address that sends too many."""

from collections import defaultdict, deque

WINDOW = 60.0
BLOCKED = 60.0


class RateLimit:
    """Admit `requests` within any 60 s, then none for 60 s; `None` admits everything."""

    def __init__(self, requests: int | None) -> None:
        """Begin with no address known."""
        self._requests = requests
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)
        self._blocked_until: dict[str, float] = {}

    def admits(self, address: str, now: float) -> bool:
        """Count a request at `now` (monotonic seconds) and tell whether it may pass."""
        if self._requests is None:
            return True
        if now < self._blocked_until.get(address, now):
            return False
        admitted = self._admitted[address]
        while admitted and now - admitted[0] >= WINDOW:
            admitted.popleft()
        if len(admitted) >= self._requests:
            self._blocked_until[address] = now + BLOCKED
            admitted.clear()
            return False
        admitted.append(now)
        return True
