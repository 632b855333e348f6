"""What was reviewed, as a pinned version of a data set: records in two splits, media, a manifest that names them.

Does not know how records look. No medium is in both splits, whatever its file is called: media are compared by content,
and conversations that share one stay together.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from annotation.review.filters import Filter
from annotation.review.items import USABLE, Item
from annotation.review.manifest import MEDIA_LIST, Manifest, content_hash, file_hash
from annotation.review.records import FORMS, lamm_record, llava_record, table_row
from annotation.review.snapshots import snapshot
from annotation.review.store import ReviewStore
from annotation.review.writers import JsonFile, ParquetFiles, RecordFile, card
from lamm_core.errors import AnnotationError, DataError, MediaError

__all__ = ["HELD_APART", "TRAIN", "export"]

TRAIN = "train"
HELD_APART = "test"  # what the Hub calls it
ACCEPTED = Filter(status=USABLE)


class _Plan(NamedTuple):
    """What the first pass found: the group of each item that can be exported, the name of each medium, and the rest."""

    groups: Mapping[str, str]
    names: Mapping[Path, str]
    left_out: Counter[str]


def export(
    store: ReviewStore,
    out: Path,
    *,
    form: str = "lamm",
    filters: Filter = ACCEPTED,
    event: int | None = None,
    held_apart: float = 0.05,
    name: str = "reviewed",
) -> Manifest:
    """Write the items that ``filters`` meant after ``event`` (the last one by default) into the new folder ``out``.

    ``form`` is lamm, llava or datasets; of all media groups the share ``held_apart`` goes to the second split. The
    folder appears when it is complete. Items whose media are gone are counted in the manifest's ``left_out``. Raises
    AnnotationError where nothing is left.
    """
    if form not in FORMS:
        raise AnnotationError(f"There is no form {form!r} of export; known: {', '.join(FORMS)}.")
    if out.exists():
        raise AnnotationError(f"{out} is there already. An export is never changed: give the folder another name.")
    head = store.head()
    event = head if event is None else event
    if not 0 < event <= head:
        raise AnnotationError(f"There is no event {event} to export as of; the last one is {head}.")
    out.parent.mkdir(parents=True, exist_ok=True)
    coming = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        manifest = _written(store, coming, form=form, filters=filters, event=event, held_apart=held_apart, name=name)
        coming.chmod(0o755)
        os.rename(coming, out)
    except BaseException:
        shutil.rmtree(coming, ignore_errors=True)
        raise
    return manifest


def _written(
    store: ReviewStore, folder: Path, *, form: str, filters: Filter, event: int, held_apart: float, name: str
) -> Manifest:
    plan = _plan(snapshot(store.database, filters, event=event))
    if not plan.groups:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in plan.left_out.most_common(3))
        raise AnnotationError(f"There is nothing to export: {reasons or 'the filter means no item'}.")
    files: dict[str, RecordFile] = {}
    counts: dict[str, Counter[str]] = {key: Counter() for key in ("status", "kind", "source", "reviewer")}
    prompts: Counter[str] = Counter()
    generators: Counter[str] = Counter()
    used: set[Path] = set()
    for item in snapshot(store.database, filters, event=event):
        if item.id not in plan.groups:
            continue
        split = HELD_APART if _share(plan.groups[item.id]) < held_apart else TRAIN
        try:
            record = _record(form, item, plan.names)
        except DataError as error:
            plan.left_out[str(error)] += 1
            continue
        if split not in files:
            files[split] = _file(form, folder, split)
        files[split].write(record)
        used |= {medium.path for turn in item.turns for medium in turn.media}
        for key, value in (("status", item.status), ("kind", item.kind), ("source", item.source)):
            counts[key][value] += 1
        counts["reviewer"][item.decided_by] += 1
        prompts[item.prompt_hash] += 1
        generators[item.generator] += 1
    paths = [path for file in files.values() for path in file.close()]
    records = {split: file.records for split, file in sorted(files.items(), reverse=True)}
    names = {} if form == "datasets" else {path: plan.names[path] for path in used}
    paths += _copy(names, folder)
    if form == "datasets":
        text = card(name, records, event=event, sources=dict(sorted(counts["source"].items())))
        (folder / "README.md").write_text(text, encoding="utf-8")
        paths.append(folder / "README.md")
    hashes = {path.relative_to(folder).as_posix(): file_hash(path) for path in sorted(paths)}
    manifest = Manifest(
        content_hash=content_hash(hashes),
        form=form,
        event=event,
        created=datetime.fromtimestamp(store.clock(), UTC).isoformat(timespec="seconds"),
        filter=filters.to_dict(),
        held_apart=held_apart,
        records=records,
        counts={key: dict(sorted(values.items())) for key, values in counts.items()},
        prompts=dict(sorted(prompts.items())),
        generators=dict(sorted(generators.items())),
        left_out=dict(sorted(plan.left_out.items())),
        media=len(set(plan.names[path] for path in used)),
        files=hashes,
    )
    manifest.write(folder)
    return manifest


def _plan(found: Iterator[Item]) -> _Plan:
    """Hash every medium once and join the items that share one."""
    digests: dict[Path, str | None] = {}
    names: dict[Path, str] = {}
    left_out: Counter[str] = Counter()
    marks: dict[str, str] = {}  # item -> one of its media; they are joined below
    groups = _Groups()
    for item in found:
        own = []
        for medium in (medium for turn in item.turns for medium in turn.media):
            if medium.path not in digests:
                digests[medium.path] = _digest(medium.path)
            digest = digests[medium.path]
            if digest is not None:
                own.append(digest)
                names[medium.path] = f"media/{digest[:2]}/{digest}{medium.path.suffix.lower()}"
            else:
                left_out["a medium is gone or cannot be read"] += 1
                break
        else:
            own = own or [
                hashlib.sha256("\n".join(turn.text for turn in item.turns).encode("utf-8", "replace")).hexdigest()
            ]
            marks[item.id] = own[0]
            for other in own[1:]:
                groups.join(own[0], other)
    return _Plan({item: groups.of(mark) for item, mark in marks.items()}, names, left_out)


class _Groups:
    """Sets of media that some conversation shows together; each is named by its smallest member."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def of(self, one: str) -> str:
        """The name of the set that this is in."""
        top = one
        while top in self._above:
            top = self._above[top]
        while one != top:
            self._above[one], one = top, self._above[one]
        return top

    def join(self, one: str, other: str) -> None:
        """Make one set of two."""
        low, high = sorted((self.of(one), self.of(other)))
        if low != high:
            self._above[high] = low


