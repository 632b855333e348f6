"""Composed tokens for ImageNet's names: what is written, and that a name can be told from its token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lamm_core.conversation import Media
from lamm_core.data.features import FeatureCache, compute_features, content_hash
from lamm_core.modalities.image import load
from lamm_core.modalities.perception import PerceptionEncoder, tokens
from lamm_core.training.prototypes import imagenet_names, write_prototypes


@pytest.fixture(scope="module")
def encoder() -> PerceptionEncoder:
    torch.manual_seed(0)
    return PerceptionEncoder(None).eval()


def test_there_are_a_thousand_different_names() -> None:
    names = imagenet_names()
    assert len(names) == len(set(names)) == 1000
    assert names[207] == "golden retriever"  # torchvision's and Keras's class 207


def test_every_placeholder_has_features_whose_name_code_is_nearest_to_its_own_class(
    encoder: PerceptionEncoder, tmp_path: Path
) -> None:
    cache = FeatureCache(tmp_path / "features", encoder.width)
    path = write_prototypes(encoder, cache, tmp_path / "names", copies=1)
    records = json.loads(path.read_text())
    assert len(records) == 1000
    names = imagenet_names()
    start = tokens.channel("name")
    right = 0
    for record in records[::50]:
        key = content_hash(path.parent / record["image"])
        picture = cache.gather([key])[0].float()
        code = picture[start : start + tokens.NAME_CODE]
        right += names[int((encoder.name_codes @ code).argmax())] == record["conversations"][1]["value"]
    assert right >= 18  # of 20: the surest class may be the doubt where its share is low


def test_without_its_features_a_placeholder_is_left_out_and_not_looked_at(
    encoder: PerceptionEncoder, tmp_path: Path
) -> None:
    path = write_prototypes(encoder, FeatureCache(tmp_path / "features", encoder.width), tmp_path / "names", copies=1)
    medium = Media("image", path.parent / json.loads(path.read_text())[0]["image"])
    elsewhere = FeatureCache(tmp_path / "elsewhere", encoder.width)
    found = compute_features([medium], elsewhere, lambda media: encoder.encode([encoder.prepare(load(media[0].path))]))
    assert found.keys == {} and "not a picture" in found.failures[medium]


def test_the_same_seed_writes_the_same_pairs(encoder: PerceptionEncoder, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "features", encoder.width)
    first, second = (write_prototypes(encoder, cache, tmp_path / name, copies=1, seed=3) for name in "ab")
    assert first.read_bytes() == second.read_bytes()
