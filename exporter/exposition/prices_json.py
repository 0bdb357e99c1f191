"""Give prices and values as JSON with exact decimal texts."""

from collections.abc import Mapping
from typing import Any

import msgspec

from exporter.exposition.deflate import Block, deflate, inflate
from exporter.model import AccountKey, Amount
from exporter.prices.valuations import Valued
from exporter.prices.values import AccountValue, AssetPrices, plain, row_value

_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Row(msgspec.Struct):
    """Read of a row what its value depends on."""

    asset: str
    total: Amount


_decode_row = msgspec.json.Decoder(_Row).decode


def prices_document(valued: Valued, now: float) -> bytes:
    """Return the document of `/api/v1/prices` as of `now` (monotonic)."""
    prices = [
        {
            "exchange": exchange,
            "asset": asset,
            "currency": currency,
            "price": plain(price.value),
            "route": ">".join(price.route),
            "source": ",".join(price.sources),
            "assumed": ",".join(price.assumed),
            "updated": None if price.updated is None else f"{price.updated:.3f}",
            "age_seconds": (
                None if price.dated_at is None else f"{max(0.0, now - price.dated_at):.3f}"
            ),
        }
        for (exchange, asset, currency), price in valued.worth.prices.items()
    ]
    currencies = valued.valuation.currencies
    return msgspec.json.encode({"currencies": currencies, "prices": prices}) + b"\n"


def json_values(values: Mapping[str, AccountValue] | None) -> dict[str, Any] | None:
    """Return what an account is worth by currency, None while its balances are withdrawn."""
    if values is None:
        return None
    return {currency: _value(its) for currency, its in values.items()}


def _value(its: AccountValue) -> dict[str, Any]:
    return {
        "value": None if its.value is None else plain(its.value),
        "known": plain(its.known),
        "valued": its.valued,
        "unpriced": its.unpriced,
        "ignored": its.ignored,
    }


def with_values(rows: Block, key: AccountKey, valued: Valued) -> Block:
    """Return an account's rows with the value of each: null for an asset that has none."""
    prices = valued.prices_at(key.exchange)
    listed = (
        bytes(raw)[:-1]
        + b',"value":'
        + msgspec.json.encode(json_row_values(row.asset, row.total, prices))
        + b"}"
        for raw in _decode_rows(inflate(rows))
        for row in (_decode_row(raw),)
    )
    return deflate(b"[" + b",".join(listed) + b"]")


def json_row_values(
    asset: str, total: Amount, prices: Mapping[str, AssetPrices]
) -> dict[str, str | None]:
    """Return what one balance is worth by currency, None in those in which it has no price."""
    values = {currency: row_value(asset, total, assets) for currency, assets in prices.items()}
    return {currency: None if each is None else plain(each) for currency, each in values.items()}
