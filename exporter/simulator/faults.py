"""List the faults that the simulated exchanges can show, each in one entry of one table."""

from collections.abc import Callable
from dataclasses import dataclass

from exporter.simulator import on_wire
from exporter.simulator.exchange import Account, Exchange
from exporter.simulator.messages import Call, Response
from exporter.simulator.rows import Rows, Style
from exporter.simulator.server import Deliver


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoil an answer in one way, at one or more of the places that it passes in this order.

    `before` the request is checked; the `rows` of a balances answer; the whole `response`; how its
    bytes are sent (`deliver`: of several such faults the last one counts).
    """

    name: str
    description: str
    before: Callable[[Exchange, Account], None] | None = None
    rows: Callable[[Rows, Style], Rows] | None = None
    response: Callable[[Response, Call], Response] | None = None
    deliver: Deliver | None = None


_TABLE = (Fault("close", "The connection is closed without an answer.", deliver=on_wire.close),)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in _TABLE}


def named(name: str) -> Fault:
    """Return a fault of the table; raises `ValueError` for a name that is not in it."""
    if name not in FAULTS:
        raise ValueError(f"fault {name}: unknown, choose one of {', '.join(FAULTS)}")
    return FAULTS[name]
