"""The contract every reader keeps, and what each makes of its own format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from annotation.sources import READERS, Opened, Reading, open_source
from annotation.sources.source import Box, Question, Relation, Source, from_record, to_record
from lamm_core.errors import ConfigError, DataError

Read = Callable[[str], Reading]
NAMES = sorted(READERS)


def by_id(reading: Reading) -> dict[str, Source]:
    return {source.id: source for source in reading.sources}  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_good_items_come_and_broken_ones_are_listed_with_a_reason(name: str, read: Read) -> None:
    reading = read(name)
    assert reading.given >= 2
    assert reading.broken >= 1
    assert all(one.place and len(one.reason) > 5 for one in reading.listed)
    assert len(reading.listed) == reading.broken


@pytest.mark.parametrize("name", NAMES)
def test_ids_are_unique_and_media_exist(name: str, read: Read) -> None:
    sources = read(name).sources  # type: ignore[attr-defined]
    assert len({source.id for source in sources}) == len(sources)
    assert all(medium.path.is_file() for source in sources for medium in source.media)
    assert all(source.terms for source in sources)


@pytest.mark.parametrize("name", NAMES)
def test_boxes_are_shares_of_the_picture(name: str, read: Read) -> None:
    for source in read(name).sources:  # type: ignore[attr-defined]
        for box in source.boxes:
            assert 0 <= box.x1 < box.x2 <= 1 and 0 <= box.y1 < box.y2 <= 1


@pytest.mark.parametrize("name", NAMES)
def test_a_source_survives_its_record(name: str, read: Read) -> None:
    for source in read(name).sources:  # type: ignore[attr-defined]
        assert from_record(json.loads(json.dumps(to_record(source)))) == source


@pytest.mark.parametrize("name", NAMES)
def test_reading_twice_gives_the_same(name: str, opened: Callable[[str], Opened]) -> None:
    set_ = opened(name)
    assert list(set_.items()) == list(set_.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs .* does not exist"):
        open_source(f"{name}={tmp_path}")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("csv", "parquet", "osd", "voc", "locount")])
def test_a_file_cut_off_gives_what_it_has_and_says_so(name: str, opened: Callable[[str], Opened]) -> None:
    set_ = opened(name)
    main = set_.reader.files[0]
    path = set_.files[main.name]
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".list":
        pytest.skip("lines, not JSON")
    path.write_text(text[: len(text) * 3 // 4], encoding="utf-8")
    reading = Reading(set_.items(), name=name)
    list(reading)
    assert any("damaged or cut off" in one.reason for one in reading.listed)


def test_captions_come_with_boxes_and_relations_of_the_same_picture(read: Read) -> None:
    dog = by_id(read("coco-captions"))["coco-captions-1"]
    assert dog.captions == ("A dog runs.", "The dog is brown.")
    assert dog.boxes[0] == Box("dog", 0.1, 0.1, 0.5, 0.7)
    assert Relation("dog", "on", "grass") in dog.relations


def test_crowds_are_no_boxes(read: Read) -> None:
    assert len(by_id(read("coco-detection"))["coco-detection-1"].boxes) == 1


def test_unlabelled_joints_are_left_out(read: Read) -> None:
    joints = by_id(read("coco-keypoints"))["coco-keypoints-1"].joints
    assert [(one.name, one.x, one.y) for one in joints] == [("nose", 0.2, 0.2)]


def test_older_visual_genome_names_are_lists(read: Read) -> None:
    assert Relation("ball", "next to", "grass") in by_id(read("visual-genome"))["visual-genome-7"].relations


def test_a_label_tree_with_a_cycle_gives_a_finite_path(read: Read) -> None:
    shiba = by_id(read("bamboo"))["bamboo-n3-1"]
    assert shiba.label_path == ("animal", "dog", "shiba inu")
    assert shiba.knowledge == "The Shiba Inu is a breed of hunting dog from Japan."


def test_a_box_of_a_shelf_holds_several(read: Read) -> None:
    first = by_id(read("locount"))["locount-1"].boxes[0]
    assert (first.label, first.count) == ("cup,mug", 12)


def test_the_answer_most_people_gave_is_taken(read: Read) -> None:
    found = by_id(read("textvqa"))["textvqa-a"]
    assert found.questions == (Question("What brand?", "nokia"), Question("What colour?", "red"))
    assert found.words[0].box == pytest.approx((0.1, 0.2, 0.4, 0.3))


def test_an_oriented_box_becomes_one_along_the_axes(read: Read) -> None:
    chair = by_id(read("3rscan"))["3rscan-s1"].things[0]
    assert chair.size == pytest.approx((0.6, 0.4, 1.0))
    assert chair.attributes == ("red", "round")


def test_relations_to_objects_that_are_not_listed_are_left_out(read: Read) -> None:
    relations = by_id(read("3rscan"))["3rscan-s1"].relations
    assert [one.predicate for one in relations] == ["standing next to", "bigger than"]


def test_questions_of_one_room_are_one_source(read: Read) -> None:
    sources = by_id(read("clevr3d"))
    assert [one.answer for one in sources["clevr3d-s1"].questions] == ["3", "chair"]
    assert sources["clevr3d-s2"].questions[0].answer == "no"


def test_a_class_stands_below_its_parents(read: Read) -> None:
    assert by_id(read("shapenet"))["shapenet-02690373-m1_4096"].label_path == ("airplane", "airliner")


def test_class_names_stand_in_the_schema(read: Read) -> None:
    assert [source.label for source in read("parquet").sources] == ["cat", "dog"]  # type: ignore[attr-defined]


def test_benchmark_records_of_scans_have_things(read: Read) -> None:
    assert by_id(read("benchmark"))["records-cup"].things[0].size == (0.2, 0.2, 0.2)


def test_labelled_clouds_say_a_colour_where_it_is_sure(read: Read) -> None:
    assert by_id(read("osd"))["osd-learn_01"].things[0].attributes == ("red",)


def test_a_table_names_its_unknown_column(tmp_path: Path) -> None:
    (tmp_path / "sources.csv").write_text("file,captoin\n", encoding="utf-8")
    with pytest.raises(DataError, match="unknown column 'captoin'"):
        list(open_source(f"csv={tmp_path}").items())


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.json").write_text('{"other": []}', encoding="utf-8")
    set_ = open_source(f"benchmark={tmp_path}")
    with pytest.raises(DataError, match="no item of this format"):
        list(Reading(set_.items(), name="records.json"))


def test_an_unknown_reader_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="coco-captions"):
        open_source(f"coco-caption={tmp_path}")


def test_a_source_without_a_folder_is_refused() -> None:
    with pytest.raises(ConfigError, match="NAME=FOLDER"):
        open_source("coco-captions")


def test_an_unknown_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file called 'picture'"):
        open_source(f"coco-captions={tmp_path},picture=x")


def test_progress_counts_both(opened: Callable[[str], Opened]) -> None:
    seen: list[tuple[int, int]] = []
    reading = Reading(opened("voc").items(), name="voc", progress=lambda given, broken: seen.append((given, broken)))
    list(reading)
    assert seen[-1] == (reading.given, reading.broken)


def test_a_limit_stops_reading(opened: Callable[[str], Opened]) -> None:
    assert len(list(Reading(opened("voc").items(), name="voc", limit=1))) == 1


def test_every_broken_item_is_told_also_beyond_the_list(opened: Callable[[str], Opened]) -> None:
    told: list[str] = []
    list(Reading(opened("voc").items(), name="voc", on_broken=lambda one: told.append(one.place)))
    assert told == ["3.xml", "4.xml", "5.xml"]
