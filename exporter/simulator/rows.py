"""Write and read the rows of balances responses in an exchange's JSON."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

import msgspec

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)

_NOT_ROWS = (
    msgspec.DecodeError,
    UnicodeDecodeError,
    RecursionError,
    LookupError,
    TypeError,
    AttributeError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """Keep one asset's row under the simulator's own field names, the same for every exchange.

    The names are `asset`, `name`, `id`, `total`, `free`, `locked`, `orders`, `withdrawals`,
    `deposits`, `precision` and `updated_ms`, as far as the exchange has the field. Amounts are the
    texts as sent, with the exchange's own decimal separator.
    """

    fields: Mapping[str, object]

    def __getitem__(self, name: str) -> object:
        return self.fields[name]

    def changed(self, **fields: object) -> "Row":
        """Return this row with other or further fields."""
        return Row({**self.fields, **fields})

    def without(self, *names: str) -> "Row":
        """Return this row without some fields."""
        return Row({name: value for name, value in self.fields.items() if name not in names})


Rows = tuple[Row, ...]


AMOUNTS = ("total", "free", "locked", "orders", "withdrawals", "deposits")


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """Describe how an exchange writes rows.

    `fields` gives, in the order of the documentation, the exchange's names for ours. Where
    `withdrawals_leave`, a withdrawal is not part of the total from its beginning.
    """

    fields: Mapping[str, str]
    separator: str = "."
    least_decimals: int = 0
    is_lower_case: bool = False
    withdrawals_leave: bool = False

    @property
    def main(self) -> str:
        """Return our name of the first balance that the exchange gives: `total`, or else `free`."""
        return "total" if "total" in self.fields else "free"

    @property
    def amounts(self) -> tuple[str, ...]:
        """Return our names of the amounts that the exchange gives."""
        return tuple(name for name in AMOUNTS if name in self.fields)

    def row(self, **fields: object) -> Row:
        """Return a row with those of the fields that the exchange has."""
        return Row({name: fields[name] for name in self.fields})

    def amount(self, plain: str) -> str:
        """Return a plain decimal with the exchange's separator."""
        return plain.replace(".", self.separator)

    def code(self, asset: str) -> str:
        """Return an asset's code as the exchange writes it."""
        return asset.lower() if self.is_lower_case else asset


def encode(rows: Rows, style: Style) -> bytes:
    """Return rows as a JSON array; fields that the exchange does not know keep their names."""
    return b"[" + b",".join(_encode(row, style) for row in rows) + b"]"


@lru_cache(maxsize=32_768)
def _encode(row: Row, style: Style) -> bytes:
    return _encoder.encode({style.fields.get(name, name): v for name, v in row.fields.items()})


def decode(body: bytes, style: Style, *path: str) -> Rows | None:
    """Return the rows of the array at a path of keys in a JSON text, `None` if there is none."""
    names = {written: name for name, written in style.fields.items()}
    try:
        content = _decoder.decode(body)
        for key in path:
            content = content[key]
        return tuple(_row(names, fields.items()) for fields in content)
    except _NOT_ROWS:
        return None


def _row(names: Mapping[str, str], fields: Iterable[tuple[str, object]]) -> Row:
    return Row({names.get(written, written): value for written, value in fields})