def _share(group: str) -> float:
    """A number in [0, 1) that depends on the content of the media alone, so that a medium never changes sides."""
    return int.from_bytes(hashlib.sha256(f"split {group}".encode()).digest()[:8]) / 2**64


def _record(form: str, item: Item, names: Mapping[Path, str]) -> dict[str, Any]:
    if form == "lamm":
        return lamm_record(item, names)
    return llava_record(item, names) if form == "llava" else table_row(item, names)


def _file(form: str, folder: Path, split: str) -> RecordFile:
    return ParquetFiles(folder / "data", split) if form == "datasets" else JsonFile(folder / f"{split}.json")


def _copy(names: Mapping[Path, str], folder: Path) -> list[Path]:
    """Copy media to their names, and list them with their hashes as sha256sum does."""
    if not names:
        return []
    lines = set()
    for path, name in names.items():
        target = folder / name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            if file_hash(target) != target.stem:
                raise MediaError(f"{path} changed while it was exported. Export again when nobody writes to it.")
        lines.add(f"{target.stem}  {name}\n")
    (folder / MEDIA_LIST).write_text("".join(sorted(lines)), encoding="utf-8")
    return [folder / MEDIA_LIST]


def _digest(path: Path) -> str | None:
    """The hash of a medium; None where it cannot be read, which is counted."""
    try:
        return file_hash(path)
    except OSError:
        return None
