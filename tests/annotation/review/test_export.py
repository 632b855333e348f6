"""Exports: what is in them, that they are read back whole, and that a version stays what it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.review.export import export
from annotation.review.filters import Filter
from annotation.review.items import Box, Draft
from annotation.review.manifest import Manifest
from annotation.review.store import ReviewStore
from lamm_core.conversation import Media, Turn
from lamm_core.data.instructions import read_samples
from lamm_core.data.pinned import verify_pinned
from lamm_core.errors import AnnotationError, ConfigError, DataError
from tests.annotation.review.conftest import Clock

NewStore = Callable[..., ReviewStore]


def picture(folder: Path, name: str, colour: int) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    Image.new("RGB", (6, 4), (colour, 2 * colour % 256, 99)).save(path)
    return path


@pytest.fixture
def reviewed(new_store: NewStore, tmp_path: Path) -> ReviewStore:
    """Forty pictures with a question each, one of them edited and one rejected; a cloud and two pictures beside."""
    store = new_store()
    media = tmp_path / "media"
    drafts = [
        Draft(
            kind="C1",
            source="coco",
            source_id=str(number),
            turns=(
                Turn(
                    "user", f"What is in picture {number}?", (Media("image", picture(media, f"{number}.png", number)),)
                ),
                Turn("assistant", f"A dog, number {number}."),
            ),
            prompt_hash="p1",
            generator="scripted",
        )
        for number in range(40)
    ]
    (media / "scan.npz").write_bytes(b"points")
    before, after = picture(media, "before.png", 201), picture(media, "after.png", 202)
    drafts += [
        Draft("C2", "osd", (
            Turn("user", "What stands here?", (Media("pointcloud", media / "scan.npz"),)),
            Turn("assistant", "A cup [obj1]."),
        )),
        Draft("C3", "pairs", (
            Turn("user", "This is one.", (Media("image", before),)),
            Turn("assistant", "I see."),
            Turn("user", "And this: what changed?", (Media("image", after),)),
            Turn("assistant", "The colour."),
        )),
    ]  # fmt: skip
    store.add_drafts(drafts, actor="generator")
    first, second, *others = store.search(order="oldest", limit=100).items
    edited = (first.turns[0], Turn("assistant", "A cat \u2014 \U0001f408, number \ud83d."))
    store.edit("ann", first.seen, turns=edited, boxes=[Box("cat", (0.1, 0.2, 0.3, 0.4))])
    store.reject("ann", second.seen, reason="count")
    for item in others:
        store.accept("bob", item.seen)
    return store


def records(folder: Path) -> list[dict[str, Any]]:
    return [
        one
        for path in sorted(folder.glob("*.json"))
        if path.name != "manifest.json"
        for one in json.loads(path.read_text())
    ]


def test_lamm_json_comes_back_through_the_reader_of_training(reviewed: ReviewStore, tmp_path: Path) -> None:
    manifest = export(reviewed, tmp_path / "out", held_apart=0.0)
    samples = {sample.id: sample for sample in read_samples(tmp_path / "out" / "train.json")}
    assert manifest.records == {"train": 41} and len(samples) == 41
    for item in reviewed.search(Filter(status=("accepted", "edited")), limit=100).items:
        sample = samples[item.id]
        assert [(turn.role, turn.text) for turn in sample.turns] == [(turn.role, turn.text) for turn in item.turns]
        for ours, theirs in zip(item.media, sample.media, strict=True):
            assert ours.modality == theirs.modality
            assert ours.path.read_bytes() == theirs.path.read_bytes()


def test_an_edited_box_is_the_target_of_the_record(reviewed: ReviewStore, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", filters=Filter(status=("edited",)), held_apart=0.0)
    (record,) = records(tmp_path / "out")
    assert record["target"] == {"objects": [{"label": "cat", "bbox": [0.1, 0.2, 0.3, 0.4]}]}
    assert (record["kind"], record["status"], record["src_id"]) == ("C1", "edited", "0")


def test_llava_json_marks_each_picture_and_leaves_clouds_out_with_a_reason(
    reviewed: ReviewStore, tmp_path: Path
) -> None:
    manifest = export(reviewed, tmp_path / "out", form="llava", held_apart=0.0)
    found = records(tmp_path / "out")
    assert manifest.left_out == {"LLaVA's JSON has no place for point clouds": 1}
    assert len(found) == 40
    for record in found:
        pictures = record["image"] if isinstance(record["image"], list) else [record["image"]]
        marks = sum(turn["value"].count("<image>") for turn in record["conversations"])
        assert marks == len(pictures)
        assert all((tmp_path / "out" / name).is_file() for name in pictures)


def test_datasets_loads_the_folder_with_pictures(
    reviewed: ReviewStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    export(reviewed, tmp_path / "out", form="datasets", held_apart=0.3)
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "test"}
    assert isinstance(loaded["train"].features["images"].feature, datasets.Image)
    row = next(row for row in loaded["train"] if row["images"])
    assert row["images"][0].size == (6, 4)
    assert [message["role"] for message in row["messages"]][:2] == ["user", "assistant"]


def test_parquet_comes_back_through_the_reader_of_training(reviewed: ReviewStore, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out", form="datasets", held_apart=0.0)
    samples = {sample.id: sample for sample in read_samples(tmp_path / "out" / "data" / "train-00000.parquet")}
    assert len(samples) == 41
    for item in reviewed.search(Filter(status=("accepted", "edited")), limit=100).items:
        sample = samples[item.id]
        assert [medium.modality for medium in sample.media] == [medium.modality for medium in item.media]
        for ours, theirs in zip(item.media, sample.media, strict=True):
            assert ours.path.read_bytes() == theirs.path.read_bytes()


def test_no_picture_is_in_both_splits_whatever_it_is_called(new_store: NewStore, tmp_path: Path) -> None:
    store = new_store()
    drafts = []
    for number in range(60):
        shown = [
            picture(tmp_path / "m", f"{number}-{place}.png", number % 25 * 2 + place) for place in range(1 + number % 2)
        ]
        turns = (Turn("user", f"{number}?", tuple(Media("image", path) for path in shown)), Turn("assistant", "Yes."))
        drafts.append(Draft("C1", "coco", turns))
    store.add_drafts(drafts, actor="generator")
    store.accept_all("ann", Filter(), event=store.head())
    export(store, tmp_path / "out", held_apart=0.5)
    sides = []
    for split in ("train", "test"):
        samples = list(read_samples(tmp_path / "out" / f"{split}.json"))
        sides.append({medium.path for sample in samples for medium in sample.media})
    assert sides[0] and sides[1]
    assert not sides[0] & sides[1]


def test_an_export_as_of_an_event_is_the_same_for_ever(reviewed: ReviewStore, tmp_path: Path) -> None:
    event = reviewed.head()
    first = export(reviewed, tmp_path / "one")
    for item in reviewed.search(Filter(status=("accepted",)), limit=5).items:
        reviewed.reject("eve", item.seen, reason="style")
    reviewed.undo("ann")
    again = export(reviewed, tmp_path / "two", event=event)
    later = export(reviewed, tmp_path / "three")
    assert again.content_hash == first.content_hash
    assert (tmp_path / "two" / "train.json").read_bytes() == (tmp_path / "one" / "train.json").read_bytes()
    assert later.content_hash != first.content_hash


def test_the_manifest_counts_reviewers_prompts_and_files(reviewed: ReviewStore, tmp_path: Path, clock: Clock) -> None:
    manifest = export(reviewed, tmp_path / "out", held_apart=0.0)
    assert Manifest.read(tmp_path / "out") == manifest
    assert manifest.counts["reviewer"] == {"ann": 1, "bob": 40}
    assert manifest.counts["status"] == {"accepted": 40, "edited": 1}
    assert manifest.prompts == {"": 2, "p1": 39}
    assert manifest.event == reviewed.head()
    lines = "".join(
        f"{hashlib.sha256((tmp_path / 'out' / name).read_bytes()).hexdigest()}  {name}\n"
        for name in sorted(manifest.files)
    )
    assert manifest.content_hash == hashlib.sha256(lines.encode()).hexdigest()


def test_an_item_whose_picture_vanished_is_left_out_and_counted(reviewed: ReviewStore, tmp_path: Path) -> None:
    (tmp_path / "media" / "7.png").unlink()
    manifest = export(reviewed, tmp_path / "out", held_apart=0.0)
    assert manifest.left_out == {"a medium is gone or cannot be read": 1}
    assert manifest.records == {"train": 40}


def test_an_export_is_not_written_over(reviewed: ReviewStore, tmp_path: Path) -> None:
    export(reviewed, tmp_path / "out")
    with pytest.raises(AnnotationError, match="never changed"):
        export(reviewed, tmp_path / "out")


def test_nothing_to_export_is_said_and_leaves_no_folder(new_store: NewStore, tmp_path: Path) -> None:
    with pytest.raises(AnnotationError, match="no event"):
        export(new_store(), tmp_path / "out")
    assert list(tmp_path.glob("*out*")) == []


def test_training_knows_the_version_by_its_hash(reviewed: ReviewStore, tmp_path: Path) -> None:
    manifest = export(reviewed, tmp_path / "out", held_apart=0.0)
    verify_pinned(tmp_path / "out" / "train.json", manifest.content_hash)
    with pytest.raises(ConfigError, match=manifest.content_hash):
        verify_pinned(tmp_path / "out" / "train.json", "0" * 64)
    picture_file = next((tmp_path / "out" / "media").rglob("*.png"))
    picture_file.write_bytes(b"other")
    with pytest.raises(DataError, match="has changed"):
        verify_pinned(tmp_path / "out" / "train.json", manifest.content_hash)
