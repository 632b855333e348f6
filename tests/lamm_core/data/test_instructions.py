"""Instruction data is read as LAMM and the hub write it, and refused with the place of the fault."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.data.instructions import read_samples, write_records
from lamm_core.errors import DataError

ASK = {"from": "human", "value": "What is it?"}
SAY = {"from": "gpt", "value": "A cat."}


def record(**values: Any) -> dict[str, Any]:
    return {"id": "7", "image": "a/b.jpg", "conversations": [ASK, SAY]} | values


def read(folder: Path, *records: Any, **options: Any) -> list[Sample]:
    path = folder / "data.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return list(read_samples(path, **options))


def test_a_2d_record(tmp_path: Path) -> None:
    (sample,) = read(tmp_path, record(task_type="VQA", src_image="coco2017"))
    assert sample.id == "7"
    picture = Media("image", tmp_path / "a/b.jpg")
    assert sample.turns == (Turn("user", "What is it?", (picture,)), Turn("assistant", "A cat."))
    assert sample.metadata == {"task_type": "VQA", "source_dataset": "coco2017"}


def test_a_3d_record(tmp_path: Path) -> None:
    values = {"pcl": "scan.npy", "conversations": [ASK, SAY], "src_dataset": "3RScan", "src_id": "scan1"}
    (sample,) = read(tmp_path, values, media_root=Path("/clouds"))
    assert sample.media == (Media("pointcloud", Path("/clouds/scan.npy")),)
    assert sample.id == "data-0"
    assert sample.metadata == {"task_type": "normal", "source_dataset": "3RScan", "source_id": "scan1"}


def test_a_record_may_list_several_images_or_none(tmp_path: Path) -> None:
    several, none = read(tmp_path, record(image=["a.png", "/abs/b.png"]), {"conversations": [ASK, SAY]})
    assert [medium.path for medium in several.media] == [tmp_path / "a.png", Path("/abs/b.png")]
    assert none.media == ()


@pytest.mark.parametrize("text", ["<image>\nWhat?", "What?\n<image>", "What?"])
def test_a_placeholder_on_its_own_line_says_no_more_than_none(tmp_path: Path, text: str) -> None:
    (sample,) = read(tmp_path, record(conversations=[{"from": "human", "value": text}, SAY]))
    assert sample.turns[0].text == "What?"
    assert len(sample.turns[0].media) == 1


def test_a_cloud_placeholder_is_known_by_lamms_name(tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "<pcl>\nWhat?"}, SAY]
    (sample,) = read(tmp_path, {"pcl": "a.npy", "conversations": turns})
    assert sample.turns[0].text == "What?"


def test_placeholders_inside_text_stay_and_give_each_turn_its_media(tmp_path: Path) -> None:
    first = {"from": "human", "value": "Is <image> like <image>?"}
    turns = [first, SAY, {"from": "human", "value": "<image>\nNow?"}, SAY]
    (sample,) = read(tmp_path, record(image=["a", "b", "c"], conversations=turns))
    assert [turn.text for turn in sample.turns if turn.role == "user"] == ["Is <image> like <image>?", "Now?"]
    assert [[medium.path.name for medium in turn.media] for turn in sample.turns] == [["a", "b"], [], ["c"], []]


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        (record(conversations=[ASK, {"from": "bot", "value": "x"}]), "'bot'"),
        (record(conversations=[ASK, {"from": "system", "value": "x"}]), "'system'"),
        (record(conversations=[SAY, ASK]), "'human'"),
        (record(conversations=[ASK, ASK]), "'gpt'"),
        (record(conversations=[]), "empty"),
        (record(conversations=[ASK, {"from": "gpt"}]), "no text"),
        (record(conversations="hello"), "conversations"),
        (record(image=5), "'image'"),
        (record(image=["a", None]), "'image'"),
        (record(conversations=[{"from": "human", "value": "<image> <image>"}, SAY]), "2 placeholders"),
        (record(conversations=[{"from": "human", "value": "<pcl> x"}, SAY]), "<pointcloud>"),
        ("text", "object"),
        (None, "object"),
    ],
)
def test_a_fault_is_named_with_file_and_record(tmp_path: Path, broken: Any, fault: str) -> None:
    with pytest.raises(DataError, match=r"data\.json, record 1: ") as caught:
        read(tmp_path, record(), broken)
    assert fault in str(caught.value)


def test_a_file_that_breaks_off_is_named_after_its_good_records(tmp_path: Path) -> None:
    path = tmp_path / "torn.json"
    path.write_text(json.dumps([record(), record()])[:-20])
    samples = read_samples(path)
    assert next(samples).id == "7"
    with pytest.raises(DataError, match=r"torn\.json, record 1: not valid JSON"):
        next(samples)


def test_text_after_the_array_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text("[] []")
    with pytest.raises(DataError, match="closing bracket"):
        list(read_samples(path))


def test_records_longer_than_a_chunk_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lamm_core.data.instructions._CHUNK", 7)
    long = {"from": "gpt", "value": 'é, [x] "y" ' * 50}
    samples = read(tmp_path, *(record(id=str(index), conversations=[ASK, long]) for index in range(5)))
    assert [sample.id for sample in samples] == list("01234")
    assert all(sample.turns[1].text == long["value"] for sample in samples)


def test_json_lines_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(json.dumps(record(id=str(index))) for index in range(3)) + "\n")
    assert [sample.id for sample in read_samples(path)] == ["0", "1", "2"]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    picture, other = Media("image", tmp_path / "a.png"), Media("image", Path("/o/b.png"))
    cloud = Media("pointcloud", tmp_path / "c.npy")
    answer = Turn("assistant", "It is <image>.")
    normal = {"task_type": "normal"}
    source = {"source_dataset": "x", "source_id": "y"}
    samples = [
        Sample("1", (Turn("user", "Q", (picture,)), answer), None, {"task_type": "VQA", "source_dataset": "coco"}),
        Sample("2", (Turn("user", "Q", (cloud,)), answer), None, normal | source),
        Sample("3", (Turn("user", "Q", (picture, other)), answer), {"label": 3}, normal | {"kept": [1]}),
        Sample("4", (Turn("user", "Is <image> <pointcloud>?", (picture, cloud)), answer), None, normal),
        Sample("5", (Turn("user", "Q"), answer, Turn("user", "R", (picture,)), answer), None, normal),
        Sample("6", (Turn("user", "Q"), answer), None, normal),
    ]
    path = tmp_path / "out.json"
    assert write_records(samples, path, media_root=tmp_path) == 6
    assert list(read_samples(path)) == samples
    assert json.loads(path.read_text())[0]["image"] == "a.png"
    assert write_records([], path) == 0
    assert list(read_samples(path)) == []


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path: Path, rows: list[dict[str, Any]], *, image_column: str | None = None) -> None:
    import datasets

    table = datasets.Dataset.from_list(rows)
    if image_column:
        table = table.cast_column(image_column, datasets.Image())
    table.to_parquet(str(path))


def test_parquet_with_pictures_inside_writes_each_once(tmp_path: Path) -> None:
    red, blue = {"bytes": png("red"), "path": None}, {"bytes": png("blue"), "path": "blue.png"}
    rows = [{"image": picture, "question": "Which?", "answer": "One."} for picture in (red, blue, red)]
    write_parquet(tmp_path / "part.parquet", rows, image_column="image")
    samples = list(read_samples(tmp_path / "part.parquet", media_root=tmp_path / "media"))
    paths = [sample.media[0].path for sample in samples]
    assert paths[0] == paths[2] != paths[1]
    assert Image.open(paths[0]).getpixel((0, 0)) == (255, 0, 0)
    assert len([path for path in (tmp_path / "media").rglob("*") if path.is_file()]) == 2
    assert [turn.text for turn in samples[0].turns] == ["Which?", "One."]
    assert [sample.id for sample in samples] == ["part-0", "part-1", "part-2"]


def test_parquet_with_messages_and_paths(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": [{"type": "image", "text": None}, {"type": "text", "text": "What?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A dog."}]},
    ]
    write_parquet(tmp_path / "part.parquet", [{"id": "x", "images": ["dog.png"], "messages": messages}])
    (sample,) = read_samples(str(tmp_path / "part.parquet"))
    picture = Media("image", tmp_path / "dog.png")
    assert sample.turns == (Turn("user", "What?", (picture,)), Turn("assistant", "A dog."))


def test_parquet_with_lamms_conversations(tmp_path: Path) -> None:
    write_parquet(tmp_path / "part.parquet", [{"image": "a.png", "conversations": [ASK, SAY], "task_type": "VQA"}])
    (sample,) = read_samples(tmp_path / "part.parquet")
    assert sample.metadata["task_type"] == "VQA"
    assert sample.turns[0].media


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"text": "x"}, "columns"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "'tool'"),
        ({"image": 3, "question": "a", "answer": "b"}, "picture"),
    ],
)
def test_a_faulty_row_is_named(tmp_path: Path, row: dict[str, Any], fault: str) -> None:
    write_parquet(tmp_path / "part.parquet", [row])
    with pytest.raises(DataError, match=r"part\.parquet, record 0: ") as caught:
        list(read_samples(tmp_path / "part.parquet"))
    assert fault in str(caught.value)
