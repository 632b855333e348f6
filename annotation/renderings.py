"""Words drawn to look like crops of photographed signs, covers and screens.

Does not know which words; words.py chooses them.
"""

from __future__ import annotations

import colorsys
import io
import random
import re
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

__all__ = ["fonts", "render_word"]

Array = npt.NDArray[np.float32]
FONT_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".fonts")
UNREADABLE = re.compile(
    r"math|symbol|ornament|dingbat|emoji|icon|barcode|braille|D050000L|marlin|music|blankenburg|punk|7segg|"
    r"adinkra|stay ?puft|isabella|manchu|code39|arrows|chess|cards|signs|keys",
    re.IGNORECASE,
)
PLAIN = re.compile(
    r"liberation|dejavu|freesans|freeserif|roboto|opensans|lato|nimbus|carlito|caladea|cantarell|inter|gillius|"
    r"universalis|notosans-|notoserif-|libris|linuxlibertine|garamond|ubuntu|clear|play|bebas|yanone|vollkorn",
    re.IGNORECASE,
)
FANCY = re.compile(r"aenigma|dseg|dustin|levien|cegui|tengwar|runic|script|ocr", re.IGNORECASE)
TIER_WEIGHTS = (0.58, 0.34, 0.08)
DRAWN_HEIGHT = 46  # pixels of a capital's line while drawing; crops are scaled down from it


@cache
def fonts() -> tuple[list[list[Path]], ...]:
    """Installed fonts as three lists of families: plain ones, others, and fancy ones."""
    families: dict[str, list[Path]] = {}
    for folder in FONT_FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() in (".ttf", ".otf", ".pfb") and not UNREADABLE.search(path.name):
                families.setdefault(re.split(r"[-_\d]", path.stem)[0].lower(), []).append(path)
    tiers: tuple[list[list[Path]], ...] = ([], [], [])
    for files in families.values():
        tier = 2 if FANCY.search(str(files[0])) else 0 if PLAIN.search(files[0].name) else 1
        tiers[tier].append(files)
    return tiers


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont | None:
    """The font, or None where it has no Latin letters of its own."""
    try:
        font = ImageFont.truetype(str(path), size)
        shapes = {bytes(font.getmask(letter)) for letter in "ABgk37"}
    except (OSError, ValueError, ArithmeticError):
        return None
    tallest = max(font.getbbox(letter)[3] - font.getbbox(letter)[1] for letter in "AB3")
    return font if len(shapes) == 6 and size * 0.35 < tallest < size * 1.6 else None


def _choose_font(rng: random.Random) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    weights = [weight if tier else 0.0 for weight, tier in zip(TIER_WEIGHTS, fonts(), strict=True)]
    for _ in range(50 if any(weights) else 0):
        family = rng.choice(rng.choices(fonts(), weights)[0])
        if font := _font(rng.choice(family), DRAWN_HEIGHT):
            return font
    return ImageFont.load_default(DRAWN_HEIGHT)


def _colour(rng: random.Random) -> list[float]:
    """Near white, near black, or a colour of any strength."""
    kind = rng.random()
    if kind < 0.45:
        grey = rng.uniform(0, 50) if rng.random() < 0.45 else rng.uniform(205, 255)
        return [grey + rng.uniform(-10, 10) for _ in range(3)]
    strength = rng.betavariate(1.3, 1.1)
    return [255 * part for part in colorsys.hsv_to_rgb(rng.random(), strength, rng.uniform(0.15, 1))]


def _colours(rng: random.Random) -> tuple[Array, Array]:
    """Text and background, told apart by lightness; seldom only just."""
    least = rng.choice((35.0, 60.0, 90.0, 120.0, 150.0))
    for _ in range(60):
        text, ground = np.clip(np.array([_colour(rng), _colour(rng)], dtype=np.float32), 0, 255)
        if abs(float((text - ground) @ np.array([0.3, 0.59, 0.11]))) >= least:
            return text, ground
    return np.array([250, 250, 250], dtype=np.float32), np.array([20, 20, 30], dtype=np.float32)


def _masks(text: str, rng: random.Random) -> tuple[Image.Image, Image.Image, tuple[int, int, int, int]]:
    """The letters and their outline as grey masks on one canvas, and the box of the letters."""
    font = _choose_font(rng)
    outline = rng.choice((1, 2, 3)) if rng.random() < 0.18 else 0
    spacing = rng.choice((rng.uniform(-1.5, 0), rng.uniform(1, 12), rng.uniform(1, 5))) if rng.random() < 0.35 else 0.0
    width = int(font.getlength(text) + max(0.0, spacing) * len(text)) + 60
    height = DRAWN_HEIGHT * 2 + 40
    fill = Image.new("L", (width, height))
    line = Image.new("L", (width, height)) if outline else fill
    canvases = [(fill, 0), (line, outline)] if outline else [(fill, 1 if rng.random() < 0.08 else 0)]
    for canvas, stroke in canvases:
        draw = ImageDraw.Draw(canvas)
        if not spacing:
            draw.text((30, 40), text, 255, font=font, stroke_width=stroke)
            continue
        x = 30.0
        for letter in text:
            draw.text((x, 40), letter, 255, font=font, stroke_width=stroke)
            x += font.getlength(letter) + spacing
    return fill, line, line.getbbox() or (0, 0, width, height)


def _warp(size: tuple[int, int], rng: random.Random) -> list[float] | None:
    """Coefficients of a small rotation, shear and perspective; None for a picture taken straight on."""
    if rng.random() < 0.4:
        return None
    width, height = size
    angle = np.tan(np.radians(rng.gauss(0, 4)))
    shear = rng.gauss(0, 0.12)
    scale = rng.uniform(0.85, 1.15)
    bend_x, bend_y = rng.gauss(0, 0.00025), rng.gauss(0, 0.0006)
    cx, cy = width / 2, height / 2
    a, b = 1.0, shear
    d, e = angle, scale
    return [a, b, cx - a * cx - b * cy, d, e, cy - d * cx - e * cy, bend_x * min(1, 120 / width), bend_y]


