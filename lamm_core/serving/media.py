"""The media of a request as files: data URLs unpacked, remote ones fetched, each opened once to see that it can be.

Does not know prompts or models. Opening happens before the request takes a place in the model's queue, with tighter
limits than a person's own files have, so that a bad file keeps nobody waiting.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lamm_core.conversation import Media
from lamm_core.modalities import image
from lamm_core.pointclouds.read import SUFFIXES, Limits, read_cloud
from lamm_core.serving.refusals import Refusal

__all__ = ["Fetched", "check", "from_data_url", "is_data_url", "write"]

CLOUD_LIMITS = Limits(bytes=500_000_000, seconds=20.0, mesh_bytes=100_000_000)
DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w.-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE)
UNKNOWN = "application/octet-stream"
# How the type of what is sent may begin. The content decides what it is; this catches a picture sent as a cloud.
TYPES: Mapping[str, tuple[str, ...]] = {
    "image": ("image/", UNKNOWN),
    "pointcloud": ("model/", "text/plain", "text/csv", "application/vnd.las", "application/zip", UNKNOWN),
}
SUFFIX_OF_TYPE = {"model/obj": ".obj", "model/stl": ".stl", "text/csv": ".csv"}
PART_OF = {"image": "image_url", "pointcloud": "pointcloud_url"}


class Fetched:
    """Bytes of a medium with the type they were said to be."""

    def __init__(self, content: bytes, mime: str, *, name: str = "") -> None:
        self.content = content
        self.mime = mime.split(";")[0].strip().lower() or UNKNOWN
        self.suffix = Path(urlsplit(name).path).suffix.lower()


def is_data_url(url: str) -> bool:
    """Whether the medium came along with the request."""
    return url[:5].lower() == "data:"


def from_data_url(url: str, *, param: str) -> Fetched:
    """What a data URL holds. Raises Refusal."""
    head = DATA_URL.match(url[:200])
    if head is None or not head[3]:
        raise Refusal(400, f"{param} is no data URL of the form data:TYPE;base64,….", "invalid_media", param)
    try:
        content = base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        message = f"{param} is not whole base64 ({error}). Send the file's bytes in standard base64, with padding."
        raise Refusal(400, message, "invalid_media", param) from error
    return Fetched(content, head[1] or UNKNOWN)


def write(fetched: Fetched, modality: str, folder: Path, *, number: int, form: str | None, param: str) -> Media:
    """Keep a medium as a file whose name is ours, with a suffix that the readers know. Raises Refusal."""
    if not fetched.mime.startswith(TYPES[modality]):
        wanted = ", ".join(f"{begin}…" if begin.endswith("/") else begin for begin in TYPES[modality])
        raise Refusal(
            400,
            f"{param} is said to be {fetched.mime[:60]!r}; {PART_OF[modality]} takes {wanted}.",
            "invalid_media",
            param,
        )
    suffix = f".{form}" if form else SUFFIX_OF_TYPE.get(fetched.mime, fetched.suffix)
    path = folder / f"{modality}-{number}{suffix if modality == 'pointcloud' and suffix in SUFFIXES else ''}"
    path.write_bytes(fetched.content)
    return Media(modality, path)


def check(medium: Media) -> None:
    """Open the file and forget it. Raises MediaError."""
    OPENERS[medium.modality](medium.path)


OPENERS: Mapping[str, Callable[[Path], object]] = {
    "image": image.load,
    "pointcloud": lambda path: read_cloud(path, limits=CLOUD_LIMITS),
}
