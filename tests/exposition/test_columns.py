"""Columns of samples: always what was last set, and a change costs only its own group."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.columns import GROUP, Column, block_column, text_column
from exporter.exposition.deflate import Block, deflate, inflate, join

ACCOUNTS = 3 * GROUP + 1
CHANGES = st.lists(st.tuples(st.integers(0, ACCOUNTS - 1), st.text("ab\n", max_size=5)))


@given(st.lists(CHANGES, max_size=4))
def test_a_column_is_what_was_last_set_for_each_account(rounds: list[list[tuple[int, str]]]):
    texts, blocks, expected = text_column(ACCOUNTS), block_column(ACCOUNTS), [""] * ACCOUNTS
    for changes in rounds:
        for place, text in changes:
            texts.set(place, text)
            blocks.set(place, deflate(text.encode()))
            expected[place] = text
        for block in (texts.block(), blocks.block()):
            assert inflate(block).decode() == "".join(expected)
            assert block.length == sum(map(len, expected))
        assert texts.block().crc == blocks.block().crc


@pytest.mark.parametrize(
    ("changed", "joined"),
    [([], 0), ([0], 1), ([0, 1, GROUP - 1], 1), ([0, GROUP], 2), ([ACCOUNTS - 1], 1)],
)
def test_only_the_groups_of_what_changed_are_joined_again(changed: list[int], joined: int):
    sizes = []

    def join_group(texts: Sequence[str]) -> Block:
        sizes.append(len(texts))
        return join([deflate(text.encode()) for text in texts])

    column = Column(ACCOUNTS, "", join_group)
    column.block()
    sizes.clear()
    for place in changed:
        column.set(place, "new")
    column.block()
    assert len(sizes) == joined


def test_what_is_set_to_the_same_again_costs_nothing():
    column = text_column(1)
    column.set(0, "text")
    block = column.block()
    column.set(0, "text")
    assert column.block() is block


def test_without_accounts_a_column_is_empty():
    assert text_column(0).block().length == 0
