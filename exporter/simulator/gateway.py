"""Find the answer to each request: limits, checks, balances, faults, and the ledger's entry."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from itertools import count
from typing import NamedTuple

from exporter.simulator.exchange import Call, Exchange
from exporter.simulator.faults.injection import FaultInjection, Schedule
from exporter.simulator.faults.table import Fault
from exporter.simulator.ledger import Entry, Ledger
from exporter.simulator.limits import RateLimit
from exporter.simulator.market import QuoteRows, QuotesAt, quotes_at
from exporter.simulator.messages import JSON, Request, Response
from exporter.simulator.rows import Rows
from exporter.simulator.server import Reply
from exporter.simulator.wire import send


class _Answer(NamedTuple):
    response: Response
    rows: Rows | None = None
    quotes: QuoteRows | None = None


class Gateway:
    """Respond for all exchanges.

    `now` is the exchanges' clock, `clock` the true one, both in seconds since 1970.
    """

    def __init__(  # noqa: PLR0913 - each can be told apart by its name
        self,
        exchanges: Iterable[Exchange],
        *,
        limits: Mapping[str, int | None],
        faults: Schedule,
        ledger: Ledger,
        now: Callable[[], float],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        seed: int,
    ) -> None:
        """Begin to count requests; `limits` are private ones other than the documented."""
        self._exchanges = {path: exchange for exchange in exchanges for path in exchange.calls}
        self._private = {
            each.name: RateLimit(
                replace(each.limit, weight=limits.get(each.name, each.limit.weight))
            )
            for each in self._exchanges.values()
        }
        self._public = {
            each.name: RateLimit(each.public_limit) for each in self._exchanges.values()
        }
        self._faults = faults
        self._ledger = ledger
        self._now = now
        self._clock = clock
        self._monotonic = monotonic
        self._seed = seed
        self._numbers = count()

    def reply(self, request: Request) -> Reply:
        """Return the answer to a request; it is in the ledger before its first byte is sent."""
        exchange = self._exchanges.get(request.path)
        if exchange is None:
            return self._recorded(request, None, self._dated(_Answer(Response(404))))
        kind = exchange.calls[request.path]
        call = Call(exchange, exchange.account_of(request), kind, request)
        method = exchange.methods.get(kind, "GET")
        if request.method != method:
            refusal = Response(405, headers=(("Allow", method),))
            return self._recorded(request, call, self._dated(_Answer(refusal)))
        due = self._faults.due(call, self._monotonic())
        for showing in due:
            if showing.fault.before and call.account:
                showing.fault.before(exchange, call.account)
        answer = self._dated(self._honest_answer(call))
        shown = [showing for showing in due if _applies(showing.fault, answer)]
        faults = [showing.shown() for showing in shown]
        answer = _with_spoiled_rows(answer, faults, call)
        answer = self._with_spoiled_quotes(answer, shown, call)
        answer = _with_spoiled_response(answer, faults, call)
        return self._recorded(request, call, answer, faults)

    def _honest_answer(self, call: Call) -> _Answer:
        exchange, account = call.exchange, call.account
        is_public = call.kind in exchange.public_calls
        counted = (self._public if is_public else self._private)[exchange.name]
        limit = exchange.public_limit if is_public else exchange.limit
        by_account = limit.per == "account" and account is not None
        client = account.name if account and by_account else call.request.peer
        moment = self._monotonic()
        if excess := counted.excess(client, moment, exchange.weights.get(call.kind, 1)):
            return _Answer(exchange.too_many_requests(excess))
        answer = self._answer(call)
        response = exchange.with_usage(answer.response, counted.used(client, moment))
        return answer._replace(response=response)

    def _answer(self, call: Call) -> _Answer:
        exchange, account = call.exchange, call.account
        now = self._now()
        now_ms = int(now * 1000)
        if refusal := exchange.refusal(call, now_ms):
            return _Answer(refusal)
        if call.kind == "ticker":
            quotes = self._quotes_at(call)(now)
            body = _json(exchange.quotes(quotes)) if quotes else exchange.refused("rejected")
            return _Answer(body, quotes=quotes or None)
        if call.kind != "balances" or account is None:
            return _Answer(exchange.answer(call, now_ms))
        if account.verbatim is not None:
            return _Answer(_json(account.verbatim), exchange.rows_of(account.verbatim))
        rows = account.portfolio(now)
        return _Answer(_json(exchange.balances(rows, account)), rows)

    def _quotes_at(self, call: Call) -> QuotesAt:
        return quotes_at(self._seed, call.exchange.wanted(call))

    def _with_spoiled_quotes(
        self, answer: _Answer, shown: Sequence[FaultInjection], call: Call
    ) -> _Answer:
        spoilers = [showing for showing in shown if showing.fault.quotes]
        if answer.quotes is None or not spoilers:
            return answer
        now, at = self._now(), self._quotes_at(call)
        for showing in spoilers:
            began = now - max(0.0, self._monotonic() - showing.added - showing.after)
            at = partial(showing.fault.quotes or _unchanged, at, began)
        quotes = at(now)
        body = call.exchange.quotes(quotes)
        return answer._replace(response=replace(answer.response, body=body), quotes=quotes)

    def _dated(self, answer: _Answer) -> _Answer:
        date = ("Date", formatdate(self._now(), usegmt=True))
        return answer._replace(response=answer.response.adding(date))

    def _recorded(
        self,
        request: Request,
        call: Call | None,
        answer: _Answer,
        faults: Sequence[Fault] = (),
    ) -> Reply:
        entry = Entry(
            number=next(self._numbers),
            began=self._monotonic(),
            ended=None,
            at=self._clock(),
            exchange=call.exchange.name if call else None,
            account=call.account.name if call and call.account else None,
            call=call.kind if call else None,
            path=request.path,
            status=answer.response.status,
            rows=answer.rows,
            quotes=answer.quotes,
            faults=tuple(fault.name for fault in faults),
        )
        self._ledger.add(entry)
        deliveries = [fault.deliver for fault in faults if fault.deliver]
        return Reply(
            response=answer.response,
            deliver=deliveries[-1] if deliveries else send,
            ended=lambda: self._ledger.end(entry.number, self._monotonic()),
        )


def _applies(fault: Fault, answer: _Answer) -> bool:
    """Return whether there is in an answer what a fault spoils."""
    has_rows, has_quotes = answer.rows is not None, answer.quotes is not None
    return (has_rows or not fault.rows) and (has_quotes or not fault.quotes)


def _unchanged(at: QuotesAt, _began: float, now: float) -> QuoteRows:
    return at(now)


def _with_spoiled_rows(answer: _Answer, faults: Sequence[Fault], call: Call) -> _Answer:
    spoilers = [fault.rows for fault in faults if fault.rows]
    if answer.rows is None or not spoilers or call.account is None:
        return answer
    rows = answer.rows
    for spoil in spoilers:
        rows = spoil(rows, call.exchange.style)
    body = call.exchange.balances(rows, call.account)
    return _Answer(replace(answer.response, body=body), rows)


def _with_spoiled_response(answer: _Answer, faults: Sequence[Fault], call: Call) -> _Answer:
    response = answer.response
    for fault in faults:
        response = fault.response(response, call) if fault.response else response
    if response.status != 200:
        return _Answer(response)
    if response.body is answer.response.body:
        return answer._replace(response=response)
    return _Answer(response, call.exchange.rows_of(response.body))


def _json(body: bytes) -> Response:
    return Response(200, body, JSON)
