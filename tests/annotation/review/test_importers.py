"""Importing: existing records become drafts, broken ones are named, and what was exported comes back the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.review.evidence import annotated_boxes
from annotation.review.export import export
from annotation.review.filters import Filter
from annotation.review.importers import read_drafts
from annotation.review.items import Box, Draft
from annotation.review.marks import chat_draft
from annotation.review.store import ReviewStore
from annotation.sources.source import Broken
from lamm_core.conversation import Media, Turn
from lamm_core.errors import ConfigError, DataError


@pytest.fixture(params=["sqlite"])
def url(tmp_path: Path) -> str:
    """What is imported does not depend on the database."""
    return f"sqlite:///{tmp_path}/reviews.db"


def written(path: Path, records: list[Any]) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def drafts(form: str, path: Path, **options: Any) -> list[Draft]:
    found = list(read_drafts(form, path, **options))
    assert not any(isinstance(one, Broken) for one in found), found
    return [one for one in found if isinstance(one, Draft)]


def said(question: str, answer: str = "Yes.") -> list[dict[str, str]]:
    return [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]


def test_a_lamm_record_keeps_its_ground_truth(tmp_path: Path) -> None:
    target = {"objects": [{"label": "dog", "bbox": [0.1, 0.2, 0.3, 0.4]}]}
    record = {
        "id": "7",
        "image": "a.png",
        "conversations": said("Where?"),
        "task_type": "detection",
        "src_image": "coco",
    }
    (draft,) = drafts("lamm", written(tmp_path / "d.json", [record | {"target": target}]))
    assert (draft.kind, draft.source, draft.source_id) == ("other", "coco", "7")
    assert draft.turns[0] == Turn("user", "Where?", (Media("image", tmp_path / "a.png"),))
    assert draft.annotation == {"task_type": "detection", "target": target}
    assert annotated_boxes(draft.annotation) == (Box("dog", (0.1, 0.2, 0.3, 0.4)),)


def test_a_missing_picture_is_a_check_that_complains(tmp_path: Path) -> None:
    record = {"image": "gone.png", "conversations": said("Where?")}
    (draft,) = drafts("lamm", written(tmp_path / "d.json", [record]))
    assert [(check.name, check.score) for check in draft.checks] == [("missing file", 1.0)]


def test_llava_placeholders_place_the_pictures(tmp_path: Path) -> None:
    record = {
        "image": ["a.png", "b.png"],
        "conversations": [*said("<image>\nThis?"), *said("And <image> this?")],
    }
    (draft,) = drafts("llava", written(tmp_path / "d.json", [record]))
    assert draft.turns[0] == Turn("user", "This?", (Media("image", tmp_path / "a.png"),))
    assert draft.turns[2] == Turn("user", "And <image> this?", (Media("image", tmp_path / "b.png"),))


def test_broken_records_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    good = {"conversations": said("Why?")}
    records = [good, 5, {"conversations": []}, {"image": "a.png", "conversations": said("<image> and <image>?")}, good]
    found = list(read_drafts("lamm", written(tmp_path / "d.json", records)))
    assert [type(one).__name__ for one in found] == ["Draft", "Broken", "Broken", "Broken", "Draft"]
    assert [one.place for one in found if isinstance(one, Broken)] == [f"d.json, record {n}" for n in (1, 2, 3)]


def test_a_file_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    text = json.dumps([{"conversations": said(f"{number}?")} for number in range(3)])
    (tmp_path / "d.json").write_text(text[:-20])
    found = list(read_drafts("lamm", tmp_path / "d.json"))
    assert isinstance(found[0], Draft) and isinstance(found[-1], Broken)


@pytest.mark.parametrize("form", ["lamm", "llava", "parquet"])
def test_what_was_exported_is_imported_as_it_was(
    new_store: Callable[..., ReviewStore], tmp_path: Path, form: str
) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (5, 5), "teal" if name == "a" else "red").save(tmp_path / f"{name}.png")
    first, second = (Media("image", tmp_path / f"{name}.png") for name in ("a", "b"))
    talks = [
        (Turn("user", "One?", (first,)), Turn("assistant", "Yes.")),
        (Turn("user", "Two?", (first, second)), Turn("assistant", "Yes.")),
        (
            Turn("user", "One?", (first,)), Turn("assistant", "Yes."),
            Turn("user", "And?", (second,)), Turn("assistant", "No."),
        ),
        (Turn("user", "None?"), Turn("assistant", "Yes, <b>none</b>.")),
    ]  # fmt: skip
    store = new_store()
    store.add_drafts((Draft("C1", "coco", turns) for turns in talks), actor="generator")
    store.accept_all("ann", Filter(), event=store.head())
    export(store, tmp_path / "out", form={"parquet": "datasets"}.get(form, form), held_apart=0.0)
    path = tmp_path / "out" / ("data" if form == "parquet" else "train.json")
    found = drafts(form, path)

    def told(turns: tuple[Turn, ...]) -> list[tuple[str, str, list[bytes]]]:
        return [(turn.role, turn.text, [one.path.read_bytes() for one in turn.media]) for turn in turns]

    assert sorted(told(draft.turns) for draft in found) == sorted(told(turns) for turns in talks)


@pytest.mark.parametrize("silence", ["", " ", "\n\t"])
def test_a_model_that_said_nothing_is_a_draft_to_correct(tmp_path: Path, silence: str) -> None:
    path = tmp_path / "marked.jsonl"
    path.write_text(json.dumps({"prompt": "Read it.", "answers": {"mini": silence}, "target": "MOTEL"}))
    (draft,) = read_drafts("marked", path)
    assert isinstance(draft, Draft) and draft.turns[-1].text == "(no answer)"
    assert [check.message for check in draft.checks] == ["The target is MOTEL."]


def test_each_marked_answer_is_a_draft_with_its_boxes(tmp_path: Path) -> None:
    record = {
        "task": "detection",
        "id": "s1",
        "prompt": "Where is the dog?",
        "target": "dog",
        "answers": {"mini": "A cat [0.1, 0.2, 0.3, 0.4].", "other": "A dog."},
        "media": [{"modality": "image", "path": str(tmp_path / "a.png"), "name": "a.png"}],
        "detail": {
            "answer_boxes": {"mini": [{"label": "cat", "place": [0.1, 0.2, 0.3, 0.4]}]},
            "earlier": [{"role": "user", "text": "Hello?"}, {"role": "assistant", "text": "Yes?"}],
        },
        "marked_by": "ann",
        "created": "2026-01-01T00:00:00+00:00",
    }
    path = tmp_path / "marked.jsonl"
    path.write_text(json.dumps(record) + '\n{"torn": \n' + json.dumps({"prompt": "?"}) + "\n")
    mini, other, torn, poor = read_drafts("marked", path)
    assert isinstance(mini, Draft) and isinstance(other, Draft)
    assert [turn.text for turn in mini.turns] == ["Hello?", "Yes?", "Where is the dog?", "A cat [0.1, 0.2, 0.3, 0.4]."]
    assert mini.turns[0].media == (Media("image", tmp_path / "a.png"),)
    assert (mini.generator, mini.source, mini.annotation["marked_by"]) == ("mini", "detection", "ann")
    assert annotated_boxes(mini.annotation) == (Box("cat", (0.1, 0.2, 0.3, 0.4)),)
    assert [bool(draft.checks) for draft in (mini, other)] == [True, False]
    assert isinstance(torn, Broken) and isinstance(poor, Broken)


@pytest.mark.parametrize(
    ("target", "doubted"),
    [
        (["HOTEL"], True),
        (["HOTEL", "motel"], False),
        (3, True),
        ([{"label": "dog"}], False),
        ([], False),
        (None, False),
    ],
)
def test_an_answer_is_doubted_where_it_holds_none_of_the_targets(target: object, doubted: bool) -> None:
    draft = chat_draft([Turn("user", "Read it.")], "It says MOTEL.", model="mini", facts={"target": target})
    assert [check.name for check in draft.checks] == (["differs from the target"] if doubted else [])


def test_an_unknown_form_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="lamm, llava, marked, parquet"):
        read_drafts("lama", tmp_path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no"):
        read_drafts("lamm", tmp_path / "gone.json")
