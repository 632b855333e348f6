"""What a person's clicks come to: looking, stepping, ticking, marking, links to what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.inspection.comparison import missing_media
from app.inspection.look_view import bar_value, facts_value
from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import RunStarter
from app.inspection.sample_view import answers_value, boxes_in_space, seen, stage_value
from app.inspection.service import Inspection
from app.inspection.view import View
from app.marks import MarkBook
from app.settings import REPOSITORY
from app.viewer.shelf import CloudShelf
from lamm_core.errors import LammError, TaskError
from tests.app.inspection.made_runs import HOSTILE, record, write_run

DEMO = REPOSITORY / "assets" / "demo"
BOTH = View("animals", ("first", "second"), order="file")


@pytest.fixture
def inspection(tmp_path: Path) -> Inspection:
    starter = RunStarter(tmp_path / "runs")
    marks = MarkBook(tmp_path / "reviews")
    return Inspection(RunShelf([tmp_path / "runs"]), starter, marks=marks, clouds=CloudShelf())


@pytest.fixture
def two(tmp_path: Path) -> Callable[..., None]:
    def write(first: list[Any], second: list[Any], **manifest: Any) -> None:
        write_run(tmp_path / "runs" / "first", first)
        write_run(tmp_path / "runs" / "second", second, model="other", **manifest)

    return write


def walk(inspection: Inspection, view: View, *actions: dict[str, Any]) -> View:
    for action in actions:
        view = inspection.look(inspection.act(view, action)).view
    return view


def test_picking_two_shows_the_first_sample_of_both(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0), record("b", 1.0)], [record("a", 1.0), record("b", 0.0)])
    view = walk(inspection, View(), {"do": "pick", "key": "first"}, {"do": "pick", "key": "second"})
    look = inspection.look(view)
    assert look.sample is not None and look.sample.id == "b" and len(look.chosen) == 2
    assert [record["text"] for record in look.sample.records] == ["A cat.", "A dog."]


def test_stepping_stays_among_the_samples_of_the_filter(inspection: Inspection, two: Callable[..., None]) -> None:
    names = [f"s{number}" for number in range(5)]
    two([record(name, 1.0) for name in names], [record(name, float(number % 2)) for number, name in enumerate(names)])
    view = walk(inspection, BOTH, {"do": "cell", "name": "a"}, {"do": "go", "by": 1})
    assert view.sample == "s2"
    assert walk(inspection, view, {"do": "go", "by": 99}).sample == "s4"
    assert walk(inspection, view, {"do": "go", "by": -99}).sample == "s0"
    assert walk(inspection, view, {"do": "go", "to": 1}).sample == "s2"
    assert walk(inspection, view, {"do": "find", "words": "s4"}).sample == "s4"
    assert inspection.look(walk(inspection, view, {"do": "find", "words": "nowhere"})).sample is None


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"do": None},
        {"do": "rm"},
        {"do": "go", "by": "1"},
        {"do": "go", "by": True},
        {"do": "cell", "name": "x"},
        {"do": "cell", "name": []},
        {"do": "order", "name": 3},
        {"do": "pick", "key": "missing"},
        {"do": "pick"},
    ],
)
def test_what_is_no_action_changes_nothing(
    inspection: Inspection, two: Callable[..., None], action: dict[str, Any]
) -> None:
    two([record("a", 1.0)], [record("a", 0.0)])
    view = inspection.look(BOTH).view
    assert inspection.act(view, action) == view


def test_swapping_makes_b_a(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0)], [record("a", 0.0)])
    assert inspection.act(BOTH, {"do": "swap"}).picked == ("second", "first")
    assert inspection.act(View("animals", ("first",)), {"do": "swap"}).picked == ("first",)


def test_a_link_to_runs_and_samples_that_are_gone_says_so(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0)], [record("a", 0.0)])
    look = inspection.look(View("animals", ("first", "gone"), sample="lost"))
    assert look.view.picked == ("first",) and look.sample is not None and look.sample.id == "a"
    assert "gone" in look.told
    assert "lost" in inspection.look(View("animals", ("first",), sample="lost")).told


def test_series_of_another_task_are_not_compared(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0)], [record("a", 0.0)], task="plants")
    look = inspection.look(View("animals", ("first", "second")))
    assert look.view.picked == ("first",) and "second" in look.told


def test_bad_records_are_told_in_notes(inspection: Inspection, two: Callable[..., None]) -> None:
    first = [
        record("a", 1.0),
        "{broken",
        json.dumps({"id": 3}),
        record("a", 0.0),
        record("c", None, extraction="failed"),
    ]
    two(first, [record("a", 0.0, version=2), record("b", 1.0), record("c", 1.0)])
    look = inspection.look(BOTH)
    assert look.comparison is not None
    notes = " ".join(look.comparison.notes)
    for words in (
        "different versions",
        "1 lines that are no JSON",
        "1 records with wrong fields",
        "line 2",
        "1 repeated ids",
        "B has 1 samples that another series lacks",
        "1 questions got no answer",
    ):
        assert words in notes


def test_missing_pictures_are_counted_and_the_sample_says_which(
    inspection: Inspection, two: Callable[..., None]
) -> None:
    media = [{"modality": "image", "path": "pictures/gone.png"}]
    here = [{"modality": "image", "path": str(DEMO / "cat.jpg")}]
    two([record("a", 1.0, media=media), record("b", 1.0, media=here)], [record("a", 1.0), record("b", 1.0)])
    look = inspection.look(BOTH)
    assert look.comparison is not None and look.sample is not None and missing_media(look.comparison) == 1
    shown, _ = seen(look.comparison, look.sample)
    assert shown.kind == "missing" and "gone.png is not there" in shown.told
    assert "1 samples lack" in facts_value(look.comparison, None, 1)["notes"][-1]


def test_a_file_that_is_no_picture_is_not_shown(inspection: Inspection, two: Callable[..., None]) -> None:
    secret = inspection.starter.folder / "secret.txt"
    two([record("a", 1.0, media=[{"modality": "image", "path": str(secret)}])], [record("a", 1.0)])
    secret.write_text("a password")
    look = inspection.look(BOTH)
    assert look.comparison is not None and look.sample is not None
    shown, _ = seen(look.comparison, look.sample)
    assert shown.kind == "missing" and shown.source == "" and "password" not in shown.told


def test_the_stage_carries_whose_each_box_is(inspection: Inspection, two: Callable[..., None]) -> None:
    media = [{"modality": "image", "path": str(DEMO / "cat.jpg")}]
    truth = [{"label": "cat", "box": [0.1, 0.2, 0.5, 0.6]}]
    detail = {"truth_boxes": truth, "answer_boxes": [{"label": HOSTILE, "box": [0.1, 0.2, 0.4, 0.6]}, {"box": "x"}]}
    other = {"truth_boxes": truth, "answer_points": [[0.3, 0.4]]}
    two([record("a", 1.0, media=media, detail=detail)], [record("a", 0.0, detail=other)])
    look = inspection.look(BOTH)
    assert look.comparison is not None and look.sample is not None
    shown, told = seen(look.comparison, look.sample)
    value = stage_value(look.comparison, look.sample, shown, told)
    assert value["kind"] == "picture" and value["source"].startswith("data:image/jpeg;base64,")
    assert [(mark["who"], mark["letter"]) for mark in value["marks"]] == [("truth", "truth"), ("a", "A"), ("b", "B")]
    assert "B was asked without it." in value["note"]


def test_boxes_in_space_are_those_of_truth_a_and_b(inspection: Inspection, two: Callable[..., None]) -> None:
    box = {"label": "cup", "box": [1, 2, 3, 0.1, 0.1, 0.1]}
    two(
        [record("a", 1.0, detail={"truth_boxes": [box], "answer_boxes": [box]})],
        [record("a", 1.0, detail={"answer_boxes": [box, {"box": [1, 2]}, {"box": [1, 2, 3, 4, 5, "6a"]}]})],
    )
    look = inspection.look(BOTH)
    assert look.sample is not None
    boxes = boxes_in_space(look.sample, (1.0, 0.0, 0.0))
    assert [(one.kind, one.label) for one in boxes] == [("truth", "cup"), ("a", "A cup"), ("b", "B cup")]
    assert boxes[0].box.centre == (0.0, 2.0, 3.0)


def test_answers_say_how_they_were_read_and_why_they_scored_so(
    inspection: Inspection, two: Callable[..., None]
) -> None:
    two([record("a", 1.0)], [record("a", None, text="", reason="no class in the answer")])
    look = inspection.look(BOTH)
    assert look.comparison is not None and look.sample is not None
    first, second = answers_value(look.comparison, look.sample)["answers"]
    assert (first["state"], first["parsed"], first["extraction"], first["verdict"]) == (
        "right",
        "cat",
        "first label",
        "right · score 1",
    )
    assert (second["state"], second["parsed"], second["empty"]) == ("none", "", True)
    assert "could not be parsed" in second["verdict"] and second["reason"] == "no class in the answer"


def test_ticked_samples_are_marked_with_every_series_answer(inspection: Inspection, two: Callable[..., None]) -> None:
    media = [{"modality": "image", "path": str(DEMO / "cat.jpg")}, {"modality": "image", "path": "gone.png"}]
    two([record("a", 1.0, media=media), record("b", 1.0)], [record("a", 0.0), record("b", 0.0)])
    view = walk(inspection, inspection.look(BOTH).view, {"do": "tick"}, {"do": "go", "by": 1}, {"do": "tick"})
    assert view.ticked == {"a", "b"}
    assert inspection.mark(view, by="me").startswith("2 marked for review.")
    assert "2 were marked before" in inspection.mark(view, by="me")
    lines = [json.loads(line) for line in inspection.marks.file.read_text().splitlines()]
    assert [line["id"] for line in lines] == ["a", "b"] and lines[0]["marked_by"] == "me"
    assert sorted(lines[0]["answers"].values()) == ["A cat.", "A dog."] and lines[0]["target"] == "cat"
    assert Path(lines[0]["media"][0]["path"]).is_file() and lines[0]["detail"]["missing"][0].endswith("gone.png")


def test_every_sample_of_a_filter_is_ticked_at_once(inspection: Inspection, two: Callable[..., None]) -> None:
    names = [f"s{number}" for number in range(5)]
    two([record(name, float(name > "s2")) for name in names], [record(name, 1.0) for name in names])
    wrong = View("animals", ("first",), cell="neither")
    view = inspection.act(wrong, {"do": "tick_all"})
    assert view.ticked == {"s0", "s1", "s2"} and view.cell == "neither"
    assert inspection.act(view, {"do": "untick"}).ticked == frozenset()
    assert inspection.act(View(), {"do": "tick_all"}) == View()


def test_without_ticks_the_sample_that_is_shown_is_marked(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0)], [record("a", 0.0)])
    assert inspection.mark(inspection.look(BOTH).view, by="me").startswith("1 marked")
    assert inspection.mark(View(), by="me") == "Nothing is ticked."


def test_marking_where_nothing_can_be_written_says_so(
    inspection: Inspection, two: Callable[..., None], tmp_path: Path
) -> None:
    two([record("a", 1.0)], [record("a", 0.0)])
    (tmp_path / "reviews").write_text("a file where the folder should be")
    with pytest.raises(LammError, match="Nothing was marked"):
        inspection.mark(inspection.look(BOTH).view, by="me")


def test_a_run_without_records_says_to_wait(inspection: Inspection, tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "first", []).unlink()
    with pytest.raises(TaskError, match="no records yet"):
        inspection.look(View("animals", ("first",)))


def test_a_growing_run_is_seen_to_grow(inspection: Inspection, two: Callable[..., None], tmp_path: Path) -> None:
    two([record("a", 1.0)], [record("a", 0.0), record("b", 0.0)])
    assert len(inspection.look(BOTH).chosen) == 1
    with (tmp_path / "runs" / "first" / "records.jsonl").open("a") as file:
        file.write(json.dumps(record("b", 1.0)) + "\n")
    assert len(inspection.look(BOTH).chosen) == 2


def test_the_bar_of_one_series_has_right_and_wrong(inspection: Inspection, two: Callable[..., None]) -> None:
    two([record("a", 1.0), record("b", 0.0)], [])
    value = bar_value(inspection.look(View("animals", ("first",))))
    assert [(cell["words"], cell["count"]) for cell in value["cells"]] == [
        ("all samples", 2),
        ("right", 1),
        ("wrong", 1),
    ]


def test_a_cloud_is_read_once_for_a_person_and_forgotten_with_them(inspection: Inspection) -> None:
    first, _ = inspection.cloud("me", DEMO / "table.ply")
    assert inspection.cloud("me", DEMO / "table.ply")[0] is first
    assert inspection.cloud("you", DEMO / "table.ply")[0].url != first.url
    inspection.leave("me")
    assert inspection.cloud("me", DEMO / "table.ply")[0].url != first.url
