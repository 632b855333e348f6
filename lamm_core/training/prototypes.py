"""Teaches the names of ImageNet's classes without one photograph.

Does not know the trainer. The classifier's weight vector of a class is what the encoder's name code is made of, so a
token can be composed for every class, with the doubts that the classifier would have; a language model that learns to
read it can name what the classifier recognises in a real photo. Each composed item is a placeholder file of a few
bytes whose features stand in the feature cache. It is no picture: where the cache is another one, training leaves the
item out and says so, rather than learn a name from an empty square.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.data.features import FeatureCache
from lamm_core.modalities.perception import PerceptionEncoder, tokens
from lamm_core.modalities.perception.names import imagenet_names
from lamm_core.names import OBJECTS, PICTURE_CLASSES

__all__ = ["compose_name_code", "write_prototypes"]

QUESTIONS = (
    "What is this?",
    "What is in the picture?",
    "What is in this photo?",
    "What does this picture show?",
    "Name the main object.",
    "Name what you see.",
    "What kind of thing is this?",
    "Which object is this?",
    "What exactly is that?",
    "What do you see in the image?",
    "Tell me the name of the thing in this photo.",
    "Can you identify this?",
    "Identify the main subject.",
    "What am I looking at?",
    "Do you know what this is?",
    "What is the name of this?",
)
DOUBTS = 30  # the classes nearest to a class are the ones it is mistaken for


def write_prototypes(
    encoder: PerceptionEncoder, cache: FeatureCache, out: Path, *, copies: int = 4, seed: int = 0
) -> Path:
    """Write ``out``/pairs.json and ``out``/media, and the composed tokens into the encoder's feature cache."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    weights = functional.normalize(encoder.__dict__["classifier"].weight.detach(), dim=-1)
    near = (weights @ weights.T).topk(DOUBTS + 1).indices[:, 1:]  # (1000, DOUBTS), itself left out
    media = out / "media"
    media.mkdir(parents=True, exist_ok=True)
    records, features = [], []
    for number, name in enumerate(imagenet_names()):
        for copy in range(copies):
            item = f"prototype-{seed}-{number:04d}-{copy}"
            content = f"composed features: {item}\n".encode()
            (media / f"{item}.features").write_bytes(content)
            features.append((hashlib.sha256(content).hexdigest(), _compose(encoder, number, near[number], rng)))
            records.append(
                {
                    "id": item,
                    "image": f"media/{item}.features",
                    "conversations": [
                        {"from": "human", "value": rng.choice(QUESTIONS)},
                        {"from": "gpt", "value": name},
                    ],
                    "task_type": "classification",
                    "src_image": "imagenet-classifier",
                }
            )
    cache.append(features)
    path = out / "pairs.json"
    path.write_text(json.dumps(records, indent=0), encoding="utf-8")
    return path


def compose_name_code(
    encoder: PerceptionEncoder, number: int, rng: random.Random, near: Tensor | None = None
) -> Tensor:
    """Code of a class with doubts: between those of ``near`` where given, and any others."""
    sure = rng.uniform(0.3, 0.97)
    others = rng.sample(range(len(encoder.name_codes)), 1 if near is not None else 3)
    if near is not None:
        others = rng.sample(near.tolist(), 3) + others
    shares = torch.tensor([sure] + [(1 - sure) * share for share in sorted(rng.random() / 3 for _ in others)])
    return (shares[:, None] * encoder.name_codes[[number, *others]]).sum(0)


def _compose(encoder: PerceptionEncoder, number: int, near: Tensor, rng: random.Random) -> Tensor:
    classes = (torch.randn(len(PICTURE_CLASSES)) * 3).softmax(-1)
    name = compose_name_code(encoder, number, rng, near)
    parts = [
        tokens.picture_token(classes, name, torch.rand(3) * 0.7 + 0.15, aspect=rng.uniform(0.6, 1.8),
                             side=rng.randint(128, 1024))
    ]  # fmt: skip
    for rank in range(rng.choice((0, 1, 1, 2, 3))):
        x, y = sorted(rng.random() for _ in range(2)), sorted(rng.random() for _ in range(2))
        kinds = (torch.randn(len(OBJECTS)) * 2).softmax(-1)
        same = rank == 0 and rng.random() < 0.7
        other = number if same else rng.randrange(len(encoder.name_codes))
        code = compose_name_code(encoder, other, rng, near)
        box = [x[0], y[0], x[1], y[1]]
        parts += tokens.object_tokens(rank, box, rng.uniform(0.15, 0.6), kinds, code, torch.rand(3))
    return torch.stack(parts)
