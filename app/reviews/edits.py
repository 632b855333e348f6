"""Edits that a person has begun and not saved yet, kept on this side so that they outlive a reload.

Does not know the queue: it works while the database does not. One small file for each person and item.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Any

from lamm_core.errors import AnnotationError

__all__ = ["EditBook"]

MOST_BYTES = 4 * 2**20


class EditBook:
    """The begun edits below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, who: str, item: str, edit: dict[str, Any]) -> None:
        """Put an edit in the place of the one before. Raises AnnotationError where that cannot be."""
        content = json.dumps(edit, ensure_ascii=True)
        if len(content) > MOST_BYTES:
            raise AnnotationError(
                f"This edit is larger than {MOST_BYTES // 2**20} MB and is kept in this browser only. Save it, or "
                "make it shorter."
            )
        path = self._path(who, item)
        coming = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            coming.write_text(content, encoding="ascii")
            coming.replace(path)
        except OSError as error:
            raise AnnotationError(
                f"Your edit could not be kept in {self._folder} ({error.strerror}). It is still in this browser; make "
                "room or make the folder writable."
            ) from error

    def find(self, who: str, item: str) -> dict[str, Any] | None:
        """What the person had begun; None where there is nothing, or nothing that can be read."""
        try:
            edit = json.loads(self._path(who, item).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None  # never begun, or torn by a power cut: the browser has its own copy
        return edit if isinstance(edit, dict) else None

    def forget(self, who: str, item: str) -> None:
        """The edit was saved or dropped."""
        self._path(who, item).unlink(missing_ok=True)

    def _path(self, who: str, item: str) -> Path:
        # Names of people are any text: their digest is a file name everywhere.
        person, name = (hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24] for text in (who, item))
        return self._folder / person / f"{name}.json"
