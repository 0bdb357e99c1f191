"""Describe the assets of a simulated account, with amounts that a treasury might hold."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """Describe one asset of an account.

    `typical` is about what is held, in whole units; `decimals` is how many the exchange writes at
    most, `precision` how many it shows to people.
    """

    asset: str
    name: str
    asset_id: str
    typical: float
    decimals: int
    precision: int

    @property
    def unit(self) -> int:
        """Return how many of the smallest unit make a whole one."""
        return int(10**self.decimals)


Catalogue = tuple[Holding, ...]


def catalogue(
    rows: Iterable[tuple[str, str, float, int]], *, decimals: int | None = None
) -> Catalogue:
    """Return holdings from code, name, typical amount and precision.

    Amounts have as many decimals as the precision says, unless the exchange has one for all.
    """
    return tuple(
        Holding(asset, name, asset, typical, precision if decimals is None else decimals, precision)
        for asset, name, typical, precision in rows
    )


def first(holdings: Catalogue, count: int) -> Catalogue:
    """Return so many holdings; those beyond the catalogue are invented, and empty."""
    return holdings[:count] + tuple(_invented(number) for number in range(len(holdings), count))


def _invented(number: int) -> Holding:
    asset = f"T{number:04d}"
    return Holding(asset, f"Token {number}", asset, 0, decimals=8, precision=8)
