"""Pictures and clouds of items for the browser, made ready before they are asked for.

Does not know the network nor the page. Only media of items that were looked at are given out, and only as pictures that
were opened and written anew: never a file as it lies on the disk.
"""

from __future__ import annotations

import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from annotation.review.items import Item
from app.viewer.shelf import CloudShelf, ShownCloud
from lamm_core.conversation import Media
from lamm_core.errors import LammError, MediaError

if TYPE_CHECKING:
    from lamm_core.pointclouds.cloud import PointCloud

__all__ = ["SIDES", "Rendered", "ReviewMedia"]

SIDES = (1600, 192)  # pixels of the longer side: on the stage, in the grid
_KEPT_BYTES = 96 * 2**20
_KEPT_CLOUDS = 12
_KNOWN = 20_000  # media of items that were looked at lately


class Rendered(NamedTuple):
    """A picture as it is sent."""

    content: bytes
    media_type: str


class ReviewMedia:
    """Makes and keeps what is shown. ``key`` opens it: a page gets it with its first items."""

    def __init__(self, open_picture: Callable[[Path], Image.Image], shelf: CloudShelf) -> None:
        self.key = secrets.token_urlsafe(24)
        self._open = open_picture
        self._shelf = shelf
        self._known: OrderedDict[tuple[str, int], Media] = OrderedDict()
        self._pictures: OrderedDict[tuple[str, int], tuple[int, Rendered]] = OrderedDict()
        self._clouds: OrderedDict[str, tuple[int, ShownCloud]] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, "review media")

    def know(self, items: Iterable[Item]) -> None:
        """These items were looked at: their media may be fetched."""
        with self._lock:
            for item in items:
                for number, medium in enumerate(item.media):
                    self._known[item.id, number] = medium
                    self._known.move_to_end((item.id, number))
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)

    def prepare(self, items: Iterable[Item]) -> None:
        """Open the pictures and clouds of these items now, in the background."""
        for item in items:
            for number, medium in enumerate(item.media):
                if medium.modality == "image":
                    self._ahead.submit(self._quietly, self.picture, item.id, number, SIDES[0])
                elif medium.modality == "pointcloud":
                    self._ahead.submit(self._quietly, self.cloud, item.id, number)

    def picture(self, item: str, number: int, side: int) -> Rendered:
        """A picture, or a cloud seen from above. Raises MediaError where there is none or it is gone."""
        medium = self._medium(item, number)
        name, changed = (str(medium.path), side), _changed(medium.path)
        with self._lock:
            kept = self._pictures.get(name)
            if kept is not None and kept[0] == changed:
                self._pictures.move_to_end(name)
                return kept[1]
        flat = self._seen_from_above if medium.modality == "pointcloud" else self._small
        made = flat(medium.path, side)
        with self._lock:
            self._pictures[name] = (changed, made)
            while sum(len(one.content) for _, one in self._pictures.values()) > _KEPT_BYTES:
                self._pictures.popitem(last=False)
        return made

    def cloud(self, item: str, number: int) -> ShownCloud:
        """A cloud on the viewer's shelf. Raises MediaError where there is none, or it cannot be read."""
        medium = self._medium(item, number)
        name, changed = str(medium.path), _changed(medium.path)
        with self._lock:
            kept = self._clouds.get(name)
            if kept is not None and kept[0] == changed:
                self._clouds.move_to_end(name)
                return kept[1]
        from lamm_core.pointclouds.doctor import rgb8

        cloud = _read(medium.path)
        shown = self._shelf.put(f"review {name}", cloud, rgb8(cloud), instance=cloud.instance)
        with self._lock:
            self._clouds[name] = (changed, shown)
            while len(self._clouds) > _KEPT_CLOUDS:
                oldest, _ = self._clouds.popitem(last=False)
                self._shelf.forget(f"review {oldest}")
        return shown

    def _medium(self, item: str, number: int) -> Media:
        with self._lock:
            medium = self._known.get((item, number))
        if medium is None:
            raise MediaError("This medium belongs to no item that is open. Load the page anew.")
        return medium

    def _small(self, path: Path, side: int) -> Rendered:
        picture = self._open(path)
        if max(picture.size) > side:
            picture = picture.copy()
            picture.thumbnail((side, side))
        # Drawn pictures and letters stay sharp; photographs are small as JPEG.
        lossless = path.suffix.lower() in (".png", ".gif", ".bmp") and max(picture.size) <= 640
        return _written(picture, "PNG" if lossless else "JPEG")

    def _seen_from_above(self, path: Path, side: int) -> Rendered:
        from lamm_core.pointclouds.doctor import rgb8

        cloud = _read(path)
        good = np.flatnonzero(np.isfinite(cloud.xyz).all(axis=1))
        good = good[np.argsort(cloud.xyz[good, 2], kind="stable")]  # what is higher is drawn later
        xyz, colours = cloud.xyz[good].astype(float), rgb8(cloud)
        low, high = xyz[:, :2].min(axis=0), xyz[:, :2].max(axis=0)
        scale = (side - 1) / max(float((high - low).max()), 1e-6)
        place = ((xyz[:, :2] - (low + high) / 2) * scale + side / 2).astype(int).clip(0, side - 1)
        pixels = np.full((side, side, 3), 238, np.uint8)
        pixels[side - 1 - place[:, 1], place[:, 0]] = 90 if colours is None else colours[good]
        return _written(Image.fromarray(pixels), "PNG")

    def _quietly(self, make: Callable[..., Any], *which: Any) -> None:
        try:
            make(*which)
        except LammError:
            return  # told when the picture is asked for, to whoever sees the item


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        raise MediaError(f"{path.name} is not there any more: {path}. Put it back, or skip the item.") from error


def _read(path: Path) -> PointCloud:
    from lamm_core.pointclouds.read import read_cloud

    return read_cloud(path)


def _written(picture: Image.Image, kind: str) -> Rendered:
    out = io.BytesIO()
    picture.convert("RGB").save(out, kind, **({"quality": 88} if kind == "JPEG" else {"compress_level": 1}))
    return Rendered(out.getvalue(), f"image/{kind.lower()}")
