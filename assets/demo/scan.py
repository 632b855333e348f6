"""Makes the example scans out of the project's own synthetic scenes: `python -m assets.demo.scan` in the repository.

Does not know the page. The third is spoilt on purpose, as scans often come: in millimetres, y up, colours of 16 bits.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from annotation.spatial.synthetic import scan

HERE = Path(__file__).parent
SEEDS = {"table.ply": 117, "room.ply": 38, "sideways.ply": 65}
POINTS = {"table.ply": 34_000, "room.ply": 34_000, "sideways.ply": 28_000}
KINDS = {"<f4": "float", "u1": "uchar", "<u2": "ushort"}


def write(path: Path, columns: dict[str, NDArray[np.generic]]) -> None:
    fields = [(name, column.dtype.str.replace("|", "")) for name, column in columns.items()]
    rows = np.empty(len(columns["x"]), fields)
    for name, column in columns.items():
        rows[name] = column
    header = ["ply", "format binary_little_endian 1.0", "comment LAMM Studio, synthetic, CC0"]
    header += [f"element vertex {len(rows)}", *(f"property {KINDS[kind]} {name}" for name, kind in fields)]
    path.write_bytes("\n".join([*header, "end_header", ""]).encode() + rows.tobytes())


def main() -> None:
    for name, seed in SEEDS.items():
        made = scan(name, random.Random(f"demo {seed}"))
        assert made.xyz is not None and made.rgb is not None and made.instance is not None
        kept = np.random.default_rng(0).permutation(len(made.xyz))[: POINTS[name]]
        xyz, rgb = made.xyz[kept], made.rgb[kept]
        if name == "sideways.ply":
            xyz = (xyz[:, [0, 2, 1]] * np.array([1, 1, -1]) * 1000).astype(np.float32)
            rgb = rgb.astype(np.uint16) * 257
        columns = dict(zip("xyz", xyz.astype("<f4").T, strict=True))
        columns |= dict(zip(("red", "green", "blue"), rgb.T, strict=True))
        if name != "sideways.ply":
            columns["instance"] = made.instance[kept].astype(np.uint8)
        write(HERE / name, columns)


if __name__ == "__main__":
    main()
