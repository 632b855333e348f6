"""Describing a picture in a sentence: Flickr30k, five references each.

Does not know METEOR or SPICE, which need Java and word lists that cannot be shipped.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from lamm_core.conversation import Sample
from lamm_core.errors import TaskError
from lamm_core.evaluation import compat
from lamm_core.evaluation.metrics.bleu import BleuCounts, bleu, bleu_counts
from lamm_core.evaluation.metrics.cider import cider_d
from lamm_core.evaluation.metrics.rouge import rouge_l
from lamm_core.evaluation.metrics.tokens import TOKENIZER, tokens
from lamm_core.evaluation.sets.entry import Entry, Form
from lamm_core.evaluation.sets.parquet import Row, parquet, picture_bytes
from lamm_core.evaluation.sets.published import Record, published, text
from lamm_core.evaluation.task import CorpusMetric, Part, Questions, Score
from lamm_core.evaluation.tasks.base import SetTask
from lamm_core.evaluation.tasks.paper import PAPER

__all__ = ["CAPTION_METRICS", "QUESTIONS", "TASKS", "Captioning", "caption_detail"]

QUESTIONS = Questions(
    seen=("Describe the picture.", "What is in this picture?", "Describe this image in a sentence."),
    unseen=(
        "Write a caption for this photo.",
        "Give a short description of what the image shows.",
        "You are an assistant that describes pictures. Describe the image in one sentence.",
    ),
)
Details = Sequence[Mapping[str, Any]]


@lru_cache(maxsize=200_000)
def _tokens(caption: str) -> tuple[str, ...]:
    return tuple(tokens(caption))


def caption_detail(answer: str, references: Sequence[str]) -> dict[str, Any]:
    """What the corpus metrics need of one answer."""
    said, against = _tokens(answer[:4000]), [_tokens(reference) for reference in references]
    counts = bleu_counts(said, against)
    return {
        "tokenizer": TOKENIZER, "caption": answer[:4000], "references": list(references), "bleu": list(counts),
        "rouge_l": rouge_l(said, against),
    }  # fmt: skip


def _bleu(size: int) -> CorpusMetric:
    def compute(details: Details) -> float | None:
        counts = [BleuCounts(tuple(r), tuple(m), n, k) for r, m, n, k in (d["bleu"] for d in details if "bleu" in d)]
        return bleu(counts, size)

    return CorpusMetric(f"bleu_{size}", compute)


def _cider(details: Details) -> float | None:
    there = [detail for detail in details if "caption" in detail]
    said = [_tokens(detail["caption"]) for detail in there]
    return cider_d(said, [[_tokens(reference) for reference in detail["references"]] for detail in there])


CAPTION_METRICS = (*(_bleu(size) for size in (4, 3, 2, 1)), CorpusMetric("cider_d", _cider))


class Captioning(SetTask):
    """``bleu_1`` to ``bleu_4``, ``rouge_l`` and ``cider_d`` (from 0 to 10) of the whole set.

    Tokens are cut by our own rule, not by the Penn Treebank's program, so compare them with figures that name it.
    ``lamm_bleu_4``: the best sentence of each answer, alone and not smoothed, averaged. The value of one answer is its
    ROUGE-L.
    """

    kind = "captioning"
    version = 1
    metrics: tuple[str, ...] = ("bleu_4", "rouge_l", "lamm_bleu_4")
    corpus = CAPTION_METRICS
    max_new_tokens = 64
    questions = QUESTIONS

    def score(self, sample: Sample, answer: str) -> Score:
        """One answer."""
        detail = caption_detail(answer, sample.target)
        parts = {
            "rouge_l": Part(detail["rouge_l"], 1),
            "lamm_bleu_4": Part(compat.caption_bleu(answer[:4000], sample.target), 1),
        }
        if not _tokens(answer[:4000]):
            return Score(None, None, "no words", parts, "none", detail)
        value = detail["rouge_l"]
        return Score(value, answer.strip(), f"ROUGE-L {value:.2f}", parts, "whole answer", detail)

    def right_answer(self, sample: Sample) -> str:
        """The first reference."""
        return str(sample.target[0])


def sentences(record: Record) -> tuple[list[str], Mapping[str, Any]]:
    """The truth of a published record."""
    found = [text(sentence) for sentence in record["sentences"]]
    if not found:
        raise ValueError("sentences is empty")
    return found, {}


def rows(found: list[Row], file: Path) -> list[Entry]:
    """Rows with ``image`` and a list of ``caption``."""
    return [
        Entry(f"flickr30k-{i:05d}", picture_bytes(row["image"], file=file, index=i), [str(c) for c in row["caption"]],
              "flickr30k", f"flickr30k-{i:05d}")
        for i, row in enumerate(found)
    ]  # fmt: skip


def table(files: list[Path]) -> list[Entry]:
    """The table as it is distributed: file name, number, caption, parted by ``|`` or by commas, one line a caption."""
    lines = files[0].read_text(encoding="utf-8").splitlines()
    mark = "|" if lines and "|" in lines[0] else ","
    captions: dict[str, list[str]] = {}
    for number, row in enumerate(csv.reader(lines[1:], delimiter=mark), start=2):
        if not row:
            continue
        if len(row) < 2 or not row[-1].strip():
            raise TaskError(f"{files[0]}, line {number}: no caption.")
        captions.setdefault(row[0].strip(), []).append(row[-1].strip())
    folders = sorted(path for path in files[0].parent.glob("*images*") if path.is_dir()) or [files[0].parent]
    return [
        Entry(f"flickr30k-{Path(name).stem}", folders[0] / name, several, "flickr30k", f"flickr30k-{Path(name).stem}")
        for name, several in captions.items()
    ]


TASKS = (
    Captioning(
        "flickr30k",
        "Flickr30k: describe the picture",
        forms=(
            published("Caption_flickr30k", sentences, source="flickr30k"),
            Form(("flickr30k/results*.csv", "flickr30k/captions*.txt", "results*.csv"), table),
            parquet("flickr30k", ("image", "caption"), rows),
        ),
        paper=PAPER["flickr30k"],
    ),
)
