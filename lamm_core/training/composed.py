"""Findings composed from annotations: practice in reading them, at no cost of encoding.

Does not know the trainer, nor where the annotations come from. The perception encoder says what it found; given what
there is to find, its tokens can be written down at once, with the doubts and the false alarms that it would have. The
features stand in the feature cache under placeholder files. They are no pictures: where the cache is another one,
training leaves them out and says so.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lamm_core.data.features import FeatureCache, content_hash
from lamm_core.data.instructions import read_samples
from lamm_core.modalities.perception import PerceptionEncoder, tokens
from lamm_core.names import CHARACTERS, JOINTS, OBJECTS, PICTURE_CLASSES
from lamm_core.training.prototypes import compose_name_code

__all__ = ["SUFFIX", "compose_features"]

SUFFIX = ".findings"
MOST_OBJECTS = 8
LEAST, SURE = 0.15, 0.22  # scores below SURE are false alarms that no answer names
BATCH = 2000


def compose_features(
    encoder: PerceptionEncoder,
    cache: FeatureCache,
    pairs: Path,
    *,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> int:
    """Write the findings of every placeholder that the records of ``pairs`` show; how many there are."""
    rng = random.Random(seed)
    torch.manual_seed(seed)
    targets: dict[Path, Mapping[str, Any]] = {}
    for sample in read_samples(pairs):
        path = sample.media[0].path
        if path.suffix == SUFFIX:
            targets.setdefault(path, {**(sample.target or {}), **_size(sample.metadata)})
    batch: list[tuple[str, Tensor]] = []
    for path, target in targets.items():
        batch.append((content_hash(path), _findings(encoder, target, rng)))
        if len(batch) == BATCH:
            cache.append(batch)
            batch = []
        advance()
    cache.append(batch)
    return len(targets)


def _findings(encoder: PerceptionEncoder, target: Mapping[str, Any], rng: random.Random) -> Tensor:
    label = target.get("label")
    classes = _doubtful(PICTURE_CLASSES, label if label else rng.choice(PICTURE_CLASSES), rng, sure=(0.4, 0.99))
    width, height = target.get("width", 512), target.get("height", 512)
    parts = [
        tokens.picture_token(classes, _name(encoder, rng), _colour(), aspect=width / height, side=max(width, height))
    ]
    objects = [(item["label"], tuple(item["bbox"])) for item in target.get("objects", ())]
    joints = [tuple(target["joints"][name]) for name in JOINTS] if "joints" in target else []
    if joints:
        objects = [("person", _around(joints))] if rng.random() < 0.8 else []
    counts: dict[int, int] = {}
    for name, _ in objects:
        counts[OBJECTS.index(name)] = counts.get(OBJECTS.index(name), 0) + 1
    shown = [(name, box, rng.uniform(SURE, 0.95)) for name, box in objects[:MOST_OBJECTS]]
    while len(shown) < MOST_OBJECTS and rng.random() < 0.3:
        shown.append((rng.choice(OBJECTS), _anywhere(rng), rng.uniform(LEAST, SURE)))
    shown.sort(key=lambda item: -(item[1][2] - item[1][0]) * (item[1][3] - item[1][1]))
    for rank, (name, box, score) in enumerate(shown):
        kinds = _doubtful(OBJECTS, name, rng, sure=(0.35, 0.98))
        parts += tokens.object_tokens(rank, box, score, kinds, _name(encoder, rng), _colour())
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], OBJECTS[pair[0]]))
    parts += [token for rank, pair in enumerate(ranked) for token in tokens.tally_tokens(rank, *pair)]
    if not joints and "person" in (name for name, *_ in shown) and rng.random() < 0.3:
        joints = [(rng.random(), rng.random()) for _ in JOINTS]
    if joints:
        parts += tokens.body_tokens(joints, [rng.uniform(0.1, 0.9) for _ in joints])
    for place, letter in enumerate(target.get("word", "")):
        parts.append(tokens.letter_token(place, _doubtful(CHARACTERS, letter, rng, sure=(0.4, 1.0))))
    return torch.stack(parts)


def _doubtful(names: Any, name: str, rng: random.Random, *, sure: tuple[float, float]) -> Tensor:
    """Probabilities with the most on one name and the rest mostly on two or three others."""
    share = rng.uniform(*sure)
    others = torch.randn(len(names)).mul(3).softmax(-1) * (1 - share) * 0.9
    right = functional.one_hot(torch.tensor(names.index(name)), len(names)).float()
    if share < 0.5:  # the others must not outvote it
        others = others.clamp(max=share * 0.9)
    return right * share + others * (1 - right)


def _name(encoder: PerceptionEncoder, rng: random.Random) -> Tensor:
    return compose_name_code(encoder, rng.randrange(len(encoder.name_codes)), rng)


def _colour() -> Tensor:
    return torch.rand(3) * 0.7 + 0.15


def _anywhere(rng: random.Random) -> tuple[float, float, float, float]:
    width, height = (0.02 + rng.random() ** 2 * 0.9 for _ in range(2))
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    return x, y, x + width, y + height


def _around(joints: list[tuple[float, ...]]) -> tuple[float, float, float, float]:
    x, y = [joint[0] for joint in joints], [joint[1] for joint in joints]
    return max(0.0, min(x) - 0.04), max(0.0, min(y) - 0.04), min(0.99, max(x) + 0.04), min(0.99, max(y) + 0.04)


def _size(metadata: Mapping[str, Any]) -> dict[str, int]:
    return {key: metadata[key] for key in ("width", "height") if key in metadata}
