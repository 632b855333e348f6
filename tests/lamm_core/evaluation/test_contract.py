"""What every benchmark task keeps to, in each form that its set comes in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from lamm_core.conversation import Sample
from lamm_core.errors import ConfigError, TaskError
from lamm_core.evaluation.task import Task
from lamm_core.evaluation.tasks import OTHER_NAMES, TASKS, task

# Sets that come in one form only.
OURS = ("iiit5k", "bccd_counting", "scanqa_answers", "voc2012_hallucination")
PUBLISHED = ("scannet_detection", "scanrefer", "scanqa")
CASES = [
    (chosen, form)
    for chosen in TASKS
    for form in ("ordinary", "published")
    if not (form == "published" and (chosen.name in OURS or chosen.name.startswith(("coco128", "osd"))))
    and not (form == "ordinary" and chosen.name in PUBLISHED)
]
every = pytest.mark.parametrize(("chosen", "form"), CASES, ids=lambda value: getattr(value, "name", value))


@pytest.fixture
def samples(chosen: Task, form: str, request: pytest.FixtureRequest, tmp_path: Path) -> list[Sample]:
    return chosen.samples(request.getfixturevalue(form), tmp_path, limit=None, seed=3)


def test_every_task_is_covered() -> None:
    assert {chosen.name for chosen, _ in CASES} == {chosen.name for chosen in TASKS}


@every
def test_the_same_seed_gives_the_same_samples(
    chosen: Task, form: str, samples: list[Sample], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    data = request.getfixturevalue(form)
    assert samples and samples == chosen.samples(data, tmp_path, limit=None, seed=3)
    assert len({sample.id for sample in samples}) == len(samples)
    assert len(chosen.samples(data, tmp_path, limit=1, seed=0)) == 1
    for sample in samples:
        assert sample.media[0].path.is_file() and sample.media[0].modality == chosen.modality
        assert sample.turns[0].text and "{" not in sample.turns[0].text
        assert isinstance(sample.metadata["unseen_wording"], bool)
        assert sample.metadata["group"] and sample.metadata["source_dataset"] and sample.metadata["task_type"]
        assert json.loads(json.dumps(sample.target)) is not None
        json.dumps(dict(sample.metadata))


@every
def test_a_perfect_answer_scores_one(chosen: Task, form: str, samples: list[Sample]) -> None:
    scores = [chosen.score(sample, chosen.right_answer(sample)) for sample in samples]
    assert [score.value for score in scores] == pytest.approx([1.0] * len(samples))
    assert all(score.extraction and score.extraction != "none" for score in scores)
    for metric in chosen.corpus:
        found = metric.compute([json.loads(json.dumps(dict(score.detail))) for score in scores])
        # One picture's n-grams are in every reference set, so CIDEr gives them no weight; a set needs both answers
        # for its balanced accuracy.
        assert found == pytest.approx(1.0) or metric.name == "cider_d" or found is None


@every
def test_an_empty_answer_is_unparsed_and_gains_nothing(chosen: Task, form: str, samples: list[Sample]) -> None:
    for sample in samples:
        score = chosen.score(sample, "")
        assert (score.value, score.answer, score.extraction) == (None, None, "none")
        main = score.parts.get(chosen.metrics[0])
        assert main is None or main.gained == 0 or chosen.metrics[0] in chosen.lower_is_better


GARBAGE = ("!!", "[", "[x1, 0.1, 0.2]", "[1e99, 2]", "[[0.1,0.2],[0.3]]", "dog " * 300, "(", "(Z)", "[obj0] [obj999]",
           "[" + "0," * 500 + "]",
           "9" * 400, "\x00\ud800", "．１２", "[nan, inf, -1, 2, 3, 4]", "²", "no", '"')  # fmt: skip


@every
def test_no_answer_breaks_a_score_and_unparsed_is_never_zero(chosen: Task, form: str, samples: list[Sample]) -> None:
    for sample in samples[:3]:
        for answer in GARBAGE:
            keeps_to_it(chosen, sample, answer)


SCRAPS = ("the answer is (A)", "dog", "[0.1, 0.2]", "no", "7", "[obj1]", "and", ".")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answer=some.text(max_size=200)
    | some.text(alphabet="[](),.;:0123456789 -ABCxyobj\"'", max_size=200)
    | some.lists(some.sampled_from(SCRAPS)).map(" ".join)
)
@every
def test_no_text_whatever_breaks_a_score(chosen: Task, form: str, samples: list[Sample], answer: str) -> None:
    keeps_to_it(chosen, samples[0], answer)


def keeps_to_it(chosen: Task, sample: Sample, answer: str) -> None:
    score = chosen.score(sample, answer)
    assert (score.value is None) == (score.answer is None)
    assert score.value is None or 0 <= score.value <= 1 + 1e-9
    assert set(score.parts) <= set(chosen.metrics)
    assert all(part.possible >= 0 for part in score.parts.values())
    json.dumps(dict(score.detail))


@pytest.mark.parametrize("chosen", TASKS, ids=lambda chosen: chosen.name)
def test_a_task_says_what_it_is(chosen: Task) -> None:
    assert type(chosen.version) is int and chosen.version > 0
    assert chosen.title and chosen.kind and chosen.max_new_tokens > 0
    names = {*chosen.metrics, *(metric.name for metric in chosen.corpus)}
    assert chosen.lower_is_better <= names
    for row in chosen.paper.values():
        assert set(row) <= names


@pytest.mark.parametrize("chosen", TASKS, ids=lambda chosen: chosen.name)
def test_a_missing_set_is_a_task_error(chosen: Task, tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="is missing"):
        chosen.samples(tmp_path / "nowhere", tmp_path, limit=None, seed=0)


def test_names_are_unique_and_other_names_lead_to_them() -> None:
    names = [chosen.name for chosen in TASKS]
    assert len(set(names)) == len(names)
    assert all(task(other).name == name for other, name in OTHER_NAMES.items())


def test_an_unknown_task_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="cifar10"):
        task("colouring")
