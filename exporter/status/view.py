"""Say which part of the page a request wants, from its query, and link to these parts."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from exporter.model import Account, AccountKey

EXCHANGE = "exchange"
"""Accounts can be grouped by this, besides by the labels that they are configured with."""


class View(NamedTuple):
    """One account alone, or all of them, perhaps grouped by a label, or one of these groups.

    A `group` of "" has the accounts without that label.
    """

    account: AccountKey | None = None
    group_by: str | None = None
    group: str | None = None


EVERYTHING = View()


def view_of(query: str) -> View:
    """Return what a query wants; parameters that mean nothing here are ignored."""
    try:
        wanted = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=8))
    except ValueError:
        return EVERYTHING
    if "account" in wanted:
        return View(AccountKey(wanted.get("exchange", ""), wanted["account"]))
    return View(group_by=wanted.get("by"), group=wanted.get("is"))


def account_address(account: Account) -> str:
    """Return the address of one account's own page, relative to the page."""
    return f"./?{urlencode(account.key._asdict())}"


def group_address(label: str, group: str | None = None) -> str:
    """Return the address of the page that is grouped by a label, or of one of the groups."""
    return f"./?{urlencode({'by': label} | ({} if group is None else {'is': group}))}"


def group_labels(accounts: Iterable[Account]) -> list[str]:
    """Return by what accounts can be grouped; what would make one group only is no choice."""
    listed = list(accounts)
    names = [EXCHANGE, *sorted({name for account in listed for name in account.labels})]
    return [name for name in names if len({group_of(each, name) for each in listed}) > 1]


def group_of(account: Account, label: str) -> str:
    """Return the group that an account is in; empty if it has no such label."""
    return account.exchange if label == EXCHANGE else account.labels.get(label, "")
