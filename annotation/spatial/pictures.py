"""A scan as a small picture, from above and from the front, with the boxes of its objects: for checking by eye.

Does not know the viewer of the page.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from annotation.spatial.scan import Scan

__all__ = ["picture"]

SIDE = 460  # pixels of each of the two views


def picture(scan: Scan) -> Image.Image:
    """From above (y up) and from the front (z up), side by side; numbers, colours and labels on the boxes."""
    image = Image.new("RGB", (2 * SIDE, SIDE), (24, 24, 30))
    draw = ImageDraw.Draw(image)
    boxes = [thing.box for thing in scan.objects]
    ends = np.array([[one.low for one in boxes], [one.high for one in boxes]])
    middle = (ends[0].min(0) + ends[1].max(0)) / 2
    scale = SIDE / (1.3 * max(0.25, float((ends[1].max(0) - ends[0].min(0)).max())))
    for view, (axis, order) in enumerate(((1, 2), (2, 1))):

        def spot(points: np.ndarray, axis: int = axis, view: int = view) -> np.ndarray:
            across = (points[:, 0] - middle[0]) * scale + SIDE / 2 + view * SIDE
            return np.stack((across, SIDE / 2 - (points[:, axis] - middle[axis]) * scale), 1)

        if scan.xyz is not None and scan.rgb is not None:
            ranked = np.argsort(scan.xyz[:, order] * (1 if order == 2 else -1), kind="stable")
            places = spot(scan.xyz[ranked]).astype(int)
            inside = (
                (places[:, 0] >= view * SIDE)
                & (places[:, 0] < (view + 1) * SIDE)
                & (places[:, 1] >= 0)
                & (places[:, 1] < SIDE)
            )
            pixels = np.asarray(image).copy()
            pixels[places[inside, 1], places[inside, 0]] = scan.rgb[ranked][inside]
            image.paste(Image.fromarray(pixels))
        for thing in scan.objects:
            (left, bottom), (right, top) = spot(np.array((thing.box.low, thing.box.high)))
            draw.rectangle((left, top, right, bottom), outline=(255, 255, 0))
            draw.text((left + 2, top + 1), f"{thing.number} {thing.colour or '?'} {thing.label}", fill=(0, 255, 255))
    return image
