"""What a sample is about, ready for the page: a picture as a data URL, or the file of a cloud.

Does not know records beyond their list of media. Files are read as pictures or clouds and as nothing else, so a record
that names a file of another kind shows nothing of it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from lamm_core.errors import LammError

__all__ = ["Shown", "media_of", "shown_media"]

_SIDE = 1280  # pixels of the longer side on the stage
_CRISP = 160  # pixels below which a picture is sent as it is, for its pixels to be seen


@dataclass(frozen=True)
class Shown:
    """``source`` is a data URL for a picture; ``path`` the file. ``told`` says why there is nothing to see."""

    kind: Literal["picture", "cloud", "text", "missing"]
    path: Path | None = None
    source: str = ""
    width: int = 0
    height: int = 0
    told: str = ""


def media_of(record: Mapping[str, Any], folder: Path) -> list[tuple[str, Path]]:
    """Modality and file of each medium of a record; a relative path is one from the run's folder."""
    found = []
    media = record.get("media")
    for medium in media if isinstance(media, list) else ():
        path = medium.get("path") if isinstance(medium, dict) else medium
        modality = medium.get("modality", "image") if isinstance(medium, dict) else "image"
        if isinstance(path, str) and path and "\0" not in path:
            found.append((str(modality), folder / path))
    return found


def shown_media(media: Iterable[tuple[str, Path]]) -> Shown:
    """The first medium that can be shown."""
    for modality, path in media:
        if modality == "pointcloud":
            if not path.is_file():
                return Shown("missing", path, told=f"{path} is not there. The run was made with a file that is gone.")
            return Shown("cloud", path)
        try:
            found = path.stat()
            return _picture(path, found.st_size, found.st_mtime_ns)
        except OSError:
            return Shown("missing", path, told=f"{path} is not there. The run was made with a file that is gone.")
        except LammError as error:
            return Shown("missing", path, told=str(error))
    return Shown("text", told="This question is about no picture.")


@lru_cache(maxsize=64)
def _picture(path: Path, size: int, modified_ns: int) -> Shown:
    """``size`` and ``modified_ns`` are there for the cache: another content is another picture."""
    from PIL import Image

    from lamm_core.modalities import modality

    picture: Image.Image = modality("image").load(path)
    width, height = picture.size
    content = io.BytesIO()
    if max(picture.size) <= _CRISP:
        picture.convert("RGB").save(content, "PNG")
        kind = "png"
    else:
        small = picture.convert("RGB")
        small.thumbnail((_SIDE, _SIDE))
        small.save(content, "JPEG", quality=88)
        kind = "jpeg"
    source = f"data:image/{kind};base64," + base64.b64encode(content.getvalue()).decode()
    return Shown("picture", path, source, width, height)
