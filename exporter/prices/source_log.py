"""Log what happens to price sources: changes of state, and every fetch at debug."""

import structlog

from exporter.errors import InternalError, PollError
from exporter.polling.causes import Cause, Causes
from exporter.polling.endpoint import Run
from exporter.prices.valuations import SourceState
from exporter.quotes import QuotesResponse

log = structlog.get_logger(__name__)

_ADVICE = "Values are withheld once its quotes are too old; balances are not affected."


class SourceLog:
    """Log each cause of an outage once, as long as causes only alternate."""

    def __init__(self) -> None:
        """Start with nothing logged."""
        self._causes: dict[str, Causes] = {}

    def fetched(
        self, before: SourceState, after: SourceState, run: Run[QuotesResponse], now: float
    ) -> None:
        """Log how a fetch ended by `now` (monotonic), and what it changed."""
        name, outcome = after.source.name, run.outcome
        if isinstance(outcome, PollError):
            self.failed(before, outcome, now)
        elif not before.up:
            log.info("price source is up", source=name, quotes=len(after.book.rates))
        log.debug(
            "fetched quotes",
            source=name,
            up=after.up,
            duration=f"{run.duration:.3f}s",
            quotes=len(after.book.rates),
            refused=sum(after.book.refused.values()),
        )

    def failed(self, before: SourceState, error: PollError, now: float) -> None:
        """Log why a source is down, unless that is known."""
        name = before.source.name
        if before.error is None or name not in self._causes:
            self._causes[name] = Causes(now)
        if self._causes[name].note(Cause(error.reason, str(error)), now):
            log.warning(
                "price source is down",
                source=name,
                reason=error.reason,
                error=str(error),
                advice=_ADVICE,
                exc_info=error.__cause__ if isinstance(error, InternalError) else None,
            )
