"""The endpoint for scans: the answer with every box, and an error in words for what cannot be asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.endpoints3d import SceneReply, _replies
from app.services import Services


def final(services: Services, *arguments: object) -> SceneReply:
    *_, reply = _replies(services, *arguments)
    return reply


@pytest.fixture
def scan(services: Services) -> dict[str, str]:
    return {"path": str(services.settings.demo / "sideways.ply")}


def test_an_answer_comes_with_the_boxes_and_what_it_names(services: Services, scan: dict[str, str]) -> None:
    reply = final(services, scan, "What is left?", True, 64)
    assert (reply["answer"], reply["error"], reply["finished"]) == ("It is the orange cup [obj3].", "", True)
    assert [box["identifier"] for box in reply["boxes"] if box["named"]] == ["obj3"]
    assert reply["boxes"][2]["label"] == "orange cup" and max(reply["boxes"][2]["size"]) < 0.2
    assert any(finding.startswith("unit: millimetres") for finding in reply["findings"])
    assert [path for path in services.settings.sessions.glob("*/*") if path.is_dir()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing", "What?", False, 64), "handle_file"),
        (({"path": "/etc/passwd"}, "What?", False, 64), "not an uploaded file"),
        (({"path": "scan"}, 3, False, 64), "question must be"),
        (({"path": "scan"}, "What?", "yes", 64), "fix must be"),
        (({"path": "scan"}, "What?", False, 0), "max_new_tokens"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(services: Services, arguments: tuple[object, ...], words: str) -> None:
    reply = final(services, *arguments)
    assert words in reply["error"] and reply["finished"]


def test_a_bad_file_is_an_answer_in_words_too(services: Services, uploaded: Callable[..., Path]) -> None:
    path = uploaded("bad.ply", content=b"ply\nnonsense")
    assert "bad.ply" in final(services, {"path": str(path)}, "What?", False, 64)["error"]
