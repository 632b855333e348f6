"""What a LAZ file says of its compressed chunks, checked against its size before anything is unpacked.

Does not unpack points. lazrs allocates what the sizes in a file ask for: four damaged bytes could take gigabytes.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from lamm_core.errors import MediaError

__all__ = ["check_chunks"]

LAYERED = 3
# Of the LASzip record: kind of compression, then, from byte 32 on, the number of items and each item's type and size.
ITEMS_AT = 32
# How many separately compressed layers an item has, by its type (LASzip's layered items, LAS 1.4); for extra bytes each
# byte is one.
LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}


def check_chunks(path: Path, record: bytes, *, points_at: int, points: int) -> Any:
    """The LASzip record as lazrs has it. Raises MediaError where chunks or their layers do not fit into the file."""
    import lazrs

    packing = lazrs.LazVlr(record)
    with path.open("rb") as file:
        end = table_place(file, path, points_at)
        file.seek(end + 4)
        count = int.from_bytes(file.read(4), "little")
        # A chunk begins with a whole point.
        if count > max(1, (end - points_at) // packing.item_size()) or count > max(1, points):
            raise MediaError(f"{path.name} is damaged: it lists {count:,} chunks of {points:,} points.")
        file.seek(points_at)
        sizes = [size for _, size in lazrs.read_chunk_table(file, packing)]
        if min(sizes, default=0) < 0 or sum(sizes) > end - points_at:
            raise MediaError(f"{path.name} is damaged: its chunks are larger than the file.")
        if struct.unpack_from("<H", record)[0] == LAYERED:
            check_layers(file, path, record, points_at + 8, sizes)
    return packing


def table_place(file: BinaryIO, path: Path, points_at: int) -> int:
    """The byte at which the table of chunks begins. Raises MediaError where that is outside the file."""
    size = path.stat().st_size
    file.seek(points_at)
    at = int.from_bytes(file.read(8), "little", signed=True)
    if at == -1:  # written by a program that could not go back: the place is at the very end
        file.seek(-8, 2)
        at = int.from_bytes(file.read(8), "little", signed=True)
    if not points_at + 8 <= at <= size - 8:
        raise MediaError(f"{path.name} is cut short: its table of chunks lies beyond the end of the file.")
    return at


def check_layers(file: BinaryIO, path: Path, record: bytes, start: int, sizes: list[int]) -> None:
    """Raise MediaError where the layers of a chunk are longer than the chunk."""
    count = struct.unpack_from("<H", record, ITEMS_AT)[0]
    items = [struct.unpack_from("<HH", record, ITEMS_AT + 2 + 6 * number) for number in range(count)]
    layers = sum(LAYERS.get(kind, width) for kind, width in items)
    # The first point as it is, the number of points, then how long each layer is.
    lengths_at = sum(width for _, width in items) + 4
    for size in sizes:
        file.seek(start + lengths_at)
        head = file.read(4 * layers)
        if len(head) < 4 * layers or lengths_at + len(head) + sum(struct.unpack(f"<{layers}I", head)) > size:
            raise MediaError(f"{path.name} is damaged: a chunk is shorter than what it says to hold.")
        start += size
