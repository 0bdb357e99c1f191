"""Find the answer to each request: limits, checks, balances, faults, and the ledger's entry."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from email.utils import formatdate
from itertools import count
from typing import NamedTuple

from exporter.simulator.exchange import Account, Exchange
from exporter.simulator.faults.injection import Schedule
from exporter.simulator.faults.table import Fault
from exporter.simulator.ledger import Entry, Ledger
from exporter.simulator.limits import RateLimit
from exporter.simulator.messages import JSON, Call, Request, Response
from exporter.simulator.rows import Rows
from exporter.simulator.server import Reply
from exporter.simulator.wire import send


class _Answer(NamedTuple):
    response: Response
    rows: Rows | None = None


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
    ) -> None:
        """Begin to count requests."""
        self._exchanges = {path: exchange for exchange in exchanges for path in exchange.calls}
        self._limits = {name: RateLimit(limit) for name, limit in limits.items()}
        self._faults = faults
        self._ledger = ledger
        self._now = now
        self._clock = clock
        self._monotonic = monotonic
        self._numbers = count()

    def reply(self, request: Request) -> Reply:
        """Return the answer to a request; it is in the ledger before its first byte is sent."""
        exchange = self._exchanges.get(request.path)
        if exchange is None:
            return self._recorded(request, None, self._dated(_Answer(Response(404))))
        account = exchange.account_of(request)
        kind = exchange.calls[request.path]
        call = Call(exchange.name, account.name if account else None, kind, request)
        if request.method != "GET":
            refusal = Response(405, headers=(("Allow", "GET"),))
            return self._recorded(request, call, self._dated(_Answer(refusal)))
        due = self._faults.due(call, self._monotonic())
        for showing in due:
            if showing.fault.before and account:
                showing.fault.before(exchange, account)
        answer = self._dated(self._honest_answer(call, exchange, account))
        faults = [
            showing.shown() for showing in due if answer.rows is not None or not showing.fault.rows
        ]
        if account is not None:
            answer = _with_spoiled_rows(answer, faults, exchange, account)
        answer = _with_spoiled_response(answer, faults, exchange, call)
        return self._recorded(request, call, answer, faults)

    def _honest_answer(self, call: Call, exchange: Exchange, account: Account | None) -> _Answer:
        now = self._now()
        now_ms = int(now * 1000)
        if not self._limits[exchange.name].admits(call.request.peer, self._monotonic()):
            return _Answer(exchange.too_many_requests())
        if refusal := exchange.refusal(call, account, now_ms):
            return _Answer(refusal)
        if call.kind != "balances" or account is None:
            return _Answer(exchange.answer(call, account, now_ms))
        if account.verbatim is not None:
            return _Answer(_json(account.verbatim), exchange.rows_of(account.verbatim))
        rows = account.portfolio(now)
        return _Answer(_json(exchange.balances(rows, account)), rows)

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
            exchange=call.exchange if call else None,
            account=call.account if call else None,
            call=call.kind if call else None,
            path=request.path,
            status=answer.response.status,
            rows=answer.rows,
            faults=tuple(fault.name for fault in faults),
        )
        self._ledger.add(entry)
        deliveries = [fault.deliver for fault in faults if fault.deliver]
        return Reply(
            response=answer.response,
            deliver=deliveries[-1] if deliveries else send,
            ended=lambda: self._ledger.end(entry.number, self._monotonic()),
        )


def _with_spoiled_rows(
    answer: _Answer, faults: Sequence[Fault], exchange: Exchange, account: Account
) -> _Answer:
    spoilers = [fault.rows for fault in faults if fault.rows]
    if answer.rows is None or not spoilers:
        return answer
    rows = answer.rows
    for spoil in spoilers:
        rows = spoil(rows, exchange.style)
    return _Answer(replace(answer.response, body=exchange.balances(rows, account)), rows)


def _with_spoiled_response(
    answer: _Answer, faults: Sequence[Fault], exchange: Exchange, call: Call
) -> _Answer:
    response = answer.response
    for fault in faults:
        response = fault.response(response, call) if fault.response else response
    if response.status != 200:
        return _Answer(response)
    if response.body is answer.response.body:
        return _Answer(response, answer.rows)
    return _Answer(response, exchange.rows_of(response.body))


def _json(body: bytes) -> Response:
    return Response(200, body, JSON)
