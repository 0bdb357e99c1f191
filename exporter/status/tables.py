"""Lay out amounts in tables: with their exact digits, aligned at the decimal point."""

from collections.abc import Iterable, Sequence
from html import escape

from exporter.amounts import is_zero
from exporter.model import Amount
from exporter.status.words import count

MOST_DECIMALS = 40
"""Most decimals that amounts are aligned for; the style has a class for each number of them."""


def amounts_table(last_heading: str, rows: str) -> str:
    """Return a table of assets with their amounts."""
    return (
        '<table class="balances"><thead><tr><th scope="col">Asset</th>'
        '<th scope="col" class="n">Total</th><th scope="col" class="n">Free</th>'
        f'<th scope="col" class="n">Locked</th><th scope="col">{last_heading}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def zeros_list(key: str, where: str, assets: Sequence[str]) -> str:
    """Return the assets of which nothing is held, folded away; `key` is the element's id."""
    if not assets:
        return ""
    return (
        f'<details class="zeros" id="{key}">'
        f"<summary>{count(len(assets), 'asset')} at zero{where}</summary>"
        f"<p>{escape(', '.join(assets))}</p></details>"
    )


def decimals(amounts: Iterable[Amount]) -> int:
    """Return the most decimals of a table's amounts, as far as they are aligned."""
    most = max((len(amount.partition(".")[2]) for amount in amounts), default=0)
    return min(most, MOST_DECIMALS)


def amount_cells(amounts: Iterable[Amount], places: int) -> str:
    """Return a cell for each amount, in a table with so many decimals."""
    return "".join(
        f'<td class="n zero">{_aligned(amount, places)}</td>'
        if is_zero(amount)
        else f'<td class="n">{_aligned(amount, places)}</td>'
        for amount in amounts
    )


def _aligned(amount: Amount, places: int) -> str:
    """Set thousands apart and dim trailing zeros by style alone: what is copied is the amount."""
    whole, point, fraction = amount.partition(".")
    if not places:
        return _grouped(whole)
    told = fraction.rstrip("0")
    zeros = fraction[len(told) :]
    dim = f'<span class="z">{zeros}</span>' if zeros else ""
    return f'{_grouped(whole)}<span class="f d{places}">{point}{told}{dim}</span>'


def _grouped(whole: str) -> str:
    first = len(whole) - (len(whole.lstrip("-")) - 1) // 3 * 3
    groups = "".join(f"<span>{whole[at : at + 3]}</span>" for at in range(first, len(whole), 3))
    return whole[:first] + groups
