"""A queue in a real SQLite file, with drafts about pictures that are there, and the desk over it.

Does not know what is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from app.reviews.desk import Desk
from app.reviews.edits import EditBook
from app.reviews.media import ReviewMedia
from app.reviews.service import Reviews
from app.viewer.shelf import CloudShelf
from lamm_core.conversation import Media, Turn


@pytest.fixture
def store(tmp_path: Path) -> ReviewStore:
    return ReviewStore(f"sqlite:///{tmp_path / 'reviews.db'}", blind_share=0.0, patience=0.3)


@pytest.fixture
def draft(tmp_path: Path) -> Callable[..., Draft]:
    """Makes a draft about a picture of its own."""

    def make(number: int, answer: str = "", **values: Any) -> Draft:
        path = tmp_path / f"{number}.png"
        if not path.exists():
            Image.new("RGB", (40, 30), (number * 20 % 256, 90, 120)).save(path)
        media = (Media("image", path),)
        turns = (Turn("user", f"What is in picture {number}?", media), Turn("assistant", answer or f"A dog, {number}."))
        known = {"kind": "C1", "source": "coco", "turns": turns, "expected_error": 0.9 - number / 100} | values
        return Draft(**known)  # type: ignore[arg-type]

    return make


@pytest.fixture
def reviews(store: ReviewStore, tmp_path: Path, draft: Callable[..., Draft]) -> Reviews:
    store.add_drafts([draft(number) for number in range(8)], actor="generator")
    return Reviews(lambda: store, EditBook(tmp_path / "edits"))


@pytest.fixture
def media() -> ReviewMedia:
    return ReviewMedia(lambda path: Image.open(path).convert("RGB"), CloudShelf())


@pytest.fixture
def ask(reviews: Reviews, media: ReviewMedia) -> Callable[..., dict[str, Any]]:
    """Asks the desk as a browser does."""
    desk = Desk(reviews, media)
    return lambda act, **values: desk.answer({"act": act, "who": "ann", **values})
