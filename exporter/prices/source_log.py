"""Log what happens to price sources: changes of state, and every fetch at debug."""

import logging

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

    def __init__(self, up_level: int = logging.INFO) -> None:
        """Start with nothing logged; the level is that of a source that is up (again)."""
        self._up_level = up_level
        self._causes: dict[str, Causes] = {}

    def fetched(
        self, before: SourceState, after: SourceState, run: Run[QuotesResponse], now: float
    ) -> None:
        """Log how a fetch ended by `now` (monotonic), and what it changed."""
        name, outcome = after.source.name, run.outcome
        if isinstance(outcome, PollError):
            self.failed(before, outcome, now)
        elif not before.up:
            log.log(self._up_level, "price source is up", source=name)
        _log_fetch(after, run)

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


def _log_fetch(state: SourceState, run: Run[QuotesResponse]) -> None:
    """Write the debug line of one fetch; `quotes` are all that are known after it."""
    outcome = run.outcome
    fields: dict[str, object] = {"up": state.up, "duration": f"{run.duration:.3f}s"}
    if isinstance(outcome, PollError):
        fields |= {"reason": outcome.reason, "error": str(outcome)}
    fields["quotes"] = len(state.book.rates)
    fields["refused"] = sum(state.book.refused.values())
    log.debug("fetched quotes", source=state.source.name, **fields)
