"""Make up balances: one file of lines that every measured exporter is filled from."""

import random
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

ASSETS = 300
"""Assets of an account: somewhat more than an exchange lists."""

FAMILIES = ("exchange_total_balance", "exchange_free_balance", "exchange_locked_balance")

HELD = 0.1  # of the assets that an exchange lists, an account holds about one in ten


class Line(NamedTuple):
    """One asset of one account; amounts are exact decimal texts."""

    account: str
    asset: str
    total: str
    free: str
    locked: str


def write(path: Path, series: int, *, seed: int, held: float = HELD) -> Path:
    """Write a file of balances that make so many series, and return its path.

    The share `held` of the assets has amounts of 8 to 16 decimals; the others are zero.
    """
    drawn = amounts(seed, held)
    with path.open("w") as file:
        for number in range(series // len(FAMILIES)):
            account, asset = divmod(number, ASSETS)
            file.write("\t".join((f"account-{account:04}", asset_codes()[asset], *next(drawn))))
            file.write("\n")
    return path


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a file."""
    with path.open() as file:
        for line in file:
            yield Line(*line.rstrip("\n").split("\t"))


def by_account(lines: Iterable[Line]) -> Iterator[tuple[str, list[Line]]]:
    """Yield each account with its lines."""
    for account, group in groupby(lines, key=lambda line: line.account):
        yield account, list(group)


def amounts(seed: int, held: float = HELD) -> Iterator[tuple[str, str, str]]:
    """Yield total, free and locked of one asset after the other, endlessly."""
    chance = random.Random(seed)  # noqa: S311 - no secret is made here
    while True:
        yield _held(chance) if chance.random() < held else ("0", "0", "0")


@cache
def asset_codes() -> tuple[str, ...]:
    """Return as many asset codes as an account has, of three to five letters."""
    chance = random.Random(0)  # noqa: S311 - no secret is made here
    codes: dict[str, None] = {}
    while len(codes) < ASSETS:
        codes["".join(chance.choices("ABCDEFGHIKLMNOPRSTUVXYZ", k=chance.randint(3, 5)))] = None
    return tuple(codes)


def _held(chance: random.Random) -> tuple[str, str, str]:
    decimals = chance.randint(8, 16)
    free, locked = (int(10 ** (decimals + chance.uniform(-3, 4))) + 1 for _ in range(2))
    return _decimal(free + locked, decimals), _decimal(free, decimals), _decimal(locked, decimals)


def _decimal(units: int, decimals: int) -> str:
    whole, part = divmod(units, 10**decimals)
    return f"{whole}.{part:0{decimals}}"
