"""Findings in the place of a picture: they give the tokens that the encoder would give, and bad ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lamm_core.errors import MediaError
from lamm_core.modalities.findings import compose_findings
from lamm_core.modalities.perception import PerceptionEncoder
from lamm_core.modalities.perception.tokens import LAYOUT
from lamm_core.names import BODY, CHARACTERS, JOINTS, OBJECTS, PICTURE_CLASSES, imagenet_names

KINDS = LAYOUT.names["kind"]


@pytest.fixture(scope="module")
def encoder() -> PerceptionEncoder:
    torch.manual_seed(0)
    return PerceptionEncoder(None).eval()


def composed(encoder: PerceptionEncoder, folder: Path, **findings: Any) -> Tensor:
    path = folder / "one.findings"
    path.write_text(json.dumps(findings))
    return compose_findings(path, encoder)


def of_kind(tokens: Tensor, kind: str) -> list[int]:
    return [place for place, token in enumerate(tokens) if token[KINDS.index(kind)] == 1]


def written_after(tokens: Tensor, place: int) -> str:
    texts, text = LAYOUT.names["written"], ""
    for token in tokens[place + 1 :]:
        if token[LAYOUT.parts["written"]].sum() == 0:
            break
        text += texts[int(token[LAYOUT.parts["written"]].argmax())]
    return text


def test_there_are_a_thousand_different_names() -> None:
    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    assert names[207] == "golden retriever"  # torchvision's and Keras's class 207


def test_the_code_of_a_name_is_nearest_to_its_own_class(encoder: PerceptionEncoder, tmp_path: Path) -> None:
    right = 0
    for number in range(0, 1000, 50):
        code = composed(encoder, tmp_path, name=number)[0, LAYOUT.parts["name"]]
        right += int((encoder.name_codes @ code).argmax()) == number
    assert right >= 17  # of 20: a doubt may outweigh a class that is not sure


def test_objects_are_told_with_class_and_box(encoder: PerceptionEncoder, tmp_path: Path) -> None:
    boxes = {"dog": [0.1, 0.2, 0.7, 0.9], "cat": [0.5, 0.5, 0.6, 0.7]}
    things = [{"label": name, "bbox": box} for name, box in boxes.items()]
    tokens = composed(encoder, tmp_path, objects=things)
    told = {}
    for place in of_kind(tokens, "object"):
        label = OBJECTS[int(tokens[place, LAYOUT.parts["object"]].argmax())]
        told[label] = written_after(tokens, place)
    assert told["dog"] == "[0.10, 0.20, 0.70, 0.90][0.40, 0.55]"
    assert told["cat"] == "[0.50, 0.50, 0.60, 0.70][0.55, 0.60]"
    counted = {OBJECTS[int(tokens[place, LAYOUT.parts["object"]].argmax())]: written_after(tokens, place)
               for place in of_kind(tokens, "count")}  # fmt: skip
    assert counted == {"dog": "[1]", "cat": "[1]"}


def test_joints_words_and_classes_are_told(encoder: PerceptionEncoder, tmp_path: Path) -> None:
    joints = {name: [0.01 * place, 0.5] for place, name in enumerate(JOINTS)}
    tokens = composed(encoder, tmp_path, joints=joints)
    places = of_kind(tokens, "joint")
    assert [BODY[int(tokens[place, LAYOUT.parts["joint"]].argmax())] for place in places] == list(BODY)
    assert written_after(tokens, places[5]) == "[0.05, 0.50]"
    tokens = composed(encoder, tmp_path, word="HOTEL7")
    read = [CHARACTERS[int(tokens[place, LAYOUT.parts["letter"]].argmax())] for place in of_kind(tokens, "letter")]
    assert "".join(read) == "HOTEL7"
    tokens = composed(encoder, tmp_path, label="frog")
    assert PICTURE_CLASSES[int(tokens[0, LAYOUT.parts["picture"]].argmax())] == "frog"


def test_the_same_file_gives_the_same_tokens_and_another_gives_others(
    encoder: PerceptionEncoder, tmp_path: Path
) -> None:
    first, second = (composed(encoder, tmp_path, label="frog", copy=1) for _ in range(2))
    assert torch.equal(first, second)
    other = composed(encoder, tmp_path, label="frog", copy=2)
    assert other.shape != first.shape or not torch.equal(first, other)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[1]", b'{"objects": [{"label": "unicorn", "bbox": [0, 0, 1, 1]}]}',
     b'{"objects": [{"label": "dog", "bbox": [0, 0, 1]}]}', b'{"name": 100000}', b'{"joints": {"neck": [0, 0]}}'],
)  # fmt: skip
def test_a_file_that_holds_no_findings_is_refused(encoder: PerceptionEncoder, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.findings"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"bad\.findings"):
        compose_findings(path, encoder)


def test_an_encoder_that_composes_nothing_says_so(tmp_path: Path) -> None:
    path = tmp_path / "one.findings"
    path.write_text("{}")
    with pytest.raises(MediaError, match="composes none"):
        compose_findings(path, torch.nn.Identity())
