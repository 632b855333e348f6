"""A run asks every sample once, records every answer, and its baselines show no or another picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import TaskError
from lamm_core.evaluation.records import read_records
from lamm_core.evaluation.runner import blind, measure, shuffled
from lamm_core.evaluation.tasks import task


def samples(count: int) -> list[Sample]:
    return [
        Sample(
            f"s{n}", (Turn("user", "Read the word.", (Media("image", Path(f"{n // 2}.png")),)),),
            target=[f"WORD{n // 2}"],
            metadata={"unseen_wording": n % 2 == 0},
        )
        for n in range(count)
    ]  # fmt: skip


class ReadsFileNames:
    """Answers with the word that belongs to the picture's file; without a picture it guesses WORD0."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def answer_many(
        self, conversations: Sequence[Sequence[Turn]], settings: Any, *, batch: int, adapter: str | None
    ) -> list[str]:
        assert adapter == "image" and settings.temperature == 0.0
        self.sizes.append(len(conversations))
        media = [[medium for turn in turns for medium in turn.media] for turns in conversations]
        return [f"WORD{shown[0].path.stem}" if shown else "WORD0" for shown in media]


def test_shuffling_gives_every_sample_the_picture_of_another() -> None:
    own = samples(20)
    for seed in range(5):
        for mine, other in zip(own, shuffled(own, seed=seed), strict=True):
            assert mine.media != other.media and len(other.media) == 1
            assert (mine.id, mine.target, mine.turns[0].text) == (other.id, other.target, other.turns[0].text)


def test_shuffling_one_picture_is_refused() -> None:
    with pytest.raises(TaskError, match="two pictures"):
        shuffled(samples(2))


def test_blind_samples_show_nothing() -> None:
    assert all(sample.media == () for sample in blind(samples(4)))


def test_a_run_records_each_answer_and_scores_above_its_baselines(tmp_path: Path) -> None:
    engine, told = ReadsFileNames(), []
    results = {
        kind: measure(engine, task("iiit5k"), samples(10), out=tmp_path, baseline=kind, batch=1, progress=told.append)
        for kind in (None, "blind", "shuffled")
    }
    assert [result["word_accuracy"] for result in results.values()] == [1.0, 0.2, 0.0]
    assert engine.sizes == [4, 4, 2] * 3 and told[:3] == [4, 8, 10]
    records = list(read_records(tmp_path / "records.jsonl"))
    assert len(records) == 30
    assert records[0]["prompt"] == "Read the word." and records[0]["text"] == "WORD0" and records[0]["score"] == 1.0
    assert [record["baseline"] for record in records[::10]] == [None, "blind", "shuffled"]


def test_records_are_appended_and_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    for _ in range(2):
        measure(ReadsFileNames(), task("iiit5k"), samples(4), out=tmp_path)
    path = tmp_path / "records.jsonl"
    path.write_text(path.read_text() + '{"torn": ')
    assert len(list(read_records(path))) == 8
    path.write_text('{"torn": \n{}\n')
    with pytest.raises(TaskError, match="line 1"):
        list(read_records(path))


def test_a_limit_measures_the_first_so_many(tmp_path: Path) -> None:
    assert measure(ReadsFileNames(), task("iiit5k"), samples(10), out=tmp_path, limit=3)["n"] == 3
