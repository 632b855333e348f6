"""Prompts, facts, shapes, templates, recipes and plans."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from annotation.generation.answers import SHAPES, Refused, Templates, parse
from annotation.generation.facts import facts
from annotation.generation.own_templates import own_templates
from annotation.generation.plan import make_plan
from annotation.generation.prices import load_prices
from annotation.generation.prompt import PROMPTS, load, prompt_for
from annotation.generation.recipe import Part, load_recipe, of_sources, shipped
from annotation.generation.show import rendered
from annotation.generation.slotting import TASKS, fitting, require_slots, slot
from annotation.generation.work import Settings
from annotation.sources import open_source
from annotation.sources.source import Box, Joint, Question, Source, Thing, Word
from lamm_core.conversation import Media
from lamm_core.errors import ConfigError

PICTURE = (Media("image", Path("1.jpg")),)


@pytest.mark.parametrize("name", sorted(set(PROMPTS.values())))
def test_examples_of_a_prompt_have_the_shape_that_is_asked_for(name: str) -> None:
    prompt = load(name)
    kind = next(kind for (kind, _), file in PROMPTS.items() if file == name)
    for query, answer in prompt.examples:
        assert query and parse(answer, "stop", SHAPES[kind])
    assert prompt.examples and prompt.system


def test_a_prompt_puts_the_facts_last() -> None:
    messages = prompt_for("C1", "image").messages("Captions:\n- {facts} in braces")
    assert messages[0].role == "system" and messages[-1].content.endswith("- {facts} in braces")
    assert [message.role for message in messages[1:]] == ["user", "assistant", "user"]


def test_an_unknown_prompt_is_named() -> None:
    with pytest.raises(ConfigError, match="C1 of image"):
        prompt_for("C1", "images")


def test_facts_of_many_boxes_stay_short_and_count_all() -> None:
    boxes = tuple(Box("cup", 0.001 * n, 0.1, 0.001 * n + 0.1, 0.2) for n in range(900))
    text = facts(Source("x", "made", PICTURE, "", 10, 10, boxes=boxes, knowledge="word " * 9000))
    assert len(text) < 5000 and "(and further 870 × cup)" in text and text.endswith("…")


@pytest.mark.parametrize(
    ("text", "finish", "refusal", "reason"),
    [
        ('{"rounds": [', "length", None, "truncated"),
        ("", "stop", "No.", "refused"),
        ("x", "content_filter", None, "refused"),
        ("  ", "stop", None, "empty"),
        ("Sure! Here it is", "stop", None, "malformed"),
        ("[" * 100_000, "stop", None, "malformed"),
        ('{"rounds": []}', "stop", None, "schema"),
        ('{"rounds": [{"question": "a", "answer": " "}]}', "stop", None, "schema"),
        ('{"rounds": [{"question": "a", "answer": 5}]}', "stop", None, "schema"),
        ('{"rounds": [{"question": "a", "answer": "b"}], "more": 1}', "stop", None, "schema"),
        (json.dumps({"rounds": [{"question": "a", "answer": "b" * 30_000}]}), "stop", None, "schema"),
        (json.dumps({"rounds": [{"question": "a", "answer": "b"}] * 11}), "stop", None, "schema"),
    ],
)
def test_an_answer_is_taken_whole_or_not_at_all(text: str, finish: str, refusal: str | None, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        parse(text, finish, SHAPES["C1"], refusal=refusal)
    assert caught.value.reason == reason and caught.value.detail


def test_a_fenced_answer_is_an_answer() -> None:
    assert parse('```json\n{"rounds": [{"question": "a", "answer": "b"}]}\n```', "stop", SHAPES["C1"])


@pytest.mark.parametrize("name", sorted(TASKS))
def test_our_own_templates_fit_every_task(name: str) -> None:
    task = TASKS[name]
    pool = Templates(**own_templates(task.query))
    require_slots(task, pool)


@pytest.mark.parametrize(
    "broken",
    ["The {category} is there.", "The {category} is at {position} and {position}.", "The {label} is at {position}.",
     "Number 3: the {category} is at {position}.", "The {category} {} is at {position}."],
)  # fmt: skip
def test_templates_with_other_slots_or_values_are_refused(broken: str) -> None:
    pool = Templates(**own_templates(TASKS["locating"].query))
    with pytest.raises(Refused):
        require_slots(TASKS["locating"], pool.model_copy(update={"responses": [*pool.responses, broken]}))


FULL = Source(
    "x", "made", PICTURE, "", 100, 50, boxes=(Box("dog", 0.1, 0.2, 0.3, 0.4), Box("{number}", 0.5, 0.5, 0.6, 0.9)),
    joints=(Joint("nose", 0.256, 0.5),), words=(Word("STOP"),), label="shiba inu",
)  # fmt: skip
ASKED = Source("y", "made", PICTURE, "", 100, 50, questions=(Question("What brand?", "nokia"),))
SCAN = Source(
    "z", "made", (Media("pointcloud", Path("1.ply")),), "", things=(Thing("cup", (0.1, 0.2, 0.31234), (1, 2, 3)),),
    questions=(Question("How many?", "3"),), label="cup",
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(TASKS))
def test_every_task_slots_the_truth_in(name: str) -> None:
    task = TASKS[name]
    source = SCAN if task.modality == "pointcloud" else ASKED if name == "questions" else FULL
    assert task in list(fitting(source))
    pool = Templates(**own_templates(task.query))
    pair = slot(task, pool, source, random.Random(1))
    assert pair and "{category}" not in pair.answer and "{position}" not in pair.answer
    wanted = {
        "classification": "shiba inu", "detection": "[0.10, 0.20, 0.30, 0.40]", "locating": "[0.", "counting": "1",
        "keypoints": "[0.26, 0.50]", "reading": "STOP", "questions": "nokia", "classification3d": "cup",
        "detection3d": "[0.100, 0.200, 0.312, 1.000, 2.000, 3.000]", "questions3d": "3",
    }  # fmt: skip
    assert wanted[name] in pair.answer


def test_a_value_that_looks_like_a_slot_stays_as_it_is() -> None:
    pool = Templates(**own_templates(TASKS["detection"].query))
    pair = slot(TASKS["detection"], pool, FULL, random.Random(0))
    assert pair and "{number}" in pair.answer


def test_an_article_fits_the_word_after_it() -> None:
    source = Source("x", "made", PICTURE, "", 1, 1, label="orange")
    task = TASKS["classification"]
    pool = Templates(instructions=["What?"] * 3, responses=["This is a {category}."] * 3)
    pair = slot(task, pool, source, random.Random(0))
    assert pair and pair.answer == "This is an orange."


def test_a_source_without_the_truth_fits_no_task() -> None:
    assert list(fitting(Source("x", "made", PICTURE, "", 1, 1, captions=("A dog.",)))) == []


def test_the_recipes_rebuild_the_papers_sets_in_kind_and_number() -> None:
    pictures, clouds = load_recipe("lamm-186k"), load_recipe("lamm3d-10k")
    assert (pictures.items, clouds.items) == (186_098, 10_262)
    kinds = {kind: sum(part.items or 0 for part in pictures.parts if part.kind == kind) for kind in SHAPES}
    assert kinds == {"C1": 49_000, "C2": 42_000, "C3": 49_000, "C4": 46_098}


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_can_be_planned_without_its_files(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    plan = make_plan(recipe, Settings("gpt-4o-mini"), load_prices()["gpt-4o-mini"], data=tmp_path, limit=None)
    assert plan.sums["items"] == recipe.items
    assert plan.sums["cost"] > 0 and not any(part.measured for part in plan.parts)
    halved = make_plan(
        recipe, Settings("gpt-4o-mini"), load_prices()["gpt-4o-mini"], data=tmp_path, limit=None, batched=True
    )
    assert halved.sums["cost"] < 0.6 * plan.sums["cost"]


def test_a_plan_measures_the_queries_that_are_there(source: str) -> None:
    recipe = of_sources([open_source(source)], ["C1", "C4"], limit=None)
    plan = make_plan(recipe, Settings("fake"), load_prices()["fake"], data=None, limit=None)
    assert [(part.kind, part.items, part.measured) for part in plan.parts] == [("C1", 12, True), ("C4", 12, True)]
    assert plan.parts[0].requests == 12 and plan.parts[1].requests <= 4


def test_a_rendered_prompt_shows_the_facts_and_the_cost(source: str) -> None:
    recipe = of_sources([open_source(source)], ["C1"], limit=1)
    text = rendered(recipe, Settings("fake"), load_prices()["fake"], data=None)
    assert "[system]" in text and "- dog [0.05, 0.08, 0.25, 0.68]" in text and "tokens in" in text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name: x\nparts: [{sourec: voc, kind: C1, items: 1}]", "Did you mean 'source'"),
        ("name: x\nparts: [{source: vo, kind: C1, items: 1}]", "voc"),
        ("name: x\nparts: [{source: voc, kind: C2, items: 1}]", "feeds C1, C3, C4"),
        ("name: x\nparts: [{source: voc, kind: C1}]", "no 'items'"),
        ("name: x\nparts: [{source: voc, kind: C4, items: 1, tasks: [detect]}]", "detection"),
        ("name: x\nparts: [{source: voc, kind: C4, items: 0}]", "whole number"),
        ("name: x", "no 'parts:'"),
        ("- 1", "not a mapping"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(text: str, match: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(ConfigError, match=match):
        load_recipe(str(tmp_path / "r.yaml"))


def test_a_part_without_a_folder_asks_for_data() -> None:
    with pytest.raises(ConfigError, match="--data"):
        Part("voc", "C1", 1).open(None)
