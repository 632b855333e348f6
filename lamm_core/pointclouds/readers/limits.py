"""How much of a file is read, for how long, and how much of it is kept.

Does not know file formats; the readers and `gathering` keep to it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """Bounds of one reading.

    A file over ``bytes`` is refused, on disk as well as unpacked. Of a cloud over ``points`` that many are drawn evenly
    and the rest passes by. After ``seconds`` the reading is given up. Meshes are refused over ``mesh_bytes``: their
    corners are needed all at once, where points stream.
    """

    bytes: int = 2_000_000_000
    points: int = 5_000_000
    seconds: float = 120.0
    mesh_bytes: int = 200_000_000
