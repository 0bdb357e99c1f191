"""Find the response to each request: limits, checks, balances, faults, and the ledger's entry."""

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


class _Result(NamedTuple):
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
        """Return the response to a request; it is in the ledger before its first byte is sent."""
        exchange = self._exchanges.get(request.path)
        if exchange is None:
            return self._recorded(request, None, self._dated(_Result(Response(404))))
        kind = exchange.calls[request.path]
        call = Call(exchange, exchange.account_of(request), kind, request)
        method = exchange.methods.get(kind, "GET")
        if request.method != method:
            refusal = Response(405, headers=(("Allow", method),))
            return self._recorded(request, call, self._dated(_Result(refusal)))
        due = self._faults.due(call, self._monotonic())
        for injection in due:
            if injection.fault.before and call.account:
                injection.fault.before(exchange, call.account)
        result = self._dated(self._honest_result(call))
        shown = [injection for injection in due if _applies(injection.fault, result)]
        faults = [injection.shown() for injection in shown]
        result = _with_spoiled_rows(result, faults, call)
        result = self._with_spoiled_quotes(result, shown, call)
        result = _with_spoiled_response(result, faults, call)
        return self._recorded(request, call, result, faults)

    def _honest_result(self, call: Call) -> _Result:
        exchange, account = call.exchange, call.account
        is_public = call.kind in exchange.public_calls
        counted = (self._public if is_public else self._private)[exchange.name]
        limit = exchange.public_limit if is_public else exchange.limit
        by_account = limit.per == "account" and account is not None
        client = account.name if account and by_account else call.request.peer
        moment = self._monotonic()
        if excess := counted.excess(client, moment, exchange.weights.get(call.kind, 1)):
            return _Result(exchange.too_many_requests(excess))
        result = self._respond(call)
        response = exchange.with_usage(result.response, counted.used(client, moment))
        return result._replace(response=response)

    def _respond(self, call: Call) -> _Result:
        exchange, account = call.exchange, call.account
        now = self._now()
        now_ms = int(now * 1000)
        if refusal := exchange.refusal(call, now_ms):
            return _Result(refusal)
        if call.kind == "ticker":
            quotes = self._quotes_at(call)(now)
            body = _json(exchange.quotes(quotes)) if quotes else exchange.refused("rejected")
            return _Result(body, quotes=quotes or None)
        if call.kind != "balances" or account is None:
            return _Result(exchange.respond(call, now_ms))
        if account.verbatim is not None:
            return _Result(_json(account.verbatim), exchange.rows_of(account.verbatim))
        rows = account.portfolio(now)
        return _Result(_json(exchange.balances(rows, account)), rows)

    def _quotes_at(self, call: Call) -> QuotesAt:
        return quotes_at(self._seed, call.exchange.wanted(call))

    def _with_spoiled_quotes(
        self, result: _Result, shown: Sequence[FaultInjection], call: Call
    ) -> _Result:
        spoilers = [injection for injection in shown if injection.fault.quotes]
        if result.quotes is None or not spoilers:
            return result
        now, at = self._now(), self._quotes_at(call)
        for injection in spoilers:
            began = now - max(0.0, self._monotonic() - injection.added - injection.after)
            at = partial(injection.fault.quotes or _unchanged, at, began)
        quotes = at(now)
        body = call.exchange.quotes(quotes)
        return result._replace(response=replace(result.response, body=body), quotes=quotes)

    def _dated(self, result: _Result) -> _Result:
        date = ("Date", formatdate(self._now(), usegmt=True))
        return result._replace(response=result.response.adding(date))

    def _recorded(
        self,
        request: Request,
        call: Call | None,
        result: _Result,
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
            status=result.response.status,
            rows=result.rows,
            quotes=result.quotes,
            faults=tuple(fault.name for fault in faults),
        )
        self._ledger.add(entry)
        deliveries = [fault.deliver for fault in faults if fault.deliver]
        return Reply(
            response=result.response,
            deliver=deliveries[-1] if deliveries else send,
            ended=lambda: self._ledger.end(entry.number, self._monotonic()),
        )


def _applies(fault: Fault, result: _Result) -> bool:
    """Return whether there is in a response what a fault spoils."""
    has_rows, has_quotes = result.rows is not None, result.quotes is not None
    return (has_rows or not fault.rows) and (has_quotes or not fault.quotes)


def _unchanged(at: QuotesAt, _began: float, now: float) -> QuoteRows:
    return at(now)


def _with_spoiled_rows(result: _Result, faults: Sequence[Fault], call: Call) -> _Result:
    spoilers = [fault.rows for fault in faults if fault.rows]
    if result.rows is None or not spoilers or call.account is None:
        return result
    rows = result.rows
    for spoil in spoilers:
        rows = spoil(rows, call.exchange.style)
    body = call.exchange.balances(rows, call.account)
    return _Result(replace(result.response, body=body), rows)


def _with_spoiled_response(result: _Result, faults: Sequence[Fault], call: Call) -> _Result:
    response = result.response
    for fault in faults:
        response = fault.response(response, call) if fault.response else response
    if response.status != 200:
        return _Result(response)
    if response.body is result.response.body:
        return result._replace(response=response)
    return _Result(response, call.exchange.rows_of(response.body))


def _json(body: bytes) -> Response:
    return Response(200, body, JSON)
