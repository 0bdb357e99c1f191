"""Write the exporter's configuration for simulated accounts, and open those of the demo."""

from collections.abc import Iterator, Mapping

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
) -> str:
    """Return a `config.yaml` with all accounts of a running simulator, their secrets included.

    Durations are those of Prometheus; without one the exporter's own default holds.
    """
    defaults = {"interval": interval, "timeout": timeout, "stale_after": stale_after}
    lines = ["defaults:"]
    lines += [f"  {name}: {quoted(value)}" for name, value in defaults.items() if value is not None]
    lines.append("accounts:" if simulator.accounts else "accounts: []")
    for account in simulator.accounts:
        lines += _account_lines(account, simulator.url)
    return "\n".join(lines) + "\n"


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
