"""One item as a record: of LAMM's JSON, of LLaVA's JSON, and as a row of a table for the Hub.

Does not know files. What a form cannot hold raises DataError, whose message is a reason to count.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from annotation.review.items import Item
from lamm_core.conversation import Media, Turn
from lamm_core.errors import DataError

__all__ = ["FORMS", "lamm_record", "llava_record", "table_row", "task_type"]

FORMS = ("lamm", "llava", "datasets")
TASK_TYPES = {"C1": "conversation", "C2": "factual_knowledge", "C3": "detailed_description", "C4": "visual_task"}
MARKS = {"image": "<image>", "pointcloud": "<pointcloud>"}
LAMM_KEYS = {"image": "image", "pointcloud": "pcl"}

Names = Mapping[Path, str]
"""What each medium is called inside the export."""


def task_type(item: Item) -> str:
    """The task that the draft names, else the one its kind stands for."""
    return str(item.annotation.get("task_type") or TASK_TYPES.get(item.kind, "normal"))


def lamm_record(item: Item, names: Names) -> dict[str, Any]:
    """As LAMM's instruction files hold it; `kind` and `status` are ours."""
    record: dict[str, Any] = {"id": item.id}
    for modality, key in LAMM_KEYS.items():
        own = [names[medium.path] for medium in _media(item) if medium.modality == modality]
        if own:
            record[key] = own[0] if len(own) == 1 else own
    first = next(turn for turn in item.turns if turn.role == "user")
    plain = len({medium.modality for medium in _media(item)}) < 2 and all(
        not turn.media or turn is first for turn in item.turns
    )
    said = []
    for turn in _spoken(item, "LAMM's JSON"):
        text = turn.text if plain else _marked(turn)
        text = text.replace(MARKS["pointcloud"], "<pcl>") if turn.media else text
        said.append({"from": "human" if turn.role == "user" else "gpt", "value": text})
    record |= {"conversations": said, "task_type": task_type(item)}
    if item.source_id:
        record |= {"src_dataset": item.source, "src_id": item.source_id}
    else:
        record["src_dataset" if "pcl" in record else "src_image"] = item.source
    target = _target(item)
    if target is not None:
        record["target"] = target
    return record | {"kind": item.kind, "status": item.status}


def llava_record(item: Item, names: Names) -> dict[str, Any]:
    """As LLaVA's instruction files hold it: a placeholder in the text for every picture."""
    record: dict[str, Any] = {"id": item.id}
    media = _media(item)
    if any(medium.modality != "image" for medium in media):
        raise DataError("LLaVA's JSON has no place for point clouds")
    if media:
        pictures = [names[medium.path] for medium in media]
        record["image"] = pictures[0] if len(pictures) == 1 else pictures
    said = [
        {"from": "human" if turn.role == "user" else "gpt", "value": _marked(turn)}
        for turn in _spoken(item, "LLaVA's JSON")
    ]
    return record | {"conversations": said}


def table_row(item: Item, names: Names) -> dict[str, Any]:
    """A row for `datasets`; pictures and clouds as their bytes, so that the table stands alone."""
    files: dict[str, list[dict[str, Any]]] = {"image": [], "pointcloud": []}
    for medium in _media(item):
        files[medium.modality].append({"bytes": medium.path.read_bytes(), "path": Path(names[medium.path]).name})
    messages = [{"role": turn.role, "content": _marked(turn)} for turn in item.turns]
    return {
        "id": item.id,
        "images": files["image"],
        "point_clouds": files["pointcloud"],
        "messages": messages,
        "task_type": task_type(item),
        "kind": item.kind,
        "status": item.status,
        "source_dataset": item.source,
        "source_id": item.source_id,
        "annotation": json.dumps(dict(item.annotation), sort_keys=True, ensure_ascii=True),
    }


def _media(item: Item) -> list[Media]:
    media = [medium for turn in item.turns for medium in turn.media]
    for medium in media:
        if medium.modality not in MARKS:
            raise DataError(f"there is no place for media of the kind {medium.modality!r}")
    return media


def _spoken(item: Item, form: str) -> tuple[Turn, ...]:
    if any(turn.role == "system" for turn in item.turns):
        raise DataError(f"{form} has no place for a system turn")
    return item.turns


def _marked(turn: Turn) -> str:
    """The text with a placeholder for each medium; those that it has already are left where they stand."""
    if not turn.media or any(mark in turn.text for mark in MARKS.values()):
        return turn.text
    return "".join(f"{MARKS[medium.modality]}\n" for medium in turn.media) + turn.text


def _target(item: Item) -> Any:
    """The ground truth, with the boxes as a person left them."""
    target = item.annotation.get("target")
    if item.boxes is None:
        return target
    boxes = [{"label": box.label, "bbox": list(box.values)} for box in item.boxes]
    return {**target, "objects": boxes} if isinstance(target, Mapping) else {"objects": boxes}
