"""Damaged files of every format through `read_cloud`: how many crash it, how long the slowest takes, and what memory.

Does not know whether a cloud that is read is the right one; only that damage ends in a cloud or a MediaError. The whole
files that are damaged are made here, E57 only where its extra is installed. Each sample has a process of its own, so
that a crash inside a library is counted and the next input goes on.
Usage: python benchmarks/fuzz_readers.py [--inputs 10000] [--seed 0] [--only NAME] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import multiprocessing
import resource
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lamm_core.errors import MediaError
from lamm_core.pointclouds.read import Limits, read_cloud

# What the readers promise: no damaged sample keeps a processor busy for longer. Time on the clock is printed beside it,
# since on a machine with other work it says little.
HANG_SECONDS = 5.0
LIMITS = Limits(bytes=50_000_000, points=100_000, seconds=HANG_SECONDS)
TOKENS = (b"-1", b"0", b"1", b"nan", b"inf", b"1e308", b"10000000000", b"99999999999999999999", b"4294967295", b"x",
          b"list", b"float", b"\n", b" ", b"3", b"255")  # fmt: skip
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 2**63)


def shape(count: int = 60) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Positions and colours of a small cloud, always the same."""
    draw = np.random.default_rng(7)
    return draw.normal(size=(count, 3)).astype(np.float32), draw.integers(0, 256, (count, 3)).astype(np.uint8)


def text_rows(*columns: NDArray[Any], delimiter: str = " ") -> bytes:
    """Rows of text with the columns side by side."""
    return "".join(delimiter.join(f"{value:.9g}" for value in row) + "\n" for row in np.hstack(columns)).encode()


def ply_samples() -> dict[str, bytes]:
    """Clouds as text and binary, a mesh with mixed polygons, a splat."""
    xyz, rgb = shape()
    names = [f"property float {axis}\n" for axis in "xyz"] + [f"property uchar {c}\n" for c in ("red", "green", "blue")]
    face = "element face 3\nproperty list uchar int vertex_indices\n"

    def header(kind: str, extra: str = "") -> bytes:
        return f"ply\nformat {kind} 1.0\nelement vertex {len(xyz)}\n{''.join(names)}{extra}end_header\n".encode()

    def rows(order: str) -> bytes:
        table = np.empty(len(xyz), [("xyz", f"{order}f4", 3), ("rgb", "u1", 3)])
        table["xyz"], table["rgb"] = xyz, rgb
        return table.tobytes()

    faces = struct.pack("<B3iB4iB3i", 3, 0, 1, 2, 4, 3, 4, 5, 6, 3, 7, 8, 9)
    splat = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "rot_0"]
    properties = "".join(f"property float {name}\n" for name in splat)
    splat_header = f"ply\nformat binary_little_endian 1.0\nelement vertex 20\n{properties}end_header\n".encode()
    return {
        "text.ply": header("ascii") + text_rows(xyz, rgb),
        "little.ply": header("binary_little_endian") + rows("<"),
        "big.ply": header("binary_big_endian") + rows(">"),
        "mesh.ply": header("binary_little_endian", face) + rows("<") + faces,
        "text-mesh.ply": header("ascii", face) + text_rows(xyz, rgb) + b"3 0 1 2\n4 3 4 5 6\n3 7 8 9\n",
        "splat.ply": splat_header + np.random.default_rng(3).normal(size=(20, 9)).astype("<f4").tobytes(),
    }


def pcd_samples() -> dict[str, bytes]:
    """Text, binary and compressed; the compressed one holds its bytes as literal runs, which is LZF too."""
    xyz, rgb = shape()
    packed = (rgb.astype(np.uint32) << [16, 8, 0]).sum(axis=1).astype(np.uint32)

    def header(kind: str) -> bytes:
        return (
            "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\nTYPE F F F U\n"
            f"COUNT 1 1 1 1\nWIDTH {len(xyz)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(xyz)}\nDATA {kind}\n"
        ).encode()

    table = np.empty(len(xyz), [("xyz", "<f4", 3), ("rgb", "<u4")])
    table["xyz"], table["rgb"] = xyz, packed
    planes = xyz.T.astype("<f4").tobytes() + packed.astype("<u4").tobytes()
    runs = b"".join(bytes([len(planes[at : at + 32]) - 1]) + planes[at : at + 32] for at in range(0, len(planes), 32))
    return {
        "text.pcd": header("ascii") + text_rows(xyz.astype(np.float64), packed[:, None]),
        "binary.pcd": header("binary") + table.tobytes(),
        "packed.pcd": header("binary_compressed") + struct.pack("<II", len(runs), len(planes)) + runs,
    }


