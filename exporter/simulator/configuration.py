"""Write the exporter's configuration for simulated accounts, and open those of the demo."""

from collections.abc import Iterator, Mapping, Sequence

from exporter.simulator.exchange import Account
from exporter.simulator.simulator import Simulator


def add_demo_accounts(simulator: Simulator) -> None:
    """Open the accounts at each exchange that a company's treasury might have."""
    for exchange in simulator.exchanges.values():
        for account in exchange.demo_accounts:
            simulator.add_account(
                exchange=exchange.name, name=account.name, thresholds=account.thresholds
            )


def config_text(
    simulator: Simulator,
    *,
    interval: str = "5s",
    timeout: str | None = None,
    stale_after: str | None = None,
    currencies: Sequence[str] = (),
) -> str:
    """Return a `config.yaml` with all accounts of a running simulator, their secrets included.

    Durations are those of Prometheus; without one the exporter's own default holds. With
    `currencies`, accounts are valued in them by the simulated quotes.
    """
    defaults = {"interval": interval, "timeout": timeout, "stale_after": stale_after}
    lines = ["defaults:"]
    lines += [f"  {name}: {quoted(value)}" for name, value in defaults.items() if value is not None]
    lines.append("accounts:" if simulator.accounts else "accounts: []")
    for account in simulator.accounts:
        lines += _account_lines(account, simulator.url)
    if currencies:
        lines += _valuation_lines(simulator, currencies)
    return "\n".join(lines) + "\n"


def _valuation_lines(simulator: Simulator, currencies: Sequence[str]) -> Iterator[str]:
    yield "valuation:"
    yield f"  currencies: [{', '.join(map(quoted, currencies))}]"
    yield "  interval: 15s"
    # One market for all exchanges, so the codes do mean the same.
    yield "  shared: [BTC, ETH, USDT, USDC, BNB, SOL, XRP]"
    yield "  sources:"
    for exchange in simulator.exchanges.values():
        account = next((a for a in simulator.accounts if a.exchange == exchange.name), None)
        if exchange.markets and account:
            yield f"    - exchange: {quoted(exchange.name)}"
            if exchange.quote_requests:
                yield f"      account: {quoted(account.name)}"
                yield f"      quotes: [{', '.join(map(_mapping, exchange.quote_requests))}]"


def quoted(text: str) -> str:
    """Return a text as a double-quoted YAML scalar."""
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _account_lines(account: Account, url: str) -> Iterator[str]:
    yield f"  - name: {quoted(account.name)}"
    yield f"    exchange: {quoted(account.exchange)}"
    yield f"    base_url: {quoted(url)}"
    yield f"    credentials: {_mapping(account.credentials)}"
    if account.thresholds:
        yield "    thresholds:"
        yield from (f"      - {_mapping(threshold)}" for threshold in account.thresholds)


def _mapping(entries: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {quoted(text)}" for name, text in entries.items()) + "}"
