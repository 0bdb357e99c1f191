"""Keep the samples of each family in groups of accounts, so that a change costs what it changes.

A page has each family's samples together, so one account's samples stand in many places. Each
family is a column with an item for each account; items are joined in groups, and groups in the
column. When an item changes, its group and its column are joined again, and nothing else.
"""

from collections.abc import Callable, Sequence
from operator import eq, is_
from typing import Generic, TypeVar

from exporter.exposition.deflate import EMPTY, Block, deflate, join

GROUP = 16
"""Accounts in a group: near the square root of a few hundred, where a change costs least."""

Item = TypeVar("Item")


class Column(Generic[Item]):
    """Join one family's items, an item for each account."""

    def __init__(
        self,
        accounts: int,
        empty: Item,
        join_group: Callable[[Sequence[Item]], Block],
        is_same: Callable[[Item, Item], bool] = eq,
    ) -> None:
        """Start with empty items; `is_same` tells whether an item has to be joined again."""
        self._items = [empty] * accounts
        self._join_group = join_group
        self._is_same = is_same
        self._groups: list[Block | None] = [None] * -(-accounts // GROUP)
        self._block: Block | None = None

    def set(self, place: int, item: Item) -> None:
        """Replace an account's item."""
        before, self._items[place] = self._items[place], item
        if not self._is_same(item, before):
            self._groups[place // GROUP] = None
            self._block = None

    def block(self) -> Block:
        """Return all items as one block; its length is 0 if there are none."""
        if self._block is None:
            self._block = join([self._group(number) for number in range(len(self._groups))])
        return self._block

    def _group(self, number: int) -> Block:
        group = self._groups[number]
        if group is None:
            start = number * GROUP
            group = self._join_group(self._items[start : start + GROUP])
            self._groups[number] = group
        return group


def text_column(accounts: int) -> Column[str]:
    """Return a column of texts, which are deflated by groups: alone they are too short for that."""
    return Column(accounts, "", lambda texts: deflate("".join(texts).encode()))


def block_column(accounts: int) -> Column[Block]:
    """Return a column of what is already deflated.

    A group holds on to the blocks that it was joined from, so it is joined again for a block that
    is equal to the one before: that one would keep all of an old response's samples in memory.
    """
    return Column(accounts, EMPTY, join, is_)
