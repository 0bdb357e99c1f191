"""Record every response of the simulated exchanges, for tests to check."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from exporter.simulator.market import QuoteRow
from exporter.simulator.messages import CallKind
from exporter.simulator.rows import Row


@dataclass(frozen=True, slots=True)
class Entry:
    """Record one request and its response.

    `began` and `ended` are monotonic seconds (`ended` is `None` until the response is sent);
    `at` is the wall clock's time of `began`. `exchange` and `call` are `None` for an unknown path,
    `account` for an unknown key. `status` is that of the response before it is sent: a fault may
    keep it from the client. `rows` are the rows of a balances response exactly as written, and
    `quotes` those of a ticker.
    """

    number: int
    began: float
    ended: float | None
    at: float
    exchange: str | None
    account: str | None
    call: CallKind | None
    path: str
    status: int
    rows: tuple[Row, ...] | None = field(repr=False)
    faults: tuple[str, ...]
    quotes: tuple[QuoteRow, ...] | None = field(default=None, repr=False)


class Ledger:
    """Keep the last `size` entries, oldest first."""

    def __init__(self, size: int) -> None:
        """Begin empty."""
        self._size = size
        self._entries: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries.values()))

    def add(self, entry: Entry) -> None:
        """Add an entry, and drop the oldest if there are too many."""
        self._entries[entry.number] = entry
        if len(self._entries) > self._size:
            del self._entries[next(iter(self._entries))]

    def end(self, number: int, ended: float) -> None:
        """Record when the response was sent, or the client left."""
        if number in self._entries:
            self._entries[number] = replace(self._entries[number], ended=ended)

    def entries(
        self,
        exchange: str | None = None,
        account: str | None = None,
        call: CallKind | None = None,
    ) -> tuple[Entry, ...]:
        """Return the entries of an exchange, an account, a call; `None` stands for all of them."""
        return tuple(
            entry
            for entry in self._entries.values()
            if exchange in (None, entry.exchange)
            and account in (None, entry.account)
            and call in (None, entry.call)
        )

    def most_requests(self, exchange: str, window: float = 60.0) -> int:
        """Return the most requests to an exchange that began within any `window` seconds."""
        times = sorted(entry.began for entry in self.entries(exchange))
        most = first = 0
        for last, time in enumerate(times):
            while time - times[first] >= window:
                first += 1
            most = max(most, last - first + 1)
        return most

    def overlapped(self, exchange: str, account: str) -> bool:
        """Return whether an account was polled before an earlier response to it was sent."""
        entries = [e for e in self.entries(exchange, account) if e.call != "permissions"]
        return any(
            before.ended is None or after.began < before.ended
            for before, after in pairwise(entries)
        )
