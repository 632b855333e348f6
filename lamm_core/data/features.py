"""Features of frozen encoders, computed once and memory-mapped ever after.

Does not know which encoder or language model; a medium is a key (the hash of its file) and a matrix of tokens.

One folder holds the features of one encoder, named by its fingerprint. Each writer appends to a shard of its own: bf16
values in ``shard-k.bin`` and, once those are on disk, a line for each item in ``shard-k.jsonl``. A writer that is
killed leaves at most bytes that no line speaks of and a torn last line; the next one cuts both off.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock, Timeout

from lamm_core.conversation import Media
from lamm_core.errors import DataError, MediaError
from lamm_core.modalities.base import Encoder

__all__ = ["Computed", "FeatureCache", "compute_features", "content_hash", "in_share"]

BYTES = 2  # of one bf16 value


class Place(NamedTuple):
    """Where the features of one item are; ``offset`` counts values, not bytes."""

    shard: int
    offset: int
    tokens: int


class Computed(NamedTuple):
    """The keys of the media that have features, and why the others have none."""

    keys: dict[Media, str]
    failures: dict[Media, str]


class FeatureCache:
    """The features of one encoder: ``(tokens, width)`` in bf16 for each key; many may read while some write."""

    def __init__(self, folder: Path, width: int) -> None:
        self.folder = folder
        self.width = width
        folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[str, Place] = {}
        self._tails: dict[int, tuple[int, int]] = {}  # values and bytes of index that this writer left, by shard
        self._values: dict[int, np.memmap[tuple[int], np.dtype[np.int16]]] = {}
        self.reload()

    @classmethod
    def of(cls, encoder: Encoder, modality: str, cache: Path) -> FeatureCache:
        """The features of an encoder of one modality under the machine's cache folder."""
        return cls(cache / "features" / f"{modality}-{encoder.fingerprint()[:16]}", encoder.width)

    def reload(self) -> None:
        """See what other writers have added."""
        for index in sorted(self.folder.glob("shard-*.jsonl")):
            shard = int(index.stem.removeprefix("shard-"))
            lines, _ = _whole_lines(index)
            for line in lines:
                if line["width"] != self.width:
                    raise DataError(f"{index.name} holds features of width {line['width']}, not {self.width}.")
                self._places[line["key"]] = Place(shard, line["offset"], line["tokens"])
        self._values.clear()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def tokens(self, key: str) -> int:
        """How many tokens the item has."""
        return self._places[key].tokens

    def gather(self, keys: Sequence[str]) -> torch.Tensor:
        """The features of several items, one after the other: ``(sum of tokens, width)``."""
        total = sum(self.tokens(key) for key in keys)
        out = np.empty((total, self.width), dtype=np.int16)
        row = 0
        for key in keys:
            place = self._places[key]
            values = self._shard(place.shard)[place.offset : place.offset + place.tokens * self.width]
            out[row : row + place.tokens] = values.reshape(place.tokens, self.width)
            row += place.tokens
        return torch.from_numpy(out).view(torch.bfloat16)

    def append(self, items: Iterable[tuple[str, torch.Tensor]]) -> None:
        """Store features ``(tokens, width)`` by key; on return they are on disk."""
        shard, lock = self._own_shard()
        try:
            index_path, values_path = self._paths(shard)
            end, valid_bytes = self._tails.get(shard, (0, -1))
            if not index_path.exists() or index_path.stat().st_size != valid_bytes:  # not as this writer left it
                lines, valid_bytes = _whole_lines(index_path)
                end = max((line["offset"] + line["tokens"] * self.width for line in lines), default=0)
            with _open_cut(values_path, end * BYTES) as values, _open_cut(index_path, valid_bytes) as index:
                written = []
                for key, features in items:
                    tokens, width = features.shape
                    if width != self.width:
                        raise DataError(f"Features of width {width} do not belong into a cache of width {self.width}.")
                    flat = features.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy()
                    values.write(flat.tobytes())
                    written.append((key, Place(shard, end, tokens)))
                    end += tokens * width
                _sync(values)
                for key, place in written:
                    line = {"key": key, "offset": place.offset, "tokens": place.tokens, "width": self.width}
                    index.write(json.dumps(line).encode() + b"\n")
                _sync(index)
                self._tails[shard] = end, index.tell()
            self._places.update(written)
            self._values.pop(shard, None)
        finally:
            lock.release()

    def _shard(self, shard: int) -> np.memmap[tuple[int], np.dtype[np.int16]]:
        if shard not in self._values:
            try:
                self._values[shard] = np.memmap(self._paths(shard)[1], dtype=np.int16, mode="r")
            except FileNotFoundError as error:
                raise DataError(
                    f"The features in {self.folder} are gone. Start again: they are encoded anew."
                ) from error
        return self._values[shard]

    def _paths(self, shard: int) -> tuple[Path, Path]:
        return self.folder / f"shard-{shard}.jsonl", self.folder / f"shard-{shard}.bin"

    def _own_shard(self) -> tuple[int, FileLock]:
        """The first shard that nobody else is writing to."""
        shard = 0
        while True:
            lock = FileLock(self.folder / f"shard-{shard}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                shard += 1
                continue
            return shard, lock


def content_hash(path: Path) -> str:
    """SHA-256 of a file: the same picture under two names has one set of features."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def in_share(medium: Media, share: tuple[int, int]) -> bool:
    """Whether this process, (which, of how many), encodes the medium. Its name decides: no file is opened for it."""
    which, parts = share
    return zlib.crc32(str(medium.path).encode()) % parts == which


def compute_features(
    media: Iterable[Media],
    cache: FeatureCache,
    encode: Callable[[Sequence[Media]], list[torch.Tensor]],
    *,
    batch: int = 32,
    share: tuple[int, int] = (0, 1),
    advance: Callable[[int], None] = lambda done: None,
) -> Computed:
    """Fill the cache with the features of these media that are not in it, and give the key of each.

    ``share`` is (which, of how many) where several processes divide the work; then only the share's have keys. A medium
    that cannot be read is no reason to stop: it is listed in ``failures``. ``advance`` is called with how many media
    are newly dealt with.
    """
    keys: dict[Media, str] = {}
    failures: dict[Media, str] = {}
    missing: dict[str, Media] = {}
    for medium in dict.fromkeys(media):
        if not in_share(medium, share):
            advance(1)
            continue
        try:
            keys[medium] = content_hash(medium.path)
        except OSError as error:
            failures[medium] = f"{medium.path.name}: {error.strerror or error}"
            advance(1)
            continue
        key = keys[medium]
        if key in cache or key in missing:
            advance(1)
        else:
            missing[key] = medium
    waiting = list(missing.items())
    for start in range(0, len(waiting), batch):
        part = waiting[start : start + batch]
        try:
            features = encode([medium for _, medium in part])
            cache.append(zip([key for key, _ in part], features, strict=True))
        except MediaError:
            for key, medium in part:  # one of them is bad: find out which
                try:
                    cache.append([(key, encode([medium])[0])])
                except MediaError as error:
                    failures[medium] = str(error)
        advance(len(part))
    unreadable = {keys[medium] for medium in failures if medium in keys}
    for medium, key in list(keys.items()):
        if key in unreadable:
            failures.setdefault(medium, f"{medium.path.name}: the same bytes as a file that cannot be read.")
            del keys[medium]
    return Computed(keys, failures)


def _whole_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The complete lines of an index and how many bytes they take."""
    if not path.exists():
        return [], 0
    content = path.read_bytes()
    end = content.rfind(b"\n") + 1
    return [json.loads(line) for line in content[:end].splitlines()], end


def _open_cut(path: Path, size: int) -> IO[bytes]:
    """Open for appending after the first ``size`` bytes; what follows was left by a killed writer."""
    path.touch()
    file = path.open("r+b")
    file.truncate(size)
    file.seek(size)
    return file


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
