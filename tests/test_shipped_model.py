"""The model that is shipped, with its real weights: it reads pictures and scans and still answers plain questions.

`make fetch` brings the base weights; without them these tests fail and say so.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openai
import pytest

from lamm_core.__main__ import cache_folder
from lamm_core.backbones import BACKBONES, is_ready
from lamm_core.conversation import Media, Turn
from lamm_core.grounding import find_boxes, find_objects
from lamm_core.inference.engine import LocalEngine
from lamm_core.inference.sampling import Generation
from tests.lamm_core.serving.conftest import data_url, served

pytestmark = pytest.mark.slow

ASSETS = Path(__file__).resolve().parent.parent / "assets"
GREEDY = Generation(max_new_tokens=60, temperature=0.0)


@pytest.fixture(scope="module")
def engine() -> LocalEngine:
    import torch

    from lamm_core.model.lamm import LammModel

    missing = [name for name in BACKBONES if not is_ready(cache_folder() / name, BACKBONES[name])]
    assert not missing, f"The base weights of {', '.join(missing)} are missing: run `make fetch`."
    return LocalEngine(LammModel.from_pretrained(ASSETS / "lamm-mini", cache=cache_folder(), dtype=torch.bfloat16))


def ask(engine: LocalEngine, question: str, *files: str) -> str:
    kinds = {".png": "image", ".jpg": "image", ".ply": "pointcloud"}
    media = tuple(Media(kinds[Path(file).suffix], ASSETS / "demo" / file) for file in files)
    return "".join(piece.text for piece in engine.stream([Turn("user", question, media)], GREEDY))


def test_a_plain_question_is_answered_by_the_language_model(engine: LocalEngine) -> None:
    assert "Paris" in ask(engine, "What is the capital of France?")


def test_a_photo_is_named(engine: LocalEngine) -> None:
    assert "cat" in ask(engine, "What is in the picture?", "cat.jpg").lower()


def test_objects_in_a_picture_come_with_boxes_inside_it(engine: LocalEngine) -> None:
    boxes = find_boxes(ask(engine, "Detect all objects.", "shapes.png"))
    assert len(boxes) >= 2
    assert all(0 <= box.x1 < box.x2 <= 1 and 0 <= box.y1 < box.y2 <= 1 for box in boxes)


def test_the_object_furthest_to_the_left_of_a_scan_is_the_one_pointed_at(engine: LocalEngine) -> None:
    from lamm_core.modalities.pointcloud.scene import boxes_in

    boxes = boxes_in(ASSETS / "demo" / "table.ply")
    left = min(range(len(boxes)), key=lambda place: boxes[place].centre[0]) + 1
    answer = ask(engine, "Which object is furthest to the left?", "table.ply")
    assert [mention.number for mention in find_objects(answer)][:1] == [left], answer


def test_a_picture_and_a_scan_go_into_one_question(engine: LocalEngine) -> None:
    assert ask(engine, "How many objects are on the table?", "cat.jpg", "table.ply").strip()


def test_it_answers_other_programs_about_a_picture_and_a_scan(engine: LocalEngine) -> None:
    # The server closes its engine when it ends; this one has more to do.
    kept = SimpleNamespace(stream=engine.stream, load=engine.load, close=lambda: None)

    def part(kind: str, file: str, mime: str) -> dict[str, Any]:
        return {"type": kind, kind: {"url": data_url((ASSETS / "demo" / file).read_bytes(), mime)}}

    def say(client: openai.OpenAI, words: str, *media: dict[str, Any]) -> str:
        content: Any = [*media, {"type": "text", "text": words}]
        asked: Any = [{"role": "user", "content": content}]
        return str(
            client.chat.completions.create(model="tiny", messages=asked, max_tokens=60).choices[0].message.content
        )

    with served(kept) as address:
        client = openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        cat = say(client, "What is in the picture?", part("image_url", "cat.jpg", "image/jpeg"))
        scan = part("pointcloud_url", "table.ply", "application/octet-stream")
        left = say(client, "Which object is furthest to the left?", scan)
    assert cat == ask(engine, "What is in the picture?", "cat.jpg") and "cat" in cat.lower()
    assert left == ask(engine, "Which object is furthest to the left?", "table.ply") and find_objects(left)
