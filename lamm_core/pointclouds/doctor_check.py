"""How often the doctor is right: ``python -m lamm_core.pointclouds.doctor_check --data FOLDER``.

Does not know how the doctor comes to its findings.

Real table-top scans and practice rooms are harmed in known ways, examined, mended by the fixes proposed, and compared
with what they were. The table-tops are told apart by number as everywhere: multiples of five are held apart.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Annotated, Literal

import numpy as np
import typer
from numpy.typing import NDArray

from lamm_core.errors import LammError, MediaError
from lamm_core.pointclouds.cloud import PointCloud
from lamm_core.pointclouds.damage import TURNS, Harm, harm
from lamm_core.pointclouds.doctor import Diagnosis, apply, examine, rgb8
from lamm_core.pointclouds.fixes import DropStrays, Rotate
from lamm_core.pointclouds.labelled import held_apart
from lamm_core.pointclouds.practice_rooms import practice_room
from lamm_core.pointclouds.survey import stray
from lamm_core.pointclouds.units import OR

__all__ = ["check", "main", "scan_paths", "verdicts"]

Part = Literal["train", "held-apart"]
Verdicts = dict[str, list[bool]]

RIGHT_ANGLE = 5.0  # degrees between the true up and the one found
RIGHT_HEIGHT = 0.02  # of the longer side of the scene, between zero and the support once mended
RIGHT_COLOUR = 2  # of 255


def scan_paths(data: Path, part: Part) -> list[Path]:
    """The table-top scans of a part, in order. Raises MediaError where there are none."""
    paths = sorted((data / "osd" / "clouds").glob("learn_*.npz"))
    chosen = [path for path in paths if held_apart(path.stem) is (part == "held-apart")]
    if not chosen:
        raise MediaError(f"{data} has no scans in osd/clouds; give the folder that holds osd with --data.")
    return chosen


def left_alone(data: Path, part: Part) -> dict[str, object]:
    """How many of the scans as they are get no fix at all, and which fixes the others get."""
    wrong: Counter[str] = Counter()
    scans = scan_paths(data, part)
    alone = 0
    for path in scans:
        with np.load(path, allow_pickle=False) as arrays:
            fixes = examine(PointCloud(arrays["xyz"], "npz", colours=arrays["rgb"])).fixes()
        wrong.update(fix.kind for fix in fixes)
        alone += not fixes
    return {"copies": len(scans), "left alone": alone, "needless fixes": dict(wrong)}


def table_copies(data: Path, part: Part, *, copies: int, seed: int) -> Iterator[Harm]:
    """Harmed copies of every real scan of a part."""
    for scan, path in enumerate(scan_paths(data, part)):
        with np.load(path, allow_pickle=False) as arrays:
            xyz, rgb, support = arrays["xyz"], arrays["rgb"], arrays["instance"] == 0
        support &= np.abs(xyz[:, 2]) < 0.02
        for copy in range(copies):
            number = scan * copies + copy
            yield harm(xyz, rgb, support, number=number, seed=seed, shift=bool(number % 2), even=True)


def room_copies(rooms: int, *, seed: int) -> Iterator[Harm]:
    """Harmed copies of practice rooms; where one scanner saw all, half are left in its frame."""
    for number in range(rooms):
        room = practice_room(100_000 + seed * 10_000 + number)
        own_frame = room.stations == 1 and number % 2 == 0
        xyz = room.xyz - np.array(room.eye, np.float32) if own_frame else room.xyz
        floor = np.abs(room.xyz[:, 2]) < 0.02
        yield harm(xyz, room.rgb, floor, number=number, seed=seed, shift=not own_frame, even=False)


def verdicts(harmed: Harm, diagnosis: Diagnosis) -> Verdicts:
    """By name, whether each thing that the doctor said or did is right; no entry where there was nothing to say."""
    found: Verdicts = defaultdict(list)
    found["unit"].append(diagnosis["unit"].guess == harmed.unit)
    candidates = diagnosis["unit"].guess.split(OR)
    found["unit, alone or one of two"].append(harmed.unit in candidates)
    if len(candidates) == 1 and candidates != ["unknown"]:
        found["unit, where one alone is named"].append(found["unit"][0])
    found[f"unit, {harmed.unit}"].append(diagnosis["unit"].guess == harmed.unit)
    found["up"].append(_angle(_up(diagnosis), harmed.up) < RIGHT_ANGLE)
    if diagnosis["up axis"].guess != "unknown":
        found["up, where one is named"].append(found["up"][0])
    found["colour range"].append(_colours_right(harmed, diagnosis))
    found["outliers"].append((diagnosis["outliers"].guess != "none") == (harmed.strays > 0))
    if harmed.even_before:
        found["density"].append((diagnosis["density"].guess == "uneven") == harmed.uneven)
    if harmed.support.any():  # in some rooms the floor was out of sight
        level = found["up"][0] and _stands_at_zero(harmed, diagnosis)
        found["support at zero"].append(level)
        found["metres, z up, on its support"].append(level and found["unit"][0])
    return found


def _stands_at_zero(harmed: Harm, diagnosis: Diagnosis) -> bool:
    """Whether the true table or floor is at zero once every fix is made, within a share of the scene."""
    mended = apply(harmed.cloud, diagnosis.fixes())
    side = float(np.ptp(np.quantile(mended.xyz, [0.01, 0.99], axis=0), axis=0).max())
    moved = [fix for fix in diagnosis.fixes() if not isinstance(fix, DropStrays)]
    heights = apply(harmed.cloud.take(harmed.support), moved).xyz[:, 2]
    return abs(float(np.median(heights))) < RIGHT_HEIGHT * side


def strays_found(harmed: Harm, diagnosis: Diagnosis) -> Counter[str]:
    """How many strewn points and how many of the scene's there are, and how many of each the fix leaves out."""
    left_out = np.zeros(len(harmed.cloud), bool)
    for fix in diagnosis.fixes():
        if isinstance(fix, DropStrays):
            left_out |= stray(harmed.cloud.xyz, cell=fix.cell, fewest=fix.fewest)
    return Counter(
        strewn=int(harmed.strewn.sum()), strewn_left_out=int((left_out & harmed.strewn).sum()),
        scene=int((~harmed.strewn).sum()), scene_left_out=int((left_out & ~harmed.strewn).sum()),
    )  # fmt: skip


