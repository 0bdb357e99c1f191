"""Add up each asset over the accounts, and withhold a sum that could be too small."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape

from exporter.amounts import EXACT
from exporter.model import Account, Amount, AssetFilter
from exporter.status.holdings import Holdings
from exporter.status.tables import amount_cells, amounts_table, decimals, zeros_list
from exporter.status.words import account_name, listed, name

_ZERO = Decimal(0)


@dataclass(slots=True)
class Sum:
    """Add up one asset; `accounts` counts those that list it, `is_held` says if one holds it."""

    total: Decimal = _ZERO
    free: Decimal = _ZERO
    locked: Decimal = _ZERO
    accounts: int = 0
    is_held: bool = False

    @property
    def amounts(self) -> tuple[Amount, ...]:
        """Return the three sums as exact text."""
        return tuple(Amount(format(sum_, "f")) for sum_ in (self.total, self.free, self.locked))


@dataclass(slots=True)
class Totals:
    """Take in accounts one by one.

    What an account holds counts only while it is up and complete. Any other account could hold
    every asset that its configuration admits, so it withholds the sums of all of these.
    """

    sums: defaultdict[str, Sum] = field(default_factory=lambda: defaultdict(Sum))
    absent: defaultdict[AssetFilter, list[Account]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, holdings: Holdings) -> None:
        """Count an account that is up and complete."""
        for asset in holdings.zeros:
            self.sums[asset].accounts += 1
        for held in holdings.held:
            its = self.sums[held.asset]
            its.accounts += 1
            its.is_held = True
            its.total = EXACT.add(its.total, held.total)
            its.free = EXACT.add(its.free, held.free)
            its.locked = EXACT.add(its.locked, held.locked)

    def leave_out(self, account: Account, holdings: Holdings | None) -> None:
        """Withhold what an account could hold that is down or incomplete."""
        self.absent[account.assets].append(account)
        for held in holdings.held if holdings else ():
            self.sums[held.asset].is_held = True

    def missing(self, asset: str) -> list[Account]:
        """Return the accounts that could hold an asset and are not in its sum."""
        return [
            account
            for choice, accounts in self.absent.items()
            if choice.admits(asset)
            for account in accounts
        ]

    def html(self) -> str:
        """Return the section's inside as HTML."""
        held = sorted(asset for asset, its in self.sums.items() if its.is_held)
        missing = {asset: self.missing(asset) for asset in held}
        certain = [self.sums[asset] for asset in held if not missing[asset]]
        places = decimals(text for its in certain for text in its.amounts)
        rows = "".join(
            _withheld_row(asset, self.sums[asset], missing[asset])
            if missing[asset]
            else _row(asset, self.sums[asset], places)
            for asset in held
        )
        table = amounts_table("Accounts", rows) if rows else _NOTHING
        return self._lead() + table + self._zeros()

    def _lead(self) -> str:
        absent = [account for accounts in self.absent.values() for account in accounts]
        if not absent:
            return ""
        names = listed([account_name(account) for account in absent])
        return (
            f"<p>Not counted: {names}. A sum is withheld while an account that could hold the "
            "asset is down or incomplete: it would be too small.</p>"
        )

    def _zeros(self) -> str:
        where = " in every account that is up and complete" if self.absent else " in every account"
        assets = sorted(asset for asset, its in self.sums.items() if not its.is_held)
        return zeros_list("totals/zeros", where, assets)


_NOTHING = "<p>No account is known to hold anything.</p>"


def _row(asset: str, its: Sum, places: int) -> str:
    return (
        f'<tr><th scope="row">{escape(asset)}</th>{amount_cells(its.amounts, places)}'
        f"<td>{its.accounts} of {its.accounts}</td></tr>"
    )


def _withheld_row(asset: str, its: Sum, missing: Sequence[Account]) -> str:
    first, *others = [name(account.name) for account in missing]
    rest = others[0] if len(others) == 1 else f"{len(others)} more"
    said = f"{first} and {rest} are" if others else f"{first} is"
    return (
        f'<tr class="withheld"><th scope="row">{escape(asset)}</th>'
        f'<td colspan="3">withheld: {said} missing</td>'
        f"<td>{its.accounts} of {its.accounts + len(missing)}</td></tr>"
    )
