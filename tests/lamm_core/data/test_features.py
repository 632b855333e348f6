"""Features are computed once, survive a kill in the middle, and come back as they were."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from lamm_core.conversation import Media
from lamm_core.data.features import FeatureCache, compute_features, content_hash
from lamm_core.errors import DataError, MediaError


def features(tokens: int, width: int = 3) -> torch.Tensor:
    return torch.randn(tokens, width).bfloat16()


def test_items_of_any_length_come_back_bit_for_bit(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, 3)
    items = {"a": features(2), "b": features(5), "c": features(1)}
    cache.append(items.items())
    for seen in (cache, FeatureCache(tmp_path, 3)):
        assert [seen.tokens(key) for key in "abc"] == [2, 5, 1]
        assert torch.equal(seen.gather(["c", "a", "a"]), torch.cat([items["c"], items["a"], items["a"]]))
    assert "d" not in cache


def test_a_writer_goes_on_after_one_that_was_killed(tmp_path: Path) -> None:
    first, second = features(2), features(4)
    FeatureCache(tmp_path, 3).append([("first", first)])
    with (tmp_path / "shard-0.bin").open("ab") as values, (tmp_path / "shard-0.jsonl").open("ab") as index:
        values.write(b"half an item")
        index.write(b'{"key": "torn", "off')
    cache = FeatureCache(tmp_path, 3)
    assert "torn" not in cache
    cache.append([("second", second)])
    again = FeatureCache(tmp_path, 3)
    assert torch.equal(again.gather(["first", "second"]), torch.cat([first, second]))


def test_two_writers_at_once_use_shards_of_their_own(tmp_path: Path) -> None:
    left, right = FeatureCache(tmp_path, 3), FeatureCache(tmp_path, 3)
    one, two = features(2), features(3)

    def while_writing() -> list[tuple[str, torch.Tensor]]:
        right.append([("two", two)])
        return [("one", one)]

    left.append(item for item in while_writing())
    left.append((key, value) for key, value in [("three", one)])
    right.reload()
    assert torch.equal(right.gather(["one", "two", "three"]), torch.cat([one, two, one]))


def test_features_that_vanished_are_said(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, 3)
    cache.append([("a", features(1))])
    (tmp_path / "shard-0.bin").unlink()
    with pytest.raises(DataError, match="are gone"):
        cache.gather(["a"])


def test_another_width_is_refused(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, 3)
    with pytest.raises(DataError, match="width 4"):
        cache.append([("a", features(1, width=4))])
    cache.append([("a", features(1))])
    with pytest.raises(DataError, match="width 3"):
        FeatureCache(tmp_path, 5)


@pytest.fixture
def files(tmp_path: Path) -> list[Media]:
    media = []
    for name, content in (("a", "one"), ("b", "two"), ("copy of a", "one"), ("broken", "bad")):
        (tmp_path / name).write_text(content)
        media.append(Media("image", tmp_path / name))
    return media


class Encoder:
    """Encodes a file into its length; files that say "bad" cannot be read."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, media: Sequence[Media]) -> list[torch.Tensor]:
        for medium in media:
            if medium.path.read_text() == "bad":
                raise MediaError(f"{medium.path.name} is broken.")
        self.seen += [medium.path.name for medium in media]
        return [torch.full((2, 3), float(len(medium.path.read_text()))) for medium in media]


def test_equal_files_are_encoded_once_and_bad_ones_listed(tmp_path: Path, files: list[Media]) -> None:
    encode, cache = Encoder(), FeatureCache(tmp_path / "cache", 3)
    missing = Media("image", tmp_path / "missing")
    steps: list[int] = []
    found = compute_features([*files, missing], cache, encode, batch=10, advance=steps.append)
    assert sorted(encode.seen) == ["a", "b"]
    assert found.keys[files[0]] == found.keys[files[2]] == content_hash(files[0].path)
    assert {medium.path.name: reason for medium, reason in found.failures.items()} == {
        "broken": "broken is broken.",
        "missing": "missing: No such file or directory",
    }
    assert sum(steps) == 5
    compute_features(files, cache, encode)
    assert sorted(encode.seen) == ["a", "b"]


def test_processes_divide_the_work(tmp_path: Path, files: list[Media]) -> None:
    encoders = [Encoder(), Encoder()]
    for which, encode in enumerate(encoders):
        compute_features(files[:3], FeatureCache(tmp_path / "cache", 3), encode, share=(which, 2))
    seen = encoders[0].seen + encoders[1].seen  # whose share a file is in depends on its path; the copy may come first
    assert sorted(name.removeprefix("copy of ") for name in seen) == ["a", "b"]
    cache = FeatureCache(tmp_path / "cache", 3)
    assert all(content_hash(medium.path) in cache for medium in files[:3])
