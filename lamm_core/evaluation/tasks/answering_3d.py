"""Free answers to questions about scenes: ScanQA as it is distributed, several right answers each.

Does not know options; vqa_3d.py asks the same questions with some.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation.metrics.exact_match import clean_answer, exact_match, refined_match
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.task import Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.captioning import CAPTION_METRICS, caption_detail

__all__ = ["TASKS", "SceneAnswering"]

QUESTIONS = Questions(seen=("{question}",), unseen=("{question} Answer in a few words.",))


class SceneAnswering(SetTask):
    """``em``: the answer is one of the right ones, once cleaned; ``em_refined``: it is part of one or holds one.

    ``bleu_1`` to ``bleu_4``, ``rouge_l`` and ``cider_d`` as in captioning, with the tokenizer that they name.
    """

    kind = "answering_3d"
    modality = "pointcloud"
    metrics: tuple[str, ...] = ("em", "em_refined", "bleu_4", "rouge_l")
    corpus = CAPTION_METRICS
    max_new_tokens = 32
    questions = QUESTIONS

    def slots(self, entry: Entry, rng: random.Random) -> dict[str, str]:
        """The question."""
        return {"question": entry.more["question"]}

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        right, near = exact_match(answer, sample.target), refined_match(answer, sample.target)
        detail = caption_detail(answer, sample.target)
        parts = {
            "em": Part(float(right), 1), "em_refined": Part(float(near), 1), "rouge_l": Part(detail["rouge_l"], 1),
        }  # fmt: skip
        said = clean_answer(answer)
        if not said:
            return Score(None, None, "no words", parts, "none", detail)
        reason = "right" if right else "part of it" if near else "wrong"
        return Score(float(right), said, reason, parts, "cleaned", detail)

    def right_answer(self, sample: Sample) -> str:
        """The first of the right answers."""
        return str(sample.target[0])


def distributed(files: list[Path]) -> list[Entry]:
    """ScanQA_v1.0_val.json; clouds are ``scannet_pcls/SCENE.npy`` beside it or in the published benchmark."""
    file = files[0]
    found = []
    try:
        for item in json.loads(file.read_text(encoding="utf-8")):
            answers = [str(answer) for answer in item["answers"] if clean_answer(str(answer))]
            if answers:
                more = {"question": str(item["question"])}
                scene = str(item["scene_id"])
                found.append(Entry(str(item["question_id"]), _cloud(file, scene), answers, "scanqa", scene, more=more))
    except (ValueError, KeyError, TypeError) as error:
        raise TaskError(f"{file} is not as ScanQA is distributed ({type(error).__name__}: {error}).") from error
    return found


def _cloud(file: Path, scene: str) -> Path:
    places = [folder / "scannet_pcls" / f"{scene}.npy" for folder in (file.parent, file.parent.parent / "3D_Benchmark")]
    return next((place for place in places if place.is_file()), places[0])


TASKS = (
    SceneAnswering(
        "scanqa_answers",
        "ScanQA: free answers about a scene",
        forms=(
            Form(("ScanQA/ScanQA_v1.0_val.json", "3D_Benchmark/ScanQA_v1.0_val.json", "ScanQA*val.json"), distributed),
        ),
    ),
)
