"""Blocks: joined in any order they are one gzip member, and inflate to the same text."""

import gzip as stdlib_gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.deflate import deflate, gzip, inflate, inflate_in_pieces, join, pack

texts = st.lists(st.binary(max_size=2000), max_size=8)


@given(texts)
def test_blocks_make_one_gzip_member_that_every_reader_gets_whole(parts: list[bytes]):
    reader = zlib.decompressobj(wbits=31)
    text = reader.decompress(b"".join(gzip(map(deflate, parts))))
    assert text == b"".join(parts)
    assert reader.eof
    assert reader.unused_data == b""


@given(texts)
def test_a_member_carries_the_checksum_that_gzip_verifies(parts: list[bytes]):
    assert stdlib_gzip.decompress(b"".join(gzip(map(deflate, parts)))) == b"".join(parts)


@given(texts)
def test_joined_blocks_are_a_block(parts: list[bytes]):
    joined = join(map(deflate, parts))
    assert inflate(joined) == b"".join(parts)
    assert (joined.length, joined.crc) == (len(b"".join(parts)), zlib.crc32(b"".join(parts)))


def test_a_long_block_is_inflated_in_pieces():
    text = b"".join(b"%d\n" % number for number in range(500_000))
    pieces = list(inflate_in_pieces(deflate(text)))
    assert b"".join(pieces) == text
    assert len(pieces) > 10


@given(st.lists(st.text()))
def test_packed_blocks_are_the_same_blocks_in_one_allocation(texts: list[str]):
    blocks = [deflate(text.encode()) for text in texts]
    packed = pack(blocks)
    assert [inflate(block) for block in packed] == [text.encode() for text in texts]
    assert [block[1:] for block in packed] == [block[1:] for block in blocks]
    pieces = [piece for block in packed for piece in block.pieces]
    views = [piece for piece in pieces if isinstance(piece, memoryview)]
    assert len(views) == len(pieces)
    assert len({id(view.obj) for view in views}) <= 1
