"""List the assets of the simulated exchanges, with amounts that a treasury might hold."""

from dataclasses import dataclass
from functools import cache


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


_BTCTURK = (
    ("TRY", "Türk Lirası", 4_200_000, 2),  # noqa: RUF001 - it is spelt so
    ("BTC", "Bitcoin", 24.5, 8),
    ("ETH", "Ethereum", 310, 8),
    ("USDT", "Tether", 640_000, 2),
    ("XRP", "Ripple", 185_000, 4),
    ("SOL", "Solana", 2_150, 4),
    ("AVAX", "Avalanche", 7_400, 4),
    ("USDC", "USD Coin", 215_000, 2),
    ("LINK", "Chainlink", 5_600, 4),
    ("XLM", "Stellar", 320_000, 4),
    ("DOGE", "Dogecoin", 410_000, 4),
    ("TRX", "Tron", 560_000, 4),
    ("SHIB", "Shiba Inu", 3_400_000_000, 0),
    ("PEPE", "Pepe", 7_900_000_000, 0),
    ("ADA", "Cardano", 96_000, 4),
    ("DOT", "Polkadot", 8_800, 4),
    ("ATOM", "Cosmos", 4_100, 4),
    ("PAXG", "Pax Gold", 38.25, 6),
    ("LTC", "Litecoin", 0.0000000123, 8),
    ("DASH", "Dash", 0, 8),
    ("NEO", "Neo", 0, 8),
    ("EOS", "EOS", 0, 4),
    ("XTZ", "Tezos", 0, 4),
    ("MKR", "Maker", 0, 6),
    ("UNI", "Uniswap", 0, 4),
    ("GRT", "The Graph", 0, 4),
    ("CHZ", "Chiliz", 0, 4),
    ("MANA", "Decentraland", 0, 4),
    ("FTM", "Fantom", 0, 4),
    ("ALGO", "Algorand", 0, 4),
    ("FIL", "Filecoin", 0, 4),
    ("SPELL", "Spell Token", 0, 2),
    ("STORJ", "Storj", 0, 4),
    ("NMR", "Numeraire", 0, 4),
    ("AMP", "Amp", 0, 2),
    ("LRC", "Loopring", 0, 4),
)

_TRUBIT = (
    ("MXN", "Mexican Peso", 1_850_000, 2),
    ("BRL", "Brazilian Real", 940_000, 2),
    ("USDT", "Tether", 275_000, 6),
    ("USDC", "USD Coin", 410_000, 6),
    ("BTC", "Bitcoin", 3.75, 8),
    ("ETH", "Ethereum", 52, 8),
    ("SOL", "Solana", 0, 8),
    ("BRL1", "BRL1 Stablecoin", 0, 2),
)

# TruBit's identifiers are numbers for some assets, and the codes themselves for others.
_OPAQUE_IDS = {"BTC": "1", "ETH": "2", "MXN": "101", "BRL": "102"}


@cache
def holdings(exchange: str, assets: int | None = None) -> tuple[Holding, ...]:
    """Return what an account of an exchange holds; `assets` asks for that many, invented ones last.

    Without it: 30 for BtcTurk and 8 for TruBit.
    """
    if exchange == "btcturk":
        known = tuple(
            Holding(asset, name, asset, typical, decimals=16, precision=precision)
            for asset, name, typical, precision in _BTCTURK
        )
        wanted = 30 if assets is None else assets
    else:
        known = tuple(
            Holding(asset, name, _OPAQUE_IDS.get(asset, asset), typical, precision, precision)
            for asset, name, typical, precision in _TRUBIT
        )
        wanted = len(known) if assets is None else assets
    return known[:wanted] + tuple(_invented(number) for number in range(len(known), wanted))


@cache
def name_of(exchange: str, asset: str) -> tuple[str, str]:
    """Return an asset's name and identifier; those of an unknown asset are its code."""
    for holding in holdings(exchange, 36):
        if holding.asset == asset:
            return holding.name, holding.asset_id
    return asset, asset


def _invented(number: int) -> Holding:
    asset = f"T{number:04d}"
    return Holding(asset, f"Token {number}", asset, 0, decimals=8, precision=8)
