"""Pictures: opening any file that claims to be one, and the list of encoders for them.

Does not know language models; what a single encoder does is in `image_encoders`.
"""

from __future__ import annotations

import codecs
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from lamm_core.errors import MediaError
from lamm_core.file_head import file_head
from lamm_core.modalities.base import Encoder
from lamm_core.modalities.image_encoders import build_efficientnet, build_hub_encoder, hub_encoder_bytes
from lamm_core.registry import lookup

__all__ = ["IMAGE", "ImageModality", "load"]

SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM")
EXPECTED = "expected a JPEG, PNG, WebP, AVIF, GIF, BMP or TIFF picture"
# Read from the header before anything is decoded. A JPEG can be decoded small; the others need 4 bytes a pixel at once.
HEAD_BYTES = 512
MAX_JPEG_PIXELS = 150_000_000
MAX_PIXELS = 60_000_000
# Larger pictures are halved until they fit: no encoder looks at more, and memory stays small.
MAX_SIDE = 2048
ORIENTATION = 0x0112  # EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's decoders raise on damaged files, truncated ones included.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error,
          OverflowError, MemoryError)  # fmt: skip
SIGNATURES = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ply", "a point cloud"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
)


def load(path: Path) -> Image.Image:
    """The picture as RGB, upright, at most 2048 px long.

    The first frame of an animation; transparency over white; 16-bit greys scaled to 8. Raises MediaError with the
    file's name, what was found and what was expected.
    """
    head, _ = file_head(path, HEAD_BYTES, expected=EXPECTED)
    try:
        with Image.open(path, formats=FORMATS) as picture:
            refuse_bomb(picture, path)
            turn = orientation(picture)
            picture.draft(None, (MAX_SIDE, MAX_SIDE))  # JPEG decodes at 1/2, 1/4 or 1/8 where that is enough
            picture.load()
            upright = to_rgb(picture)
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path.name} has too many pixels to open; {limit_words()}.") from error
    except UnidentifiedImageError as error:
        raise MediaError(f"{path.name} is not a picture but {describe(head)}; {EXPECTED}.") from error
    except DAMAGE as error:
        raise MediaError(f"{path.name} is damaged or cut short ({error}); {EXPECTED} that opens whole.") from error
    if turn is not None:
        upright = upright.transpose(turn)
    upright.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.BICUBIC)
    return upright


def refuse_bomb(picture: Image.Image, path: Path) -> None:
    """Raise MediaError for a picture whose header promises more pixels than memory should hold."""
    width, height = picture.size
    limit = MAX_JPEG_PIXELS if picture.format in ("JPEG", "MPO") else MAX_PIXELS
    if width * height > limit:
        raise MediaError(f"{path.name} has {width:,} x {height:,} pixels; {limit_words()}.")


def limit_words() -> str:
    """The limits as the message says them."""
    jpeg, other = MAX_JPEG_PIXELS // 1_000_000, MAX_PIXELS // 1_000_000
    return f"expected at most {jpeg} million in a JPEG and {other} million in any other picture"


def orientation(picture: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright by its EXIF; damaged EXIF counts as none, since the pixels are still good."""
    try:
        return TURNS.get(picture.getexif().get(ORIENTATION, 1))
    except DAMAGE:
        return None


def to_rgb(picture: Image.Image) -> Image.Image:
    """Eight-bit RGB out of any mode."""
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return Image.fromarray(to_eight_bits(np.asarray(picture))).convert("RGB")
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return picture.convert("RGB")


def to_eight_bits(grey: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Greys of any range as 0-255: fixed scales for [0, 1], 8 and 16 bits, the picture's own range beyond."""
    values = np.nan_to_num(grey.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if grey.dtype.itemsize == 2 or (grey.dtype.kind == "i" and low >= 0 and 255 < high <= 65535):
        low, high = 0.0, 65535.0
    elif grey.dtype.kind == "f" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    scaled = (values - low) * (255.0 / max(high - low, 1e-12))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def describe(head: bytes) -> str:
    """What a file that is no picture seems to be, by its first bytes."""
    for signature, words in SIGNATURES:
        if head.startswith(signature):
            return words
    if head[4:8] == b"ftyp":
        return "a HEIC photo (save it as JPEG)" if head[8:11] in (b"hei", b"hev", b"mif") else "a video"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # incremental: the head may end inside a character
    except UnicodeDecodeError:
        return "something unknown"
    return "something unknown" if b"\0" in head else "text"


class ImageModality:
    """The modality "image"."""

    name = "image"
    placeholder = "<image>"
    suffixes = SUFFIXES
    viewer = "image"

    def load(self, path: Path) -> Image.Image:
        """`load` of this module."""
        return load(path)

    def build_encoder(self, name: str, options: Mapping[str, Any], cache: Path) -> Encoder:
        """Build "efficientnet-lite0", "perception" or "hub:<id or folder>". Raises ConfigError for another name."""
        if name.startswith("hub:"):
            return build_hub_encoder(name.removeprefix("hub:"), options)
        return lookup(ENCODERS, name, kind="image encoder (or hub:<id or folder>)")(options, cache)

    def memory(self, name: str) -> int:
        """Bytes of weights in float32. Raises ConfigError for an unknown name."""
        if name.startswith("hub:"):
            return hub_encoder_bytes(name.removeprefix("hub:"))
        return lookup(ENCODER_BYTES, name, kind="image encoder (or hub:<id or folder>)")


def build_perception(options: Mapping[str, Any], cache: Path) -> Encoder:
    """The encoder trained by this project."""
    from lamm_core.modalities.perception import build_perception as build

    return build(options, cache)


ENCODERS: Mapping[str, Callable[[Mapping[str, Any], Path], Encoder]] = {
    "efficientnet-lite0": build_efficientnet,
    "perception": build_perception,
}
# Float32 weights, counted once: EfficientNet-Lite0 without its classifier has 3.4 million; perception holds a whole
# Lite0 and, beside it, the tuned scene (4.1 million) and reading (1.8 million) streams.
ENCODER_BYTES: Mapping[str, int] = {"efficientnet-lite0": 13_660_000, "perception": 55_930_000}

IMAGE = ImageModality()
