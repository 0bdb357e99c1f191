"""Lay out amounts in tables: with their exact digits, aligned at the decimal point."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from html import escape

from exporter.amounts import is_zero
from exporter.model import Amount
from exporter.prices.fiat import FIAT
from exporter.status.words import count

MOST_DECIMALS = 40
"""Most decimals that amounts are aligned for; the style has a class for each number of them."""

_MOST_GROUPED = 45  # digits; nobody reads more of them in threes, and each group is an element
_FIAT_DECIMALS = 2
_VALUE_DECIMALS = 8


def amounts_table(
    title: str, last_heading: str, rows: Iterable[str], value_in: str | None = None
) -> Iterator[str]:
    """Yield a table of assets with their amounts; `title` is its name, as text.

    With `value_in`, rows have a value in that currency before their last cell.
    """
    value = f'<th scope="col" class="n">Value in {escape(value_in)}</th>' if value_in else ""
    yield (
        f'<table class="balances" aria-label="{escape(title)}"><thead><tr>'
        '<th scope="col">Asset</th><th scope="col" class="n">Total</th>'
        '<th scope="col" class="n">Free</th><th scope="col" class="n">Locked</th>'
        f'{value}<th scope="col">{last_heading}</th></tr></thead><tbody>'
    )
    yield from rows
    yield "</tbody></table>"


def zeros_list(key: str, where: str, assets: Sequence[str]) -> str:
    """Return the assets of which nothing is held, folded away; `key` is the element's id."""
    if not assets:
        return ""
    return (
        f'<details class="zeros" id="{key}">'
        f"<summary>{count(len(assets), 'asset')} at zero{where}</summary>"
        f"<p>{escape(', '.join(assets))}</p></details>"
    )


def decimals(amounts: Iterable[tuple[str, Amount]]) -> int:
    """Return the most decimals of a table's assets and amounts, as far as they are aligned."""
    most = max((len(_parts(*each)[1]) for each in amounts), default=0)
    return min(most, MOST_DECIMALS)


def amount_cells(asset: str, amounts: Iterable[Amount], places: int) -> str:
    """Return a cell for each amount of an asset, in a table with so many decimals."""
    return "".join(
        f'<td class="n zero">{_aligned(asset, amount, places)}</td>'
        if is_zero(amount)
        else f'<td class="n">{_aligned(asset, amount, places)}</td>'
        for amount in amounts
    )


def shown_value(currency: str, value: Decimal) -> Amount:
    """Return a value as people read it: of fiat, rounded to two decimals."""
    places = _FIAT_DECIMALS if currency in FIAT else _VALUE_DECIMALS
    return Amount(f"{value:.{places}f}")


def value_cell(currency: str, value: Decimal | None) -> str:
    """Return a cell with a value; its title has the exact one."""
    if value is None:
        return '<td class="n value">no price</td>'
    amount, exact = shown_value(currency, value), format(value, "f")
    aligned = _aligned(currency, amount, decimals([(currency, amount)]))
    return f'<td class="n value" title="{exact}">{aligned}</td>'


def shown_amount(amount: Amount) -> str:
    """Return an amount that stands in a sentence, in groups and never broken."""
    whole, point, fraction = amount.partition(".")
    return f'<span class="amount">{_grouped(whole)}{point}{fraction}</span>'


def _aligned(asset: str, amount: Amount, places: int) -> str:
    """Set thousands apart and dim trailing zeros by style alone: what is copied is the amount."""
    whole, fraction = _parts(asset, amount)
    if not places:
        return _grouped(whole)
    point = "." if fraction else ""
    significant = fraction.rstrip("0")
    zeros = fraction[len(significant) :]
    dim = f'<span class="z">{zeros}</span>' if zeros else ""
    return f'{_grouped(whole)}<span class="f d{places}">{point}{significant}{dim}</span>'


def _parts(asset: str, amount: Amount) -> tuple[str, str]:
    """Return what stands before and after the point; of fiat, no zeros beyond two decimals."""
    whole, _, fraction = amount.partition(".")
    if asset in FIAT and len(fraction) > _FIAT_DECIMALS:
        fraction = fraction[:_FIAT_DECIMALS] + fraction[_FIAT_DECIMALS:].rstrip("0")
    return whole, fraction


def _grouped(whole: str) -> str:
    if len(whole) > _MOST_GROUPED:
        return whole
    first = len(whole) - (len(whole.lstrip("-")) - 1) // 3 * 3
    groups = "".join(f"<span>{whole[at : at + 3]}</span>" for at in range(first, len(whole), 3))
    return whole[:first] + groups
