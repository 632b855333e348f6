"""Makes the example queue, drafts.jsonl: drafts about the shipped pictures and scans, written by the stand-in writer.

Does not know the page. Run it from the project's folder: python assets/demo/drafts.py. With the name of a folder it
only puts the scans there, as the generator reads them. The stand-in makes mistakes on purpose, so that there is
something to find; what the pictures show was written down by hand, in sources.csv.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lamm_core.pointclouds.read import read_cloud

HERE = Path(__file__).resolve().parent
SCANS = ("table", "room")
WANTED = (
    "C1 cat", "C1 scene", "C1 shapes", "C2 coffee", "C2 word", "C3 astronaut", "C3 scene", "C4 coffee", "C4 shapes",
    "C1 table", "C3 room", "C4 table",
)  # fmt: skip


def scans(folder: Path) -> None:
    """The shipped scans below ``folder``, in the form that the generator reads."""
    (folder / "clouds").mkdir(parents=True)
    for name in SCANS:
        cloud = read_cloud(HERE / f"{name}.ply")
        assert cloud.colours is not None and cloud.instance is not None
        arrays: dict[str, Any] = {"xyz": cloud.xyz, "rgb": cloud.colours, "instance": cloud.instance}
        np.savez(folder / "clouds" / f"{name}.npz", **arrays)


def generated(folder: Path) -> list[dict[str, Any]]:
    """What the stand-in writes of them."""
    command = [sys.executable, "-m", "annotation", "generate", "--client", "fake", "--out", str(folder / "run")]
    command += ["--source", f"csv={HERE}", "--source", f"osd={folder}"]
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
    """Write drafts.jsonl beside this file, or only the scans into the folder that is named."""
    if len(sys.argv) > 1:
        scans(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text).resolve()
        scans(folder)
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
