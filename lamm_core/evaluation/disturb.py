"""Media disturbed on purpose, to see whether a model stands it; the same file and name give the same disturbance.

Does not know models or scores. The strengths are those at which a person still recognises what is shown.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from lamm_core.conversation import Media, Sample
from lamm_core.errors import ConfigError, MediaError
from lamm_core.registry import lookup

__all__ = ["CLOUDS", "PICTURES", "disturbed"]

Picture = Image.Image


def noise(image: Picture, rng: np.random.Generator) -> Picture:
    """Normal noise with a standard deviation of a tenth of the range."""
    pixels = np.asarray(image, dtype=np.float32)
    return Image.fromarray(np.clip(pixels + rng.normal(0, 25.5, pixels.shape), 0, 255).astype(np.uint8))


def blur(image: Picture, rng: np.random.Generator) -> Picture:
    """Gaussian blur with a radius of a hundredth of the longer side."""
    return image.filter(ImageFilter.GaussianBlur(max(0.6, max(image.size) / 100)))


def jpeg(image: Picture, rng: np.random.Generator) -> Picture:
    """Compressed as JPEG at quality 10."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=10)
    with Image.open(buffer) as read:
        return read.convert("RGB")


def brightness(image: Picture, rng: np.random.Generator) -> Picture:
    """Half as bright, or half as bright again."""
    return ImageEnhance.Brightness(image).enhance(0.5 if rng.random() < 0.5 else 1.5)


def occlusion(image: Picture, rng: np.random.Generator) -> Picture:
    """A grey square over a ninth of the picture."""
    width, height = image.size
    box_width, box_height = max(1, width // 3), max(1, height // 3)
    left, top = int(rng.integers(0, width - box_width + 1)), int(rng.integers(0, height - box_height + 1))
    covered = image.copy()
    covered.paste((128, 128, 128), (left, top, left + box_width, top + box_height))
    return covered


def dropout(arrays: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Half of the points."""
    count = len(arrays["xyz"])
    kept = np.sort(rng.choice(count, max(1, count // 2), replace=False))
    return {key: value[kept] for key, value in arrays.items()}


def jitter(arrays: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Each point moved by normal noise with a standard deviation of two thousandths of the cloud's diagonal."""
    xyz = arrays["xyz"]
    diagonal = float(np.linalg.norm(xyz.max(0) - xyz.min(0)))
    moved = xyz + rng.normal(0, diagonal * 0.002, xyz.shape)
    return {**arrays, "xyz": moved.astype(xyz.dtype)}


PICTURES: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "noise": noise, "blur": blur, "jpeg": jpeg, "brightness": brightness, "occlusion": occlusion,
}  # fmt: skip
CLOUDS: dict[str, Callable[[dict[str, Any], np.random.Generator], dict[str, Any]]] = {
    "dropout": dropout, "jitter": jitter,
}  # fmt: skip


def disturbed(samples: Sequence[Sample], name: str, *, folder: Path, seed: int = 0) -> list[Sample]:
    """The same samples about disturbed copies of their media, which are written below ``folder`` once.

    Metadata that names a file of a sample names its copy then. Files that do not open stay as they are: the run says
    so. Raises ConfigError for a name that is none, or that fits no medium of these samples.
    """
    kinds = dict.fromkeys(PICTURES, "image") | dict.fromkeys(CLOUDS, "pointcloud")
    modality = lookup(kinds, name, kind="disturbance")
    media = {medium.path: medium for sample in samples for medium in sample.media if medium.modality == modality}
    if not media:
        fitting = ", ".join(key for key, kind in kinds.items() if kind != modality)
        raise ConfigError(f"{name} disturbs {modality}s, and this task shows none. Try one of: {fitting}.")
    copies: dict[Path, Path] = {}
    for path in media:
        try:
            copies[path] = _copy(path, name, folder / name, seed)
        except MediaError:
            copies[path] = path
    return [_moved(sample, copies) for sample in samples]


def _copy(path: Path, name: str, folder: Path, seed: int) -> Path:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MediaError(f"{path} cannot be read ({error.strerror}).") from error
    digest = hashlib.sha256(f"{name} {seed} ".encode() + content).hexdigest()
    target = folder / f"{path.stem}-{digest[:12]}{'.png' if name in PICTURES else '.npz'}"
    if target.exists():
        return target
    rng = np.random.default_rng(int(digest[:16], 16))
    folder.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    with partial.open("wb") as file:
        if name in PICTURES:
            from lamm_core.modalities.image import load

            PICTURES[name](load(path), rng).save(file, "PNG")
        else:
            np.savez(file, **CLOUDS[name](_arrays(path), rng))
    partial.replace(target)
    return target


def _arrays(path: Path) -> dict[str, Any]:
    from lamm_core.pointclouds.read import read_cloud

    cloud = read_cloud(path)
    arrays: dict[str, Any] = {"xyz": cloud.xyz if not any(cloud.origin) else cloud.xyz + np.array(cloud.origin)}
    named = (("rgb", cloud.colours), ("normals", cloud.normals), ("instance", cloud.instance))
    return arrays | {key: value for key, value in named if value is not None}


def _moved(sample: Sample, copies: Mapping[Path, Path]) -> Sample:
    turns = tuple(
        dataclasses.replace(
            turn, media=tuple(Media(one.modality, copies.get(one.path, one.path)) for one in turn.media)
        )
        for turn in sample.turns
    )
    names = {str(path): str(copy) for path, copy in copies.items()}
    metadata = {
        key: names.get(str(value), value) if isinstance(value, str | Path) else value
        for key, value in sample.metadata.items()
    }
    # The copies of one picture stay one group with each other and with the picture.
    metadata.setdefault("group", sample.media[0].path.name if sample.media else sample.id)
    return dataclasses.replace(sample, turns=turns, metadata=metadata)
