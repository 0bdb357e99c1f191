"""What leaves at once is neither too little nor too much."""

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.connection import join_or_split

CHUNKS = st.lists(st.binary(max_size=50))


@given(CHUNKS, st.integers(1, 60))
def test_pieces_are_the_same_bytes(chunks, size):
    assert b"".join(join_or_split(chunks, size)) == b"".join(chunks)


@given(CHUNKS, st.integers(1, 60))
def test_no_piece_is_too_large(chunks, size):
    assert all(len(piece) <= size for piece in join_or_split(chunks, size))


@given(CHUNKS.filter(bool))
def test_chunks_that_fit_into_one_piece_leave_together(chunks):
    assert len(list(join_or_split(chunks, 50 * len(chunks)))) == 1


def test_a_chunk_of_the_right_size_is_not_copied():
    chunk = bytes(100)
    assert next(join_or_split([chunk], 100)) is chunk
