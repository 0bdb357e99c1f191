"""Put the simulated exchanges, their accounts, faults and ledger behind one address."""

import math
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from exporter.simulator.exchange import Account, Balances, Exchange
from exporter.simulator.faults.injection import FaultInjection, Schedule
from exporter.simulator.faults.table import Fault, named
from exporter.simulator.gateway import Gateway
from exporter.simulator.ledger import Ledger
from exporter.simulator.messages import CallKind
from exporter.simulator.registry import simulated_exchanges
from exporter.simulator.server import HttpServer


def no_limits() -> dict[str, None]:
    """Return the limits of a simulator whose exchanges admit any number of private requests."""
    return dict.fromkeys(simulated_exchanges())


class Simulator:
    """Serve every simulated exchange over HTTP/1.1 while the context lasts.

    The exchanges' clock is `clock()` plus `skew` seconds, which may be changed at any time.
    `limits` are the private requests (or their weight) that a client may send within 60 s, `None`
    for no limit; what is not given stays as documented. `options` are the arguments of an
    exchange's class. `ledger_size` is how many responses are kept.
    """

    def __init__(  # noqa: PLR0913 - each can be told apart by its name
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        seed: int = 0,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        limits: Mapping[str, int | None] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        ledger_size: int = 10_000,
    ) -> None:
        """Set up all exchanges without accounts and without faults."""
        self.skew = 0.0
        self.ledger = Ledger(ledger_size)
        self.accounts: list[Account] = []
        self._seed = seed
        self._clock = clock
        self._monotonic = monotonic
        self.exchanges: dict[str, Exchange] = {
            name: make(**(options or {}).get(name, {}))
            for name, make in simulated_exchanges().items()
        }
        self._faults = Schedule(f"{seed}/faults")
        gateway = Gateway(
            self.exchanges.values(),
            limits=limits or {},
            faults=self._faults,
            ledger=self.ledger,
            now=self.now,
            clock=clock,
            monotonic=monotonic,
            seed=seed,
        )
        self._server = HttpServer(gateway.reply, host=host, port=port, tls=tls)

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._server.__aexit__(kind, error, traceback)

    @property
    def url(self) -> str:
        """Return the base URL of all exchanges, without a slash at the end."""
        return self._server.url

    def now(self) -> float:
        """Return the time of the exchanges' clock in seconds since 1970."""
        return self._clock() + self.skew

    def add_account(  # noqa: PLR0913 - each can be told apart by its name
        self,
        *,
        exchange: str,
        name: str,
        balances: Balances | None = None,
        assets: int | None = None,
        verbatim: bytes | None = None,
        credentials: Mapping[str, str] | None = None,
        can_deposit: bool = True,
        thresholds: tuple[Mapping[str, str], ...] = (),
    ) -> Account:
        """Open an account; credentials that are not given are made up in the exchange's format.

        It responses with the bytes `verbatim`, or `balances` that never move, or a treasury of
        `assets` rows that moves by itself (as many as the exchange's catalogue has if not said).
        Raises `ValueError` for an unknown exchange, a name twice, or a secret of the wrong format.
        """
        if exchange not in self.exchanges:
            raise ValueError(f"exchange {exchange}: unknown, choose {' or '.join(self.exchanges)}")
        if any((account.exchange, account.name) == (exchange, name) for account in self.accounts):
            raise ValueError(f"account {name}: already exists at {exchange}")
        simulated = self.exchanges[exchange]
        made_up = simulated.new_credentials(self._seed, exchange, name)
        if balances is None:
            portfolio = simulated.moving(f"{self._seed}/{exchange}/{name}", assets)
        else:
            portfolio = simulated.fixed(balances)
        account = Account(
            exchange=exchange,
            name=name,
            credentials={**made_up, **(credentials or {})},
            portfolio=portfolio,
            verbatim=verbatim,
            can_deposit=can_deposit,
            thresholds=thresholds,
        )
        simulated.add(account)
        self.accounts.append(account)
        return account

    def set_balances(self, account: Account, balances: Balances) -> None:
        """Respond with these balances for an account from now on."""
        account.portfolio = self.exchanges[account.exchange].fixed(balances)
        account.verbatim = None

    def issue_token(self, account: Account, lifetime: float = 3600.0) -> str:
        """Return a ready token for an account, good for `lifetime` seconds."""
        expires_ms = int((self.now() + lifetime) * 1000)
        return self.exchanges[account.exchange].issue_token(account, expires_ms)

    def expire_tokens(self, account: Account) -> None:
        """Accept none of an account's tokens any more, whatever was said of their lifetime."""
        self.exchanges[account.exchange].expire_tokens(account)

    def show(  # noqa: PLR0913 - each can be told apart by its name
        self,
        fault: str | Fault,
        *,
        exchange: str | None = None,
        account: str | None = None,
        call: CallKind | None = None,
        times: int | None = None,
        probability: float = 1.0,
        after: float = 0.0,
        lasting: float = math.inf,
    ) -> FaultInjection:
        """Inject a fault, by its name in `FAULTS` or one of your own, until the result's `stop()`.

        It applies to an exchange, an account and a call, or to all of them if not
        given; `times` at most; each time with a `probability`; `after` some seconds from now and
        then `lasting` some seconds. The result is a context manager that stops at its end.
        """
        injection = FaultInjection(
            named(fault) if isinstance(fault, str) else fault,
            exchange=exchange,
            account=account,
            call=call,
            times=times,
            probability=probability,
            after=after,
            lasting=lasting,
        )
        return self.add_injection(injection)

    def add_injection(self, injection: FaultInjection) -> FaultInjection:
        """Inject what `parse_injection` read from a command line's text, from now on."""
        self._faults.add(injection, self._monotonic())
        return injection

    def stop_faults(self) -> None:
        """Stop all faults."""
        self._faults.stop()