def _ground(size: tuple[int, int], colour: Array, rng: random.Random, noise: np.random.Generator) -> Array:
    """A background of (H, W, 3): plain, graded, blotched or striped."""
    width, height = size
    ground = np.broadcast_to(colour, (height, width, 3)).astype(np.float32)
    kind = rng.random()
    if kind < 0.4:
        return ground
    strength = rng.choice((12, 25, 45))
    if kind < 0.65:
        ramp = np.linspace(-1, 1, width)[None, :] * rng.uniform(-1, 1) + np.linspace(-1, 1, height)[
            :, None
        ] * rng.uniform(-1, 1)
        return ground + (ramp[..., None] * strength).astype(np.float32)
    if kind < 0.9:
        cells = noise.normal(0, 1, (rng.randint(2, 8), rng.randint(3, 14), 1 if rng.random() < 0.6 else 3))
        layers = [
            np.asarray(
                Image.fromarray(cells[..., c].astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
            )
            for c in range(cells.shape[2])
        ]
        return ground + np.stack(layers, -1) * strength
    period = rng.uniform(4, 25)
    wave = np.sin(
        (np.arange(height)[:, None] * rng.uniform(0, 1) + np.arange(width)[None, :] * rng.uniform(0, 1)) / period * 6
    )
    return ground + (wave[..., None] * strength * 0.7).astype(np.float32)


def render_word(text: str, rng: random.Random) -> Image.Image:
    """A crop of 8 to 90 pixels height that shows the text as it is written; about 3 to 5 ms."""
    noise = np.random.default_rng(rng.getrandbits(32))
    fill, line, box = _masks(text, rng)
    if coefficients := _warp(fill.size, rng):
        warped = [
            mask.transform(mask.size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)
            for mask in ((fill, line) if line is not fill else (fill,))
        ]
        fill, line = warped[0], warped[-1]
        box = line.getbbox() or box
    high = box[3] - box[1]
    margins = [int(high * abs(rng.gauss(0.03, 0.11))) for _ in range(4)]
    left, top = max(0, box[0] - margins[0]), max(0, box[1] - margins[1])
    right, bottom = min(fill.width, box[2] + margins[2]), min(fill.height, box[3] + margins[3])
    fill = fill.crop((left, top, right, bottom))
    line = line.crop((left, top, right, bottom))
    text_colour, colour = _colours(rng)
    picture = _ground(fill.size, colour, rng, noise)
    alpha = np.asarray(fill, dtype=np.float32)[..., None] / 255
    if rng.random() < 0.18:  # a shadow
        away = rng.randint(1, 4)
        dark = np.asarray(fill.filter(ImageFilter.GaussianBlur(rng.uniform(0, 3))), dtype=np.float32)[..., None] / 255
        dark = np.roll(dark, (rng.choice((away, away, -away)), rng.choice((-away, away))), (0, 1))
        shade = np.float32(0 if text_colour.mean() > 90 else 255)
        picture += (shade - picture) * dark * np.float32(rng.uniform(0.4, 1))
    if line is not fill:
        edge = np.asarray(line, dtype=np.float32)[..., None] / 255
        rim = np.float32(rng.choice((0, 255))) if rng.random() < 0.6 else _colours(rng)[0]
        picture += (rim - picture) * edge
    paint = _ground(fill.size, text_colour, rng, noise) if rng.random() < 0.3 else text_colour
    picture += (paint - picture) * alpha * np.float32(rng.uniform(0.75, 1) if rng.random() < 0.3 else 1)
    if rng.random() < 0.12:  # what stands above, below or beside the word
        picture = _neighbour(picture, text_colour, rng)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return _camera(image, rng, noise)


def _neighbour(picture: Array, colour: Array, rng: random.Random) -> Array:
    """A piece of another line or an edge of the sign at the border of the crop."""
    height, width, _ = picture.shape
    thick = max(1, int(height * rng.uniform(0.03, 0.1)))
    if rng.random() < 0.5:
        other = np.array([rng.uniform(0, 255) for _ in range(3)], dtype=np.float32)
        rows = slice(0, thick) if rng.random() < 0.5 else slice(height - thick, height)
        picture[rows] = other
        return picture
    rows = slice(0, thick) if rng.random() < 0.5 else slice(height - thick, height)
    x = 0
    while x < width:
        step = rng.randint(3, 14)
        if rng.random() < 0.5:
            picture[rows, x : x + step] = colour
        x += step
    return picture


def _camera(image: Image.Image, rng: random.Random, noise: np.random.Generator) -> Image.Image:
    """Size, blur, grain and JPEG marks of a small piece of a photo."""
    high = min(90, max(11, int(rng.lognormvariate(3.6, 0.5))))
    wide = max(6, round(image.width * high / image.height * rng.uniform(0.8, 1.2)))
    if rng.random() < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.8)))
    small = image.resize(
        (wide, high), rng.choice((Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS))
    )
    if high > 18 and rng.random() < 0.25:
        small = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, high / 45)))
    if rng.random() < 0.35:
        grain = noise.normal(0, rng.uniform(1, 12), (high, wide, rng.choice((1, 3))))
        small = Image.fromarray(np.clip(np.asarray(small, dtype=np.float32) + grain, 0, 255).astype(np.uint8))
    if rng.random() < 0.6:
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=rng.randint(25, 95))
        small = Image.open(buffer).convert("RGB")
    return small.convert("L").convert("RGB") if rng.random() < 0.05 else small
