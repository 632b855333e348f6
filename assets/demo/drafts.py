"""Makes the example queue, drafts.jsonl: drafts about the shipped pictures and scans, written by the stand-in writer.

Does not know the page. Run it from the project's folder: python assets/demo/drafts.py. The stand-in makes mistakes on
purpose, so that there is something to find; what the pictures show was written down by hand, below.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lamm_core.pointclouds.read import read_cloud

HERE = Path(__file__).resolve().parent
# file, id, captions, label, label_path, knowledge, words, boxes as shares of the picture
ROWS = (
    ("cat.jpg", "cat",
     "A tabby cat looks past the camera with green eyes.|The striped face of a cat fills the picture.",
     "cat", "animal>mammal>cat",
     "A cat is a small carnivorous mammal that is kept as a pet. "
     "Tabby cats have stripes and often the shape of an M on the forehead.", "",
     "cat 0.10 0.00 0.87 1.00"),
    ("coffee.jpg", "coffee",
     "A cup of coffee stands on a red saucer on a wooden table.|A spoon lies beside the cup.",
     "cup", "thing>tableware>cup",
     "A cup is a small vessel from which people drink. "
     "Espresso is coffee made by pressing hot water through finely ground beans.", "",
     "saucer 0.13 0.16 0.80 0.97; cup 0.29 0.04 0.68 0.78; spoon 0.54 0.16 0.71 0.82"),
    ("astronaut.jpg", "astronaut",
     "A smiling person in an orange suit stands before a flag.|Behind the person stands a model of a space shuttle.",
     "person", "being>person", "", "",
     "person 0.04 0.03 0.78 1.00; helmet 0.54 0.67 0.98 1.00; flag 0.00 0.00 0.19 1.00; shuttle 0.69 0.00 0.89 0.56"),
    ("shapes.png", "shapes",
     "Three circles, a rectangle and a triangle lie on a white ground.", "", "", "", "",
     "circle 0.09 0.12 0.31 0.42; circle 0.66 0.52 0.92 0.88; circle 0.45 0.25 0.58 0.42; "
     "rectangle 0.14 0.58 0.39 0.88; triangle 0.59 0.10 0.88 0.42"),
    ("scene.png", "scene",
     "A red car drives past a house with a tree under a yellow sun.|A drawn street with a house, a tree and a car.",
     "", "", "", "",
     "house 0.06 0.10 0.40 0.68; tree 0.42 0.23 0.58 0.68; car 0.61 0.60 0.93 0.93; sun 0.82 0.08 0.93 0.25"),
    ("word.png", "word",
     "A green sign says HOTEL in white letters.", "sign", "thing>sign",
     "A hotel is a house in which travellers pay for a room.", "HOTEL",
     "sign 0.11 0.22 0.89 0.78"),
)  # fmt: skip
SCANS = ("table", "room")
WANTED = (
    "C1 cat", "C1 scene", "C1 shapes", "C2 coffee", "C2 word", "C3 astronaut", "C3 scene", "C4 coffee", "C4 shapes",
    "C1 table", "C3 room", "C4 table",
)  # fmt: skip


def sources(folder: Path) -> None:
    """The pictures with their CSV, and the scans in the form that the generator reads."""
    with (folder / "demo.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("file", "id", "captions", "label", "label_path", "knowledge", "words", "boxes"))
        rows.writerows(ROWS)
    for name, *_ in ROWS:
        (folder / name).write_bytes((HERE / name).read_bytes())
    (folder / "clouds").mkdir()
    for name in SCANS:
        cloud = read_cloud(HERE / f"{name}.ply")
        assert cloud.colours is not None and cloud.instance is not None
        arrays: dict[str, Any] = {"xyz": cloud.xyz, "rgb": cloud.colours, "instance": cloud.instance}
        np.savez(folder / "clouds" / f"{name}.npz", **arrays)


def generated(folder: Path) -> list[dict[str, Any]]:
    """What the stand-in writes of them."""
    command = [sys.executable, "-m", "annotation", "generate", "--client", "fake", "--out", str(folder / "run")]
    command += ["--source", f"csv={folder},table={folder / 'demo.csv'}", "--source", f"osd={folder}"]
    command += [word for kind in ("C1", "C2", "C3", "C4") for word in ("--kind", kind)]
    subprocess.run(command, check=True)
    return [json.loads(line) for line in (folder / "run" / "drafts.jsonl").read_text(encoding="utf-8").splitlines()]


def placed(draft: dict[str, Any]) -> dict[str, Any]:
    """A draft whose media lie beside the file."""
    text = json.dumps(draft["turns"], ensure_ascii=False)
    paths = {one["path"] for turn in draft["turns"] for one in turn.get("media", ())}
    for path in paths:
        text = text.replace(path, Path(path).name.replace(".npz", ".ply"))
    facts = {key: value for key, value in draft["annotation"].items() if key not in ("media", "terms", "fingerprint")}
    return {**draft, "turns": json.loads(text), "annotation": facts, "source": "demo"}


def main() -> None:
    """Write drafts.jsonl beside this file."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text).resolve()
        sources(folder)
        made = generated(folder)
    chosen: dict[str, dict[str, Any]] = {}
    for draft in made:
        name = f"{draft['kind']} {draft['source_id'].rsplit('-', 1)[-1]}"
        if name in WANTED:
            chosen.setdefault(name, placed(draft))
    lines = [json.dumps(chosen[name], ensure_ascii=False) for name in WANTED if name in chosen]
    (HERE / "drafts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    missing = [name for name in WANTED if name not in chosen]
    print(f"{len(lines)} drafts; not written by the stand-in: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
