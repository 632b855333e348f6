"""Perception tokens composed from annotations, as if the encoder had looked.

Does not know networks beside the classifier whose weights the codes of names are made of.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.modalities.perception import tokens
from lamm_core.names import CHARACTERS, JOINTS, OBJECTS, PICTURE_CLASSES

__all__ = ["Names", "compose"]

MOST_OBJECTS = 8  # as many as the encoder tells
LEAST, SURE = 0.15, 0.18  # objects with scores below SURE are false alarms that no answer names
DOUBTS = 30  # the classes nearest to a class are the ones it is mistaken for

Box = tuple[float, float, float, float]


class Names:
    """The codes of ImageNet's names, and which classes are mistaken for which."""

    def __init__(self, codes: Tensor, classifier: Tensor) -> None:
        weights = functional.normalize(classifier.detach().float(), dim=-1)
        self.codes = codes.detach().float().cpu()
        self.near = (weights @ weights.T).topk(DOUBTS + 1).indices[:, 1:].cpu()  # (1000, DOUBTS), itself left out

    def doubtful(self, number: int, rng: random.Random) -> Tensor:
        """The code of a class, mixed with those of three similar ones and a stranger."""
        sure = rng.uniform(0.3, 0.97)
        others = [*rng.sample(self.near[number].tolist(), 3), rng.randrange(len(self.codes))]
        shares = torch.tensor([sure] + [(1 - sure) * share for share in sorted(rng.random() / 3 for _ in others)])
        return (shares[:, None] * self.codes[[number, *others]]).sum(0)

    def any(self, rng: random.Random) -> Tensor:
        """The code of some class."""
        return self.doubtful(rng.randrange(len(self.codes)), rng)


def compose(names: Names, findings: Mapping[str, Any], rng: random.Random) -> Tensor:
    """Tokens ``(n, width)``.

    ``findings`` may hold ``label`` of PICTURE_CLASSES, ``name`` as the number of an ImageNet class, ``word`` over
    CHARACTERS, ``joints`` by name, ``objects`` with ``label`` of OBJECTS and ``bbox`` in shares, largest first, and
    the picture's ``width`` and ``height``. Raises KeyError or ValueError for other values.
    """
    number = findings.get("name")
    label = findings.get("label") or rng.choice(PICTURE_CLASSES)
    objects = [(item["label"], _box(item["bbox"])) for item in findings.get("objects", ())]
    joints = [_point(findings["joints"][joint]) for joint in JOINTS] if findings.get("joints") else []
    if joints and rng.random() < 0.8:
        objects = [("person", _around(joints))]
    shown = [(name, box, SURE + (0.95 - SURE) * rng.random() ** 1.5) for name, box in objects[:MOST_OBJECTS]]
    while len(shown) < MOST_OBJECTS and rng.random() < 0.3:
        shown.append((rng.choice(OBJECTS), _anywhere(rng), rng.uniform(LEAST, SURE)))
    shown.sort(key=lambda item: -(item[1][2] - item[1][0]) * (item[1][3] - item[1][1]))

    width, height = findings.get("width", 512), findings.get("height", 512)
    whole = names.any(rng) if number is None else names.doubtful(number, rng)
    classes = _doubtful(PICTURE_CLASSES, label, rng, sure=(0.4, 0.99) if "label" in findings else (0.15, 0.9))
    parts = [tokens.picture_token(classes, whole, _colour(rng), aspect=width / height, side=max(width, height))]
    for rank, (name, box, score) in enumerate(shown):
        kinds = _doubtful(OBJECTS, name, rng, sure=(0.35, 0.98))
        code = whole if number is not None and rank == 0 and rng.random() < 0.7 else names.any(rng)
        parts += tokens.object_tokens(rank, box, score, kinds, code, _colour(rng))
    counts = {name: sum(other == name for other, _ in objects) for name, _ in objects}
    for rank, (name, count) in enumerate(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))):
        parts += tokens.tally_tokens(rank, OBJECTS.index(name), count)
    if not joints and rng.random() < 0.3 and any(name == "person" for name, *_ in shown):
        joints = [(rng.random(), rng.random()) for _ in JOINTS]  # somebody whose joints nobody asks for
    if joints:
        parts += tokens.body_tokens(joints, [rng.uniform(0.1, 0.9) for _ in joints])
    for place, letter in enumerate(findings.get("word") or ""):
        parts.append(tokens.letter_token(place, _doubtful(CHARACTERS, letter, rng, sure=(0.4, 1.0))))
    return torch.stack(parts)


def _doubtful(names: Sequence[str], name: str, rng: random.Random, *, sure: tuple[float, float]) -> Tensor:
    """Probabilities with the most on one name and the rest mostly on a few others."""
    share = rng.uniform(*sure)
    logits = torch.tensor([3 * rng.gauss(0, 1) for _ in names])
    others = logits.softmax(-1) * (1 - share)
    right = functional.one_hot(torch.tensor(names.index(name)), len(names)).float()
    return right * share + others.clamp(max=0.9 * share) * (1 - right)  # none of them outvotes it


def _colour(rng: random.Random) -> Tensor:
    return torch.tensor([rng.uniform(0.15, 0.85) for _ in range(3)])


def _anywhere(rng: random.Random) -> Box:
    width, height = (0.02 + rng.random() ** 2 * 0.9 for _ in range(2))
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return x, y, x + width, y + height


def _around(joints: Sequence[tuple[float, float]]) -> Box:
    x, y = [joint[0] for joint in joints], [joint[1] for joint in joints]
    return max(0.0, min(x) - 0.04), max(0.0, min(y) - 0.04), min(0.99, max(x) + 0.04), min(0.99, max(y) + 0.04)


def _box(values: Sequence[float]) -> Box:
    x1, y1, x2, y2 = values
    return x1, y1, x2, y2


def _point(values: Sequence[float]) -> tuple[float, float]:
    x, y = values
    return x, y
