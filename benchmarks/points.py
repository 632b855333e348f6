"""From a scan of 300,000 points to the first token of an answer, step by step; and our sampling beside open3d's.

Needs the weights that ``lamm fetch`` brings and a checkpoint with the modality "pointcloud". ``ratio`` is open3d's time
for a voxel grid and farthest points over ours, on the same points in turn. The last line is JSON.
Usage: python benchmarks/points.py [--points 300000] [--cell 0.01] [--samples 1024] [--cache FOLDER]
[--checkpoint FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.__main__ import cache_folder
from lamm_core.conversation import Media, Turn
from lamm_core.inference.engine import Generation, LocalEngine
from lamm_core.modalities.pointcloud.sampling import farthest_order, thin
from lamm_core.modalities.pointcloud.scene import find_objects
from lamm_core.modalities.pointcloud.scene_tokens import scene_tokens
from lamm_core.model.lamm import LammModel
from lamm_core.pointclouds.doctor import examine
from lamm_core.pointclouds.read import read_cloud

ROOT = Path(__file__).resolve().parents[1]
Result = TypeVar("Result")
ROUNDS = 3


def table_top(points: int) -> tuple[np.ndarray, np.ndarray]:
    """A table of 1.4 x 1 m with six coloured boxes: xyz (N, 3) metres, rgb (N, 3) bytes."""
    rng = np.random.default_rng(0)
    on_boxes = points // 3
    table = np.column_stack([rng.uniform((-0.7, -0.5), (0.7, 0.5), (points - on_boxes, 2)),
                             rng.normal(0, 0.001, points - on_boxes)])  # fmt: skip
    parts, colours = [table], [np.tile([140, 135, 130], (len(table), 1))]
    for number in range(6):
        size = rng.uniform(0.06, 0.2, 3)
        corner = np.array([-0.6 + 0.21 * number, rng.uniform(-0.3, 0.2), 0.0])
        side = rng.uniform(0, 1, (on_boxes // 6, 3))
        axis = rng.integers(0, 3, len(side))
        side[np.arange(len(side)), axis] = (axis == 2) * 1.0  # front, left and top
        parts.append(side * size + corner + rng.normal(0, 0.001, side.shape))
        colours.append(np.tile(rng.integers(30, 230, 3), (len(side), 1)))
    return np.concatenate(parts).astype(np.float32), np.concatenate(colours).astype(np.uint8)


def write_ply(path: Path, xyz: np.ndarray, rgb: np.ndarray) -> None:
    """A binary PLY."""
    rows = np.empty(len(xyz), dtype=[("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"),
                                     ("blue", "u1")])  # fmt: skip
    rows["x"], rows["y"], rows["z"] = xyz.T
    rows["red"], rows["green"], rows["blue"] = rgb.T
    names = "".join(f"property float {axis}\n" for axis in "xyz")
    names += "".join(f"property uchar {colour}\n" for colour in ("red", "green", "blue"))
    head = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(rows)}\n{names}end_header\n"
    path.write_bytes(head.encode() + rows.tobytes())


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """What it gives and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def steps(path: Path, engine: LocalEngine) -> dict[str, float]:
    """Seconds of each step from the file to the first token."""
    cloud, read = timed(lambda: read_cloud(path))
    _, doctor = timed(lambda: examine(cloud))
    objects, proposals = timed(lambda: find_objects(cloud))
    _, tokens = timed(lambda: scene_tokens(objects.seen))
    turn = Turn("user", "Which object is furthest to the left?", (Media("pointcloud", path),))
    began = time.perf_counter()
    first = next(iter(engine.stream([turn], Generation(max_new_tokens=8))))
    answered = time.perf_counter() - began
    assert first.tokens
    model = max(0.0, answered - read - proposals - tokens)  # the engine reads and proposes once more by itself
    return {"read": read, "doctor": doctor, "propose": proposals, "tokens": tokens, "first_token": model}


def sampling(xyz: np.ndarray, cell: float, samples: int) -> tuple[float, float]:
    """Seconds of our voxel grid and farthest points, and of open3d's."""
    import open3d

    _, ours = timed(lambda: farthest_order(thin(xyz, cell, most=len(xyz)), samples))
    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(xyz.astype(np.float64)))
    _, theirs = timed(lambda: cloud.voxel_down_sample(cell).farthest_point_down_sample(samples))
    return ours, theirs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=300_000)
    parser.add_argument("--cell", type=float, default=0.01)
    parser.add_argument("--samples", type=int, default=1024)
    parser.add_argument("--cache", type=Path, default=None)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "assets" / "lamm-mini")
    given = parser.parse_args()
    xyz, rgb = table_top(given.points)
    engine = LocalEngine(LammModel.from_pretrained(given.checkpoint, cache=given.cache or cache_folder()))
    with tempfile.TemporaryDirectory() as folder:
        rounds = []
        for number in range(ROUNDS):  # another file each time, so that nothing is remembered
            path = Path(folder) / f"scan-{number}.ply"
            write_ply(path, xyz + np.float32(0.0001 * number), rgb)
            rounds.append(steps(path, engine))
        compared = [sampling(xyz, given.cell, given.samples) for _ in range(ROUNDS)]
    taken = {step: median(one[step] for one in rounds) for step in rounds[0]}
    total = sum(taken.values())
    for step, seconds in taken.items():
        print(f"{step:12} {seconds:7.3f} s  {seconds / total:5.1%}")
    ours, theirs = (median(one[side] for one in compared) for side in (0, 1))
    print(f"sampling: ours {ours:.3f} s, open3d {theirs:.3f} s")
    print(json.dumps({"ratio": round(theirs / ours, 2), "first_token_seconds": round(total, 3), "points": len(xyz),
                      **{f"{step}_seconds": round(seconds, 3) for step, seconds in taken.items()}}))  # fmt: skip