def las_samples() -> dict[str, bytes]:
    """LAS and LAZ in an old and the newest point format."""
    import laspy

    xyz, rgb = shape()
    samples = {}
    for version, point_format, suffix in (("1.2", 3, "las"), ("1.2", 2, "laz"), ("1.4", 7, "laz"), ("1.4", 6, "las")):
        header = laspy.LasHeader(version=version, point_format=point_format)
        header.scales, header.offsets = np.full(3, 0.001), np.array([600_000.0, 5_000_000.0, 0.0])
        cloud = laspy.LasData(header)
        cloud.x, cloud.y, cloud.z = xyz.T.astype(np.float64) + header.offsets[:, None]
        if point_format != 6:
            cloud.red, cloud.green, cloud.blue = rgb.T.astype(np.uint16) * 257
        buffer = io.BytesIO()
        cloud.write(buffer, do_compress=suffix == "laz")
        samples[f"format{point_format}.{suffix}"] = buffer.getvalue()
    return samples


def text_samples() -> dict[str, bytes]:
    """Tables with and without names and in three spellings."""
    xyz, rgb = shape()
    intensity = np.full((len(xyz), 1), 0.5)
    return {
        "plain.xyz": text_rows(xyz, rgb),
        "named.csv": b"x,y,z,red,green,blue\n" + text_rows(xyz, rgb, delimiter=","),
        "german.csv": b"x;y;z\n" + text_rows(xyz, delimiter=";").replace(b".", b","),
        "counted.pts": f"{len(xyz)}\n".encode() + text_rows(xyz, intensity, rgb),
    }


