"""A kept reply is found again by everything that could change it, and by nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lamm_core.conversation import Media, Turn
from lamm_core.evaluation.predictions import PredictionCache, prediction_key
from lamm_core.evaluation.respondent import Reply

PICTURE = Path("a.png")
MODEL = {
    "name": "m", "folder": "f", "adapter": "image", "adapter_sha256": "1", "projector_encoder_sha256": "2",
    "base_sha256": "3", "quantize": None, "template": "chat",
}  # fmt: skip
ASKED: dict[str, Any] = {
    "task": "t", "version": 1, "item": "i", "conversation": [Turn("user", "What?", (Media("image", PICTURE),))],
    "media": {PICTURE: "aa"}, "options": (), "model": MODEL,
    "inference": {"mode": "direct", "max_new_tokens": 5, "decoding": "greedy"},
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"task": "u"}, {"version": 2}, {"item": "j"}, {"media": {PICTURE: "bb"}}, {"options": ("a", "b")},
        {"conversation": [Turn("user", "What ?", (Media("image", PICTURE),))]},
        {"conversation": [Turn("user", "What?")]},
        {"conversation": [Turn("system", "Be short."), *ASKED["conversation"]]},
        *({"model": MODEL | {key: "other"}} for key in MODEL if key not in ("name", "folder")),
        *({"inference": ASKED["inference"] | {key: "other"}} for key in ASKED["inference"]),
    ],
    ids=str,
)  # fmt: skip
def test_whatever_can_change_an_answer_changes_the_key(change: dict[str, Any]) -> None:
    assert prediction_key(**(ASKED | change)) != prediction_key(**ASKED)


def test_names_and_places_change_nothing_but_for_an_endpoint() -> None:
    moved = Path("elsewhere") / "b.png"
    renamed = {
        "model": MODEL | {"name": "n", "folder": "g"},
        "conversation": [Turn("user", "What?", (Media("image", moved),))],
        "media": {moved: "aa"},
    }
    assert prediction_key(**(ASKED | renamed)) == prediction_key(**ASKED)
    served = [prediction_key(**(ASKED | {"model": {"name": name, "endpoint": "http://x"}})) for name in "ab"]
    assert served[0] != served[1]


def test_what_one_run_keeps_another_finds_and_failures_are_not_kept(tmp_path: Path) -> None:
    one, two = PredictionCache(tmp_path / "c" / "kept.sqlite"), PredictionCache(tmp_path / "c" / "kept.sqlite")
    reply = Reply("ja \ud800", 3, 0.5, notes={"option_scores": [-1.0, -2.0]})
    one.keep({"k": reply, "f": Reply("", trouble="HTTP 500")})
    two.keep({"l": Reply("nein")})
    assert two.find(["k", "f", "l"]) == [reply, None, Reply("nein")] == one.find(["k", "f", "l"])
    one.close(), two.close()