def check(copies: Iterator[Harm]) -> dict[str, object]:
    """Examine all copies; shares of right verdicts by name, seconds of processor time, and what became of strays."""
    found: Verdicts = defaultdict(list)
    units: Counter[str] = Counter()
    strays: Counter[str] = Counter()
    seconds: list[float] = []
    sure: list[tuple[float, bool]] = []
    for harmed in copies:
        start = process_time()
        diagnosis = examine(harmed.cloud)
        seconds.append(process_time() - start)
        for name, values in verdicts(harmed, diagnosis).items():
            found[name] += values
        if harmed.unit != diagnosis["unit"].guess:
            units[f"{harmed.unit} taken for {diagnosis['unit'].guess}"] += 1
        sure.append((diagnosis["up axis"].confidence, found["up"][-1]))
        strays += strays_found(harmed, diagnosis)
    strays_seen = strays["strewn_left_out"] / max(strays["strewn"], 1)
    return {
        "copies": len(seconds),
        "right": {name: round(float(np.mean(values)), 4) for name, values in sorted(found.items())},
        "unit mistaken": dict(units.most_common()),
        "up right by confidence": _by_confidence(sure),
        "strewn points left out": round(strays_seen, 4),
        "points of the scene left out": round(strays["scene_left_out"] / max(strays["scene"], 1), 6),
        "processor seconds": {"mean": round(float(np.mean(seconds)), 3), "most": round(max(seconds), 3)},
    }


def _by_confidence(sure: list[tuple[float, bool]]) -> dict[str, str]:
    rows = {}
    for low, high in ((0.0, 0.45), (0.45, 0.7), (0.7, 0.9), (0.9, 1.01)):
        right = [value for confidence, value in sure if low <= confidence < high]
        if right:
            rows[f"{low:.2f} to {min(high, 1.0):.2f}"] = f"{sum(right)} of {len(right)}"
    return rows


def _colours_right(harmed: Harm, diagnosis: Diagnosis) -> bool:
    """The range is named and the bytes are the true ones, where the file still has them."""
    guess = diagnosis["colours"].guess
    shown = rgb8(harmed.cloud)
    if harmed.colours in ("none", "black"):
        return guess == harmed.colours and shown is None
    if harmed.colours == "0 or 1":
        return guess in ("0 or 1", "black")  # a scene with no white is black when its shades are cut off
    named = guess == ("0-255" if harmed.colours == "bytes" else harmed.colours)
    if shown is None:
        return False
    return named and int(np.abs(shown.astype(int) - harmed.rgb).max()) <= RIGHT_COLOUR


def _up(diagnosis: Diagnosis) -> NDArray[np.float64]:
    """The direction that the doctor turns to z; zero where it names none."""
    if diagnosis["up axis"].guess == "unknown":
        return np.zeros(3)
    fix = diagnosis["up axis"].fix
    return np.array(fix.turn)[2] if isinstance(fix, Rotate) else np.array([0.0, 0.0, 1.0])


def _angle(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.degrees(np.arccos(np.clip(first @ second, -1, 1))))


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder that holds osd/.")],
    part: Annotated[Part, typer.Option(help="Which of the table-top scans; those held apart are for reports.")] = (
        "held-apart"
    ),
    copies: Annotated[int, typer.Option(min=1, help="Harmed copies of each scan; 24 are all turns of a cube.")] = TURNS,
    rooms: Annotated[int, typer.Option(min=0, help="Practice rooms besides.")] = 96,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same rooms and harm.")] = 0,
) -> None:
    """Print how often each finding is right. The last line printed is one JSON object."""
    try:
        results = {
            f"table-tops, {part}, as they are": left_alone(data, part),
            f"table-tops, {part}": check(table_copies(data, part, copies=copies, seed=seed)),
        }
    except LammError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    if rooms:
        results["practice rooms"] = check(room_copies(rooms, seed=seed))
    for title, result in results.items():
        typer.echo(f"{title}: {result['copies']} clouds")
        for name, value in result.items():
            lines = value.items() if isinstance(value, dict) else [(name, value)]
            typer.echo(
                "\n".join(f"  {name + ': ' if isinstance(value, dict) else ''}{key}  {row}" for key, row in lines)
            )
    typer.echo(json.dumps(results))


def main() -> None:
    """Run the command line."""
    typer.run(evaluate)


if __name__ == "__main__":
    main()