def array_samples() -> dict[str, bytes]:
    """NPY of three and six columns, NPZ plain and deflated."""
    xyz, rgb = shape()
    samples = {}
    for name, array in (("three.npy", xyz), ("six.npy", np.hstack([xyz, rgb / np.float32(255)]))):
        buffer = io.BytesIO()
        np.save(buffer, array)
        samples[name] = buffer.getvalue()
    for name, save in (("plain.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        buffer = io.BytesIO()
        save(buffer, xyz=xyz, rgb=rgb, instance=np.arange(len(xyz)) % 3)
        samples[name] = buffer.getvalue()
    return samples


def mesh_samples() -> dict[str, bytes]:
    """A coloured box in every mesh format."""
    import trimesh

    box = trimesh.creation.box(extents=(1, 2, 3))
    box.visual.vertex_colors = np.arange(32).reshape(8, 4).astype(np.uint8)
    samples = {
        "box.glb": box.export(file_type="glb"),
        "box.obj": box.export(file_type="obj").encode(),
        "box.stl": box.export(file_type="stl"),
        "text.stl": box.export(file_type="stl_ascii").encode(),
        "box.off": box.export(file_type="off").encode(),
    }
    return {name: bytes(data) for name, data in samples.items()}


def e57_samples() -> dict[str, bytes]:
    """One scan with colours, where the extra is installed."""
    if importlib.util.find_spec("pye57") is None:
        return {}
    import pye57

    xyz, rgb = shape()
    data = dict(zip(("cartesianX", "cartesianY", "cartesianZ"), xyz.T.astype(np.float64), strict=True))
    data |= dict(zip(("colorRed", "colorGreen", "colorBlue"), np.ascontiguousarray(rgb.T), strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.e57"
        with pye57.E57(str(path), mode="w") as file:
            file.write_scan_raw({name: np.ascontiguousarray(column) for name, column in data.items()})
        return {"scan.e57": path.read_bytes()}


def samples() -> dict[str, bytes]:
    """Whole small files by name, of every format that can be made here."""
    made = (ply_samples, pcd_samples, las_samples, text_samples, array_samples, mesh_samples, e57_samples)
    return {name: data for make in made for name, data in make().items()}


def mutate(data: bytes, draw: np.random.Generator) -> bytes:
    """One to four kinds of damage, half of it to the first bytes, where headers are."""
    for _ in range(int(draw.integers(1, 5))):
        if not data:
            return data
        reach = len(data) if draw.random() < 0.5 else min(len(data), 400)
        at = int(draw.integers(reach))
        kind = int(draw.integers(8))
        if kind == 0:  # a bit
            data = data[:at] + bytes([data[at] ^ (1 << int(draw.integers(8)))]) + data[at + 1 :]
        elif kind == 1:  # cut short
            data = data[:at]
        elif kind == 2:  # a telling number in 1 to 8 bytes
            width = int(draw.choice([1, 2, 4, 8]))
            number = EXTREMES[int(draw.integers(len(EXTREMES)))] % (1 << 8 * width)
            data = data[:at] + number.to_bytes(width, "little") + data[at + width :]
        elif kind == 3:  # a telling word in the place of another
            data = data[:at] + TOKENS[int(draw.integers(len(TOKENS)))] + data[at + int(draw.integers(1, 6)) :]
        elif kind == 4:  # a piece twice
            length = int(draw.integers(1, 200))
            data = data[:at] + data[at : at + length] + data[at:]
        elif kind == 5:  # a piece gone
            data = data[:at] + data[at + int(draw.integers(1, 50)) :]
        elif kind == 6:  # noise
            length = int(draw.integers(1, 20))
            data = data[:at] + draw.bytes(length) + data[at + length :]
        else:  # a digit more
            data = data[:at] + b"9" + data[at:]
    return data


def damaged(data: bytes, *, seed: int, number: int) -> bytes:
    """The damaged file ``number`` of a sample; the same seed and number give the same bytes."""
    return mutate(data, np.random.default_rng((seed, number)))


@dataclass(frozen=True)
class Outcome:
    """What became of one input. ``failure`` is empty for a cloud or a MediaError."""

    seconds: float
    busy_seconds: float
    read: bool
    failure: str = ""


def try_reading(path: Path) -> Outcome:
    """Read one file and say what happened; any other error than MediaError is a failure."""
    began, busy = time.perf_counter(), time.process_time()
    read, failure = False, ""
    try:
        read_cloud(path, limits=LIMITS)
        read = True
    except MediaError:
        pass  # what is promised for a damaged file
    except BaseException:
        failure = traceback.format_exc()
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return Outcome(seconds, busy, read, failure or (f"took {busy:.1f} s" if busy > HANG_SECONDS else ""))


def work(name: str, data: bytes, numbers: range, seed: int, folder: str, to: Connection) -> None:
    """In a process of its own: try these inputs and send each outcome, then the process's peak memory in MB."""
    path = Path(folder) / name
    for number in numbers:
        path.write_bytes(damaged(data, seed=seed, number=number))
        to.send(try_reading(path))
    to.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def outcomes(name: str, data: bytes, *, inputs: int, seed: int, folder: str) -> Iterator[Outcome | float]:
    """All outcomes of a sample, in new processes after a crash or a hang; and the peak memory of each process."""
    done = 0
    while done < inputs:
        ours, theirs = multiprocessing.Pipe(duplex=False)
        task = (name, data, range(done, inputs), seed, folder, theirs)
        process = multiprocessing.get_context("spawn").Process(target=work, args=task, daemon=True)
        process.start()
        theirs.close()
        try:
            while ours.poll(HANG_SECONDS + 30):  # the first input waits for the imports
                outcome = ours.recv()
                done += isinstance(outcome, Outcome)
                yield outcome
            process.kill()
            yield Outcome(HANG_SECONDS, HANG_SECONDS, False, "hung")
            done += 1
        except EOFError:
            process.join()
            if done < inputs:
                yield Outcome(0.0, 0.0, False, f"the process ended with code {process.exitcode}")
                done += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, help="how many in all, spread over the samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="only samples whose name ends so")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that failed")
    options = parser.parse_args()
    chosen = {name: data for name, data in samples().items() if name.endswith(options.only)}
    share = -(-options.inputs // len(chosen))
    count = crashes = read = 0
    slowest = busiest = peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, data in chosen.items():
            number = 0
            for outcome in outcomes(name, data, inputs=share, seed=options.seed, folder=folder):
                if isinstance(outcome, float):
                    peak = max(peak, outcome)
                    continue
                read += outcome.read
                slowest, busiest = max(slowest, outcome.seconds), max(busiest, outcome.busy_seconds)
                if outcome.failure:
                    crashes += 1
                    print(f"{name} number {number}: {outcome.failure}", file=sys.stderr)
                    if options.keep:
                        options.keep.mkdir(parents=True, exist_ok=True)
                        (options.keep / f"{number}-{name}").write_bytes(damaged(data, seed=options.seed, number=number))
                number += 1
            count += number
    result = {
        "inputs": count,
        "crashes": crashes,
        "slowest_seconds": round(slowest, 3),
        "busiest_seconds": round(busiest, 3),
        "peak_mb": round(peak),
        "read": read,
        "refused": count - read - crashes,
        "samples": len(chosen),
        "seed": options.seed,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
