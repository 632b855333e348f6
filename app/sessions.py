"""Keeps the pictures and clouds of each conversation in a folder of its own, and refuses files from anywhere else.

Does not know what is said about them, nor the page.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from app import owner
from app.conversation import Picture
from lamm_core.errors import MediaError

__all__ = ["PICTURE_BYTES", "SCAN_BYTES", "Sessions"]

PICTURE_BYTES = 64_000_000
SCAN_BYTES = 1_000_000_000

_VIEW_SIDE = 1600  # pixels; more than the stage shows on a 4K screen at its width
_STALE_SECONDS = 24 * 3600
_SWEEP_SECONDS = 600.0
_log = logging.getLogger(__name__)


class Sessions:
    """One folder for each conversation, below a folder of this program's own under ``root``.

    Only files below ``sources`` are taken in. Several programs may share ``root``: none sweeps what another, living one
    keeps there.
    """

    def __init__(self, root: Path, sources: Sequence[Path], open_picture: Callable[[Path], Image.Image]) -> None:
        self._shared = root
        self._root = root / f"server-{secrets.token_hex(8)}"
        self._sources = tuple(source.resolve() for source in sources)
        self._open = open_picture

    def new_key(self) -> str:
        """A name nobody can guess."""
        return secrets.token_hex(16)

    def take(self, key: str, file: Path) -> Picture:
        """Copy a picture into the session. Raises MediaError for a foreign path, a huge file or no picture."""
        source = self._admitted(key, file, PICTURE_BYTES, "A picture")
        picture = self._open(source)
        kept = self._kept(key, source)
        view = kept.parent.parent / "view.webp"
        if not view.exists():
            small = picture.copy()
            small.thumbnail((_VIEW_SIDE, _VIEW_SIDE))
            small.save(view, "WEBP", quality=88)
        return Picture(source.name, kept, view, picture.width, picture.height)

    def keep(self, key: str, file: Path) -> Path:
        """Copy a scan, or a file of any kind, into the session. Raises MediaError for a foreign path or a huge file."""
        return self._kept(key, self._admitted(key, file, SCAN_BYTES, "A scan"))

    def _admitted(self, key: str, file: Path, most: int, kind: str) -> Path:
        source = file.resolve()
        if not any(source.is_relative_to(allowed) for allowed in (*self._sources, self._folder(key).resolve())):
            raise MediaError(f"{file.name} is not an uploaded file. Drop it on the page instead.")
        if not source.is_file():
            raise MediaError(f"{file.name} is not there any more. Upload it again.")
        if (size := source.stat().st_size) > most:
            raise MediaError(
                f"{file.name} has {size / 1e6:,.0f} MB. {kind} may have {most / 1e6:,.0f} MB here; make it smaller."
            )
        return source

    def _kept(self, key: str, source: Path) -> Path:
        with source.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()[:16]
        # One folder for each file keeps the person's own file name, which the model never sees but the page shows.
        kept = self._folder(key) / digest / "original" / source.name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            coming = kept.with_name(f"{source.name}.{secrets.token_hex(4)}")
            shutil.copyfile(source, coming)
            coming.replace(kept)
        return kept

    def close(self, key: str) -> None:
        """Forget a session's files."""
        if key:
            shutil.rmtree(self._folder(key), ignore_errors=True)

    def sweep(self) -> None:
        """Remove what programs that run no more left behind, and say that this one runs."""
        owner.sign(self._root)
        for folder in self._shared.iterdir():
            if folder != self._root and folder.is_dir() and not owner.owned(folder) and _forgotten(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def keep_sweeping(self, every: float = _SWEEP_SECONDS) -> Callable[[], None]:
        """Sweep from time to time in a thread; what is returned ends that and removes this program's own folder."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(every):
                try:
                    self.sweep()
                except OSError:  # a full or vanished disk must not end the thread: it may come back
                    _log.exception("the folder of sessions could not be swept")

        thread = threading.Thread(target=work, name="sweep sessions", daemon=True)
        thread.start()

        def end() -> None:
            ended.set()
            thread.join()
            shutil.rmtree(self._root, ignore_errors=True)

        return end

    def _folder(self, key: str) -> Path:
        if not key.isalnum():
            raise MediaError("This conversation has no folder. Start a new chat.")
        return self._root / key


def _forgotten(folder: Path) -> bool:
    """Whether an unowned folder can go: its owner is dead, or it never had one and is a day old."""
    return (folder / owner.FILE_NAME).exists() or time.time() - folder.stat().st_mtime > _STALE_SECONDS
