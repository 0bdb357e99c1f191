"""Put both simulated exchanges, their accounts, faults and ledger behind one address."""

import math
import ssl
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from exporter.simulator.catalogue import holdings
from exporter.simulator.exchange import Account, Exchange
from exporter.simulator.exchanges.btcturk import BtcTurk
from exporter.simulator.exchanges.trubit import TruBit
from exporter.simulator.faults.injection import FaultInjection, Schedule
from exporter.simulator.faults.table import Fault, named
from exporter.simulator.gateway import Gateway
from exporter.simulator.ledger import Ledger
from exporter.simulator.messages import CallKind
from exporter.simulator.portfolio import fixed, moving
from exporter.simulator.server import HttpServer

DOCUMENTED_LIMITS: Mapping[str, int | None] = {"btcturk": 120, "trubit": 60}

Balances = Mapping[str, tuple[str, str, str]]
"""Total, free and locked of each asset, as plain decimals."""


class Simulator:
    """Serve BtcTurk and TruBit Business over HTTP/1.1 while the context lasts.

    The exchanges' clock is `clock()` plus `skew` seconds, which may be changed at any time.
    `limits` are the requests that an address may send within 60 s, `None` for no limit; what is
    not given stays as documented. `ledger_size` is how many answers are remembered.
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
        limits: Mapping[str, int | None] = DOCUMENTED_LIMITS,
        ledger_size: int = 10_000,
        token_lifetime: float = 3600.0,
        trubit_error_status: int = 200,
        btcturk_empty_401: bool = False,
    ) -> None:
        """Set up both exchanges without accounts and without faults."""
        self.skew = 0.0
        self.ledger = Ledger(ledger_size)
        self.accounts: list[Account] = []
        self._seed = seed
        self._clock = clock
        self._monotonic = monotonic
        self._trubit = TruBit(token_lifetime=token_lifetime, error_status=trubit_error_status)
        self._exchanges: dict[str, Exchange] = {
            "btcturk": BtcTurk(empty_401=btcturk_empty_401),
            "trubit": self._trubit,
        }
        self._faults = Schedule(f"{seed}/faults")
        gateway = Gateway(
            self._exchanges.values(),
            limits={**DOCUMENTED_LIMITS, **limits},
            faults=self._faults,
            ledger=self.ledger,
            now=self.now,
            clock=clock,
            monotonic=monotonic,
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
        """Return the base URL of both exchanges, without a slash at the end."""
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
        api_key: str | None = None,
        api_secret: str | None = None,
        can_deposit: bool = True,
        thresholds: tuple[Mapping[str, str], ...] = (),
    ) -> Account:
        """Open an account; its key and secret are made up in the exchange's format if not given.

        It answers with the bytes `verbatim`, or `balances` that never move, or a treasury of
        `assets` rows that moves by itself (30 at BtcTurk, 8 at TruBit if not said).
        Raises `ValueError` for an unknown exchange, a name twice, or a secret of the wrong format.
        """
        if exchange not in self._exchanges:
            raise ValueError(f"exchange {exchange}: unknown, choose {' or '.join(self._exchanges)}")
        if any((account.exchange, account.name) == (exchange, name) for account in self.accounts):
            raise ValueError(f"account {name}: there is one of this name at {exchange} already")
        simulated = self._exchanges[exchange]
        key, secret = simulated.new_credentials(self._seed, exchange, name)
        if balances is None:
            seed = f"{self._seed}/{exchange}/{name}"
            portfolio = moving(seed, holdings(exchange, assets), simulated.style)
        else:
            portfolio = fixed(balances, simulated.style)
        account = Account(
            exchange=exchange,
            name=name,
            api_key=key if api_key is None else api_key,
            api_secret=secret if api_secret is None else api_secret,
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
        account.portfolio = fixed(balances, self._exchanges[account.exchange].style)
        account.verbatim = None

    def issue_token(self, account: Account, lifetime: float = 3600.0) -> str:
        """Return a ready token for an account, good for `lifetime` seconds."""
        expires_ms = int((self.now() + lifetime) * 1000)
        return self._trubit.issue_token(account, expires_ms)

    def expire_tokens(self, account: Account) -> None:
        """Accept none of an account's tokens any more, whatever was said of their lifetime."""
        self._exchanges[account.exchange].expire_tokens(account)

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
        """Show a fault, by its name in `FAULTS` or one of your own, until the result's `stop()`.

        It is shown to an exchange, an account and a call, or to all of them where that is not
        said; `times` at most; each time with a `probability`; `after` some seconds from now and
        then `lasting` some seconds. The result is a context manager that stops at its end.
        """
        showing = FaultInjection(
            named(fault) if isinstance(fault, str) else fault,
            exchange=exchange,
            account=account,
            call=call,
            times=times,
            probability=probability,
            after=after,
            lasting=lasting,
        )
        return self.add_injection(showing)

    def add_injection(self, showing: FaultInjection) -> FaultInjection:
        """Show what `parse_injection` made of a command line's text, from now on."""
        self._faults.add(showing, self._monotonic())
        return showing

    def stop_faults(self) -> None:
        """Show no fault any more."""
        self._faults.stop()
