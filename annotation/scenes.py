"""Drawn scenes with exact boxes: coloured shapes, and small pictures pasted on backgrounds.

Does not know what will be asked about them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from annotation.visual_tasks.picture import Picture, Thing, decoded, encoded

__all__ = [
    "COLOURS",
    "SHAPES",
    "background",
    "cut_out",
    "paste_objects",
    "pasted_pictures",
    "shape_pictures",
    "shape_scene",
]

COLOURS = {
    "red": (210, 40, 40), "green": (40, 150, 60), "blue": (50, 80, 210), "yellow": (240, 210, 40),
    "orange": (240, 140, 30), "purple": (130, 60, 170), "pink": (240, 140, 180), "brown": (120, 75, 40),
    "black": (20, 20, 20), "white": (245, 245, 245), "gray": (130, 130, 130),
}  # fmt: skip
SHAPES = ("circle", "square", "triangle", "star", "ring", "cross", "heart", "hexagon")
SIDE = 224


def background(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """A plain, graded, blotched or striped ground of muted colour."""
    noise = np.random.default_rng(rng.getrandbits(32))
    width, height = size
    base = np.array([rng.uniform(20, 235) for _ in range(3)])
    base = base.mean() + (base - base.mean()) * rng.uniform(0, 0.6)
    ground = np.broadcast_to(base, (height, width, 3)).copy()
    kind = rng.random()
    if kind < 0.35:
        ramp = np.linspace(-1, 1, height)[:, None] * rng.uniform(-40, 40) + np.linspace(-1, 1, width) * rng.uniform(
            -40, 40
        )
        ground += ramp[..., None]
    elif kind < 0.75:
        for cells in (4, 14):
            coarse = Image.fromarray(noise.uniform(0, 255, (cells, cells, 3)).astype(np.uint8))
            smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=float)
            ground += (smooth - 127) * rng.uniform(0.03, 0.3)
    if rng.random() < 0.4:
        ground += noise.normal(0, rng.uniform(2, 12), (height, width, 1))
    return Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))


def _places(count: int, rng: random.Random, *, smallest: float, largest: float) -> list[tuple[float, float, float]]:
    """Left, top and side of squares that hardly overlap, as shares of the scene."""
    placed: list[tuple[float, float, float]] = []
    for _ in range(count * 30):
        if len(placed) == count:
            break
        side = rng.uniform(smallest, largest)
        x, y = rng.uniform(0, 1 - side), rng.uniform(0, 1 - side)
        apart = all(
            abs(x + side / 2 - (a + c / 2)) > 0.48 * (side + c) or abs(y + side / 2 - (b + c / 2)) > 0.48 * (side + c)
            for a, b, c in placed
        )
        if apart:
            placed.append((x, y, side))
    return placed


def _outline(shape: str, turn: float) -> list[tuple[float, float]]:
    """Corners of a shape around the origin, within a circle of radius 1."""
    if shape == "heart":
        angles = [i / 40 * math.tau for i in range(40)]
        return [
            (math.sin(a) ** 3, -(13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)) / 17)
            for a in angles
        ]
    if shape == "cross":
        corners = [(0.33, 1), (0.33, 0.33), (1, 0.33)]
        quarter = [(x, y) for x, y in corners]
        points = []
        for _ in range(4):
            points += quarter
            quarter = [(y, -x) for x, y in quarter]
        return points
    count = {"circle": 48, "ring": 48, "square": 4, "triangle": 3, "hexagon": 6, "star": 10}[shape]
    base = {"square": math.pi / 4, "triangle": -math.pi / 2, "star": -math.pi / 2}.get(shape, 0.0) + turn
    radii = [0.45 if shape == "star" and i % 2 else 1.0 for i in range(count)]
    return [
        (r * math.cos(base + i / count * math.tau), r * math.sin(base + i / count * math.tau))
        for i, r in enumerate(radii)
    ]


def shape_scene(rng: random.Random) -> tuple[Image.Image, list[Thing]]:
    """One to five shapes and their tight boxes; drawn at twice the size for smooth edges."""
    wide = rng.choice((SIDE, SIDE, 288, 176))
    scale = 2
    image = background((wide, SIDE), rng).resize((wide * scale, SIDE * scale))
    draw = ImageDraw.Draw(image)
    few = rng.sample(sorted(COLOURS), rng.randint(1, 4)), rng.sample(SHAPES, rng.randint(1, 3))
    things = []
    for x, y, side in _places(rng.randint(1, 5), rng, smallest=0.12, largest=0.42):
        colour, shape = rng.choice(few[0]), rng.choice(few[1])
        radius = side * SIDE * scale / 2
        cx = (x + side / 2) * wide * scale
        cx = min(max(cx, radius), wide * scale - radius)
        cy = (y + side / 2) * SIDE * scale
        turn = rng.uniform(-0.25, 0.25) if rng.random() < 0.5 else 0.0
        points = [(cx + px * radius, cy + py * radius) for px, py in _outline(shape, turn)]
        tint = tuple(min(255, max(0, value + rng.randint(-18, 18))) for value in COLOURS[colour])
        under = np.asarray(image.crop((int(cx - radius), int(cy - radius), int(cx + radius), int(cy + radius)))).mean(
            (0, 1)
        )
        hidden = float(np.abs(under - np.array(tint)).max()) < 70
        rim = (0, 0, 0) if sum(tint) + float(under.sum()) > 500 else (255, 255, 255)
        if shape == "ring":
            if hidden:
                draw.line([*points, points[0], points[1]], rim, width=max(8, int(radius * 0.3) + 6), joint="curve")
            draw.line([*points, points[0], points[1]], tint, width=max(4, int(radius * 0.3)), joint="curve")
        else:
            draw.polygon(points, tint, outline=rim if hidden or rng.random() < 0.4 else None, width=4 if hidden else 2)
        grow = radius * 0.15 if shape == "ring" else 0.0
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        box = ((min(xs) - grow) / image.width, (min(ys) - grow) / image.height,
               (max(xs) + grow) / image.width, (max(ys) + grow) / image.height)  # fmt: skip
        clipped = tuple(min(1.0, max(0.0, value)) for value in box)
        things.append(Thing(f"{colour} {shape}", (clipped[0], clipped[1], clipped[2], clipped[3])))
    image = image.resize((wide, SIDE), Image.Resampling.LANCZOS)
    return (image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2))) if rng.random() < 0.3 else image), things


def paste_objects(
    pieces: Sequence[tuple[Image.Image, str]], rng: random.Random, *, ground: Image.Image | None = None
) -> tuple[Image.Image, list[Thing]]:
    """Small labelled pictures on a background, with soft or framed edges; fewer where they would overlap."""
    image = (ground or background((rng.choice((SIDE, 288, 176)), SIDE), rng)).convert("RGB")
    largest = {1: 0.85, 2: 0.6}.get(len(pieces), 0.5)
    things = []
    for (piece, label), (x, y, side) in zip(
        pieces, _places(len(pieces), rng, smallest=0.2, largest=largest), strict=False
    ):
        width = max(8, int(side * image.width))
        aspect = min(2.0, max(0.5, piece.height / piece.width)) * rng.uniform(0.8, 1.25)
        height = max(8, min(int(width * aspect), int(image.height * (1 - y))))
        left, top = int(x * image.width), int(y * image.height)
        small = piece.convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        if rng.random() < 0.5:
            small = ImageOps.mirror(small)
        mask = Image.new("L", (width, height), 255)
        if rng.random() < 0.4:
            edge = max(1, min(width, height) // 12)
            mask = ImageOps.expand(Image.new("L", (width - 2 * edge, height - 2 * edge), 255), edge, 0)
            mask = mask.filter(ImageFilter.GaussianBlur(edge / 2))
        image.paste(small, (left, top), mask)
        box = (
            left / image.width,
            top / image.height,
            min(1.0, (left + width) / image.width),
            (top + height) / image.height,
        )
        things.append(Thing(label, box))
    return image, things


def shape_pictures(count: int, *, seed: str) -> Iterator[Picture]:
    """Drawn scenes of shapes."""
    names = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
    for index in range(count):
        image, things = shape_scene(random.Random(f"shapes {seed} {index}"))
        yield _picture("shapes", seed, index, image, things, names)


def cut_out(picture: Picture, rng: random.Random) -> tuple[Image.Image, str]:
    """A labelled piece of a picture: the whole of it, or one of its objects with a little of its surroundings."""
    image = decoded(picture)
    large = [thing for thing in picture.things if thing.area > 0.01]
    if not large:
        return image, picture.label or ""
    thing = rng.choice(large)
    x1, y1, x2, y2 = thing.box
    return image.crop((int(x1 * image.width), int(y1 * image.height),
                       max(int(x1 * image.width) + 1, int(x2 * image.width)),
                       max(int(y1 * image.height) + 1, int(y2 * image.height)))), thing.label  # fmt: skip


def pasted_pictures(
    labelled: Iterator[Picture], photos: Sequence[Picture], count: int, *, seed: str, photo_share: float = 0.4
) -> Iterator[Picture]:
    """Scenes of one to four pieces: small labelled pictures, a pool that moves on, and objects cut out of photos."""
    pool: list[Picture] = []
    usable = [photo for photo in photos if any(thing.area > 0.01 for thing in photo.things)]
    for index in range(count):
        rng = random.Random(f"pasted {seed} {index}")
        pool += [picture for _ in range(8 if pool else 400) if (picture := next(labelled, None)) is not None]
        del pool[:-2000]
        source = usable if usable and rng.random() < photo_share else pool
        chosen = rng.sample(source, min(len(source), rng.choice((1, 1, 2, 2, 3, 4))))
        image, things = paste_objects([cut_out(piece, rng) for piece in chosen], rng)
        yield _picture("pasted", seed, index, image, things, chosen[0].vocabulary)


def _picture(
    source: str, seed: str, index: int, image: Image.Image, things: list[Thing], names: tuple[str, ...]
) -> Picture:
    content, suffix = encoded(image)
    name = "-".join(seed.split())
    return Picture(f"{source}-{name}-{index:06d}", source, content, suffix, image.width, image.height,
                   things=tuple(things), vocabulary=names)  # fmt: skip
