"""Every file that claims to be a picture becomes a right RGB picture or one clear sentence."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lamm_core.errors import ConfigError, MediaError
from lamm_core.modalities import image as image_module
from lamm_core.modalities.image import IMAGE, MAX_SIDE, load


def halves(mode: str = "RGB", left: Any = (255, 0, 0), right: Any = (0, 0, 255)) -> Image.Image:
    """40 by 20 px, one colour on the left and another on the right."""
    picture = Image.new(mode, (40, 20), left)
    picture.paste(right, (20, 0, 40, 20))
    return picture


def near(picture: Image.Image, position: tuple[int, int], colour: tuple[int, int, int], tolerance: int = 3) -> bool:
    found = picture.getpixel(position)
    return isinstance(found, tuple) and all(abs(a - b) <= tolerance for a, b in zip(found, colour, strict=True))


def test_a_plain_picture_is_read_as_it_is(tmp_path: Path) -> None:
    halves().save(tmp_path / "plain.png")
    picture = load(tmp_path / "plain.png")
    assert (picture.mode, picture.size) == ("RGB", (40, 20))
    assert picture.tobytes() == halves().tobytes()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tiff", "avif"])
def test_each_format_is_read(tmp_path: Path, suffix: str) -> None:
    halves().save(tmp_path / f"picture.{suffix}")
    picture = load(tmp_path / f"picture.{suffix}")
    assert near(picture, (5, 10), (255, 0, 0), 12) and near(picture, (35, 10), (0, 0, 255), 12)


def test_cmyk_keeps_its_colours(tmp_path: Path) -> None:
    halves("CMYK", (0, 255, 255, 0), (255, 255, 0, 0)).save(tmp_path / "print.jpg", quality=95)
    picture = load(tmp_path / "print.jpg")
    assert near(picture, (5, 10), (255, 0, 0), 12) and near(picture, (35, 10), (0, 0, 255), 12)


@pytest.mark.parametrize(
    ("pixels", "suffix", "expected"),
    [
        (np.array([[0, 32768, 65535]], np.uint16), "png", [0, 128, 255]),
        (np.array([[0, 40000, 65535]], np.int32), "tiff", [0, 156, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), "tiff", [0, 128, 255]),
        (np.array([[-10.0, 0.0, 10.0]], np.float32), "tiff", [0, 128, 255]),
        (np.array([[0.0, np.nan, 200.0]], np.float32), "tiff", [0, 0, 200]),
    ],
)
def test_deep_greys_are_scaled_and_not_clipped(
    tmp_path: Path, pixels: np.ndarray[Any, Any], suffix: str, expected: list[int]
) -> None:
    Image.fromarray(pixels).save(tmp_path / f"deep.{suffix}")
    picture = load(tmp_path / f"deep.{suffix}")
    assert picture.mode == "RGB"
    assert [picture.getpixel((column, 0)) for column in range(3)] == [(grey, grey, grey) for grey in expected]


def test_transparency_shows_white(tmp_path: Path) -> None:
    halves("RGBA", (255, 0, 0, 255), (0, 0, 255, 0)).save(tmp_path / "cut.png")
    palette = halves("P", 0, 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.save(tmp_path / "cut.gif", transparency=1)
    halves("LA", (76, 255), (9, 0)).save(tmp_path / "grey.png")
    for name, left in (("cut.png", (255, 0, 0)), ("cut.gif", (255, 0, 0)), ("grey.png", (76, 76, 76))):
        picture = load(tmp_path / name)
        assert near(picture, (5, 10), left) and near(picture, (35, 10), (255, 255, 255)), name


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_an_animation_shows_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
    assert near(load(tmp_path / f"moving.{suffix}"), (10, 10), (255, 0, 0), 12)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright_whatever_its_exif_says(tmp_path: Path, orientation: int) -> None:
    upright = halves()
    upright.putpixel((0, 0), (0, 255, 0))
    undo = {6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    turn = undo.get(orientation, image_module.TURNS.get(orientation))
    stored = upright.transpose(turn) if turn is not None else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "photo.png", exif=exif)
    assert load(tmp_path / "photo.png").tobytes() == upright.tobytes()


def test_damaged_exif_does_not_spoil_a_good_picture(tmp_path: Path) -> None:
    halves().save(tmp_path / "photo.png", exif=b"Exif\0\0 not exif at all")
    assert load(tmp_path / "photo.png").size == (40, 20)


def test_one_pixel_is_a_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "red").save(tmp_path / "dot.png")
    assert load(tmp_path / "dot.png").getpixel((0, 0)) == (255, 0, 0)


def test_a_large_photo_is_made_smaller_in_proportion(tmp_path: Path) -> None:
    halves().resize((6000, 3000)).save(tmp_path / "large.jpg")
    picture = load(tmp_path / "large.jpg")
    assert picture.size == (MAX_SIDE, MAX_SIDE // 2)
    assert near(picture, (200, 200), (255, 0, 0), 12) and near(picture, (1900, 200), (0, 0, 255), 12)


def bomb(path: Path, width: int, height: int) -> None:
    """A PNG whose header promises more pixels than it brings."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    path.write_bytes(start + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))


def truncated(path: Path) -> None:
    halves().resize((400, 200)).save(path)
    path.write_bytes(path.read_bytes()[:-400])


BAD: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("gone.png", lambda path: None, "does not exist"),
    "folder": ("album.png", lambda path: path.mkdir(), "is a folder"),
    "empty": ("empty.png", lambda path: path.write_bytes(b""), "is an empty file"),
    "text": ("notes.png", lambda path: path.write_text("Dear diary, ü."), "is not a picture but text"),
    "long text": ("novel.png", lambda path: path.write_text("ü" * 999), "is not a picture but text"),
    "pdf": ("paper.png", lambda path: path.write_bytes(b"%PDF-1.7 ..."), "is not a picture but a PDF document"),
    "heic": ("phone.jpg", lambda path: path.write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 90), "but a HEIC photo"),
    "noise": ("noise.jpg", lambda path: path.write_bytes(bytes(range(128, 256)) * 4), "but something unknown"),
    "postscript": ("plot.png", lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n"), "is not a picture"),
    "truncated png": ("cut.png", truncated, "is damaged or cut short"),
    "truncated jpeg": ("cut.jpg", truncated, "is damaged or cut short"),
    "header only": ("head.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), "picture"),
    "bomb": ("bomb.png", lambda path: bomb(path, 9_000, 9_000), "has 9,000 x 9,000 pixels"),
    "huge bomb": ("bomb.png", lambda path: bomb(path, 900_000, 900_000), "has too many pixels to open"),
    "pipe": ("pipe.png", os.mkfifo, "is not a regular file"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", BAD)
def test_what_is_no_picture_gets_one_sentence_with_the_files_name(tmp_path: Path, case: str) -> None:
    name, make, words = BAD[case]
    make(tmp_path / name)
    with pytest.raises(MediaError) as error:
        load(tmp_path / name)
    message = str(error.value)
    assert message.startswith(name) and words in message and "expected" in message
    assert str(tmp_path) not in message and "\n" not in message


def test_an_unknown_encoder_is_refused_with_the_nearest(tmp_path: Path) -> None:
    for ask in (lambda name: IMAGE.build_encoder(name, {}, tmp_path), IMAGE.memory):
        with pytest.raises(ConfigError, match="Did you mean 'efficientnet-lite0'"):
            ask("efficientnet-lite")
