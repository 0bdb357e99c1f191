"""List the simulated exchanges: those of the folder, and those that other packages register."""

from functools import cache

from exporter.runtime.plugins import in_folder, in_packages
from exporter.simulator import exchanges
from exporter.simulator.exchange import Exchange

GROUP = "exchange_balance_exporter.simulated_exchanges"


@cache
def simulated_exchanges() -> dict[str, type[Exchange]]:
    """Return the class of every simulated exchange by the exchange's name."""
    classes = [*in_folder(exchanges, type), *in_packages(GROUP, type)]
    return {
        each.name: each for each in classes if issubclass(each, Exchange) and hasattr(each, "name")
    }
