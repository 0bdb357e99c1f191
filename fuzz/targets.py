"""List the fuzz targets by the names of their folders in `corpus` and `crashes`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from exporter.exchanges import EXCHANGES
from fuzz import config_targets, exchange_targets, serving_targets

Target = Callable[[bytes], None]

FOLDER = Path(__file__).parent

TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        exchange_targets.amount,
        *map(exchange_targets.balances_target, EXCHANGES),
        exchange_targets.token,
        exchange_targets.retry_after,
        exchange_targets.response,
        config_targets.configuration,
        config_targets.web_configuration,
        config_targets.duration,
        config_targets.secret_file,
        serving_targets.negotiation,
        serving_targets.authorization,
        serving_targets.request,
        serving_targets.exposition,
    )
}


def files(name: str) -> Iterator[Path]:
    """Yield the corpus of a target, and what once made it fail."""
    for folder in ("corpus", "crashes"):
        yield from sorted((FOLDER / folder / name).glob("*"))
