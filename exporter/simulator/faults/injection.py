"""Decide which faults a call gets, when, and how often."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self, get_args

from exporter.simulator.chance import fraction
from exporter.simulator.exchange import Call, Exchange
from exporter.simulator.faults.table import Fault, named
from exporter.simulator.messages import CallKind
from exporter.simulator.registry import simulated_exchanges


@dataclass(slots=True, eq=False)
class FaultInjection:
    """Inject one fault into some calls; `count` is how often it was.

    `None` stands for every exchange, account and call, and for no end of `times`. It begins `after`
    seconds from when it is `added` (monotonic) and goes on for `lasting` seconds.
    """

    fault: Fault
    exchange: str | None = None
    account: str | None = None
    call: CallKind | None = None
    times: int | None = None
    probability: float = 1.0
    after: float = 0.0
    lasting: float = math.inf
    added: float = 0.0
    count: int = 0
    is_stopped: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the fault."""
        self.is_stopped = True

    def shown(self) -> Fault:
        """Count once more and return the fault."""
        self.count += 1
        return self.fault

    def is_over(self, now: float) -> bool:
        """Return whether the fault will not occur again."""
        is_used_up = self.times is not None and self.count >= self.times
        return self.is_stopped or is_used_up or now >= self.added + self.after + self.lasting

    def can_occur_at(self, exchange: Exchange) -> bool:
        """Return whether an exchange has a call and an error of its own that the fault needs."""
        kinds = set(exchange.calls.values())
        if self.account is not None:
            kinds -= exchange.public_calls
        place = "balances" if self.fault.rows else "ticker" if self.fault.quotes else None
        for wanted in filter(None, (self.call, self.fault.only, place)):
            kinds &= {wanted}
        return bool(kinds) and self.fault.reason in {None, *exchange.refusals}

    def concerns(self, call: Call, now: float) -> bool:
        """Return whether the fault may occur in a call."""
        return (
            not self.is_over(now)
            and now >= self.added + self.after
            and self.exchange in (None, call.exchange.name)
            and self.account in (None, call.account.name if call.account else None)
            and self.call in (None, call.kind)
            and self.fault.only in (None, call.kind)
        )


class Schedule:
    """Keep the injections that are not over; those with a probability are drawn from a seed."""

    def __init__(self, seed: str) -> None:
        """Begin without injections."""
        self._seed = seed
        self._draws = 0
        self._injections: list[FaultInjection] = []

    def add(self, injection: FaultInjection, now: float) -> None:
        """Add an injection at `now`, monotonic seconds."""
        injection.added = now
        self._injections.append(injection)

    def stop(self) -> None:
        """Stop every injection."""
        for injection in self._injections:
            injection.stop()

    def due(self, call: Call, now: float) -> list[FaultInjection]:
        """Return the injections for a call, in the order in which they were added."""
        self._injections = [
            injection for injection in self._injections if not injection.is_over(now)
        ]
        concerned = [injection for injection in self._injections if injection.concerns(call, now)]
        return [injection for injection in concerned if self._is_drawn(injection)]

    def _is_drawn(self, injection: FaultInjection) -> bool:
        self._draws += 1
        return fraction(self._seed, self._draws) < injection.probability


def parse_injection(text: str) -> FaultInjection:
    """Read an injection from a command line: `NAME` or `NAME:OPTION=VALUE,OPTION=VALUE`.

    The options are `exchange`, `account`, `call`, `times`, `probability`, `after` and `lasting`,
    durations in seconds. Raises `ValueError`, which says what is wrong with the text.
    """
    name, _, options = text.partition(":")
    injection = FaultInjection(named(name))
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        if key not in _OPTIONS:
            raise ValueError(f"fault {name}: no option {key}, choose one of {', '.join(_OPTIONS)}")
        try:
            setattr(injection, key, _OPTIONS[key](value))
        except ValueError as error:
            raise ValueError(f"fault {name}: {key}={value}: {error}") from None
    return injection


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"choose {', '.join(choices)}")
        return text

    return parse


def _number(least: float, most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not least <= (number := float(text)) <= most:
            raise ValueError(f"must be from {least:g} to {most:g}")
        return number

    return parse


_OPTIONS: Mapping[str, Callable[[str], object]] = {
    "exchange": _one_of(*simulated_exchanges()),
    "account": str,
    "call": _one_of(*get_args(CallKind)),
    "times": int,
    "probability": _number(0, 1),
    "after": _number(0, math.inf),
    "lasting": _number(0, math.inf),
}
