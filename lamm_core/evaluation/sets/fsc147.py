"""FSC147 as it is distributed: dots in one JSON file, the split in another, classes in a text file.

Does not know what is asked.
"""

from __future__ import annotations

import json
from pathlib import Path

from lamm_core.errors import TaskError
from lamm_core.evaluation.sets.entry import Entry, Form

__all__ = ["fsc147"]


def fsc147(*folders: str) -> Form:
    """The form ``FOLDER/annotation_FSC147_384.json``; truth is the number of dots, ``label`` the class counted."""
    name = "annotation_FSC147*.json"
    return Form((*(f"{folder}/{name}" for folder in folders), name), read)


def read(files: list[Path]) -> list[Entry]:
    """The test pictures, all of them where no split is given."""
    folder = files[0].parent
    try:
        listed = json.loads(files[0].read_text(encoding="utf-8"))
        split = next(iter(sorted(folder.glob("Train_Test_Val_FSC*.json"))), None)
        names = json.loads(split.read_text(encoding="utf-8"))["test"] if split else list(listed)
        classes = next(iter(sorted(folder.glob("ImageClasses_FSC*.txt"))), None)
        pairs = [line.split("\t", 1) for line in classes.read_text(encoding="utf-8").splitlines()] if classes else []
        labels = {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2}
        pictures = next(iter(sorted(path for path in folder.glob("images*") if path.is_dir())), folder)
        return [
            Entry(
                f"fsc147-{Path(name).stem}", pictures / name, len(listed[name]["points"]), "fsc147", f"fsc147-{name}",
                more={"label": labels.get(name, "object")},
            )
            for name in names
        ]  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise TaskError(f"{files[0]} is not as FSC147 is distributed ({type(error).__name__}: {error}).") from error
