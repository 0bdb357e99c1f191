"""Deflate pieces of a page once, and join them into one gzip member or back into text.

A block is raw deflate that ends with a full flush, so blocks stand in any order and number in one
gzip member. One member matters: Chromium and curl stop after the first of several.
"""

from collections.abc import Iterable, Iterator

from isal import isal_zlib

from exporter.model import Block, Piece

__all__ = ["EMPTY", "Block", "deflate", "gzip", "inflate", "inflate_in_pieces", "join", "pack"]

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_FINAL_BLOCK = b"\x03\x00"
_RAW = -15
_FASTEST = 1
_AT_ONCE = 8 * 1024  # of deflated bytes; twenty times that in text

EMPTY = Block((), 0, 0)


def deflate(text: bytes) -> Block:
    """Return a block of a text."""
    if not text:
        return EMPTY
    compressor = isal_zlib.compressobj(_FASTEST, isal_zlib.DEFLATED, _RAW)
    deflated = compressor.compress(text) + compressor.flush(isal_zlib.Z_FULL_FLUSH)
    return Block((deflated,), isal_zlib.crc32(text), len(text))


def join(blocks: Iterable[Block]) -> Block:
    """Return one block of the text of several; their pieces are shared, not copied."""
    pieces: list[Piece] = []
    crc = length = 0
    for block in blocks:
        pieces += block.pieces
        crc = isal_zlib.crc32_combine(crc, block.crc, block.length)
        length += block.length
    return Block(tuple(pieces), crc, length)


def pack(blocks: Iterable[Block]) -> list[Block]:
    """Return the same blocks with their bytes in one allocation.

    Where many small ones come and go, they leave holes in the heap that nothing else fits into.
    """
    kept = tuple(blocks)
    side_by_side = memoryview(b"".join([piece for block in kept for piece in block.pieces]))
    packed = []
    start = 0
    for block in kept:
        end = start + sum(map(len, block.pieces))
        packed.append(block._replace(pieces=(side_by_side[start:end],)))
        start = end
    return packed


def gzip(blocks: Iterable[Block]) -> list[Piece]:
    """Return the pieces of one gzip member that holds the text of all blocks."""
    pieces, crc, length = join(blocks)
    trailer = crc.to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    return [_HEADER, *pieces, _FINAL_BLOCK + trailer]


def inflate(block: Block) -> bytes:
    """Return the text of a block."""
    return b"".join(inflate_in_pieces(block))


def inflate_in_pieces(block: Block) -> Iterator[bytes]:
    """Yield the text of a block piece by piece, without ever holding all of it."""
    inflater = isal_zlib.decompressobj(_RAW)
    for piece in block.pieces:
        deflated = memoryview(piece)
        for start in range(0, len(deflated), _AT_ONCE):
            if text := inflater.decompress(deflated[start : start + _AT_ONCE]):
                yield text
