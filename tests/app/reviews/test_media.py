"""Pictures and clouds of items: opened and written anew, only with the key, only of items that were looked at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from app.reviews.media import ReviewMedia
from app.reviews.routes import review_routes
from app.reviews.service import Reviews
from app.viewer.routes import KEY_HEADER
from lamm_core.errors import MediaError


@pytest.fixture
def item(reviews: Reviews, media: ReviewMedia) -> str:
    found = reviews.store.claim("ann")
    assert found is not None
    media.know([found])
    return found.id


def test_a_picture_is_given_to_whoever_has_the_key(media: ReviewMedia, item: str) -> None:
    client = TestClient(Starlette(routes=review_routes(media)))
    address = f"/lamm/reviews/media/{item}/0"
    assert client.get(address).status_code == 404
    assert client.get(address, headers={KEY_HEADER: "guess"}).status_code == 404
    answer = client.get(address, headers={KEY_HEADER: media.key})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (40, 30)


def test_media_of_items_that_nobody_looked_at_are_not_given(media: ReviewMedia, item: str) -> None:
    client = TestClient(Starlette(routes=review_routes(media)))
    headers = {KEY_HEADER: media.key}
    assert "no item that is open" in client.get("/lamm/reviews/media/other/0", headers=headers).json()["message"]
    assert client.get(f"/lamm/reviews/media/{item}/9", headers=headers).status_code == 404


def test_a_picture_that_vanished_is_said_to_have(media: ReviewMedia, item: str, tmp_path: Path) -> None:
    media.picture(item, 0, 192)
    (tmp_path / "0.png").unlink()
    with pytest.raises(MediaError, match=r"0\.png is not there any more"):
        media.picture(item, 0, 192)


def test_a_picture_that_was_replaced_is_read_anew(media: ReviewMedia, item: str, tmp_path: Path) -> None:
    media.picture(item, 0, 192)
    Image.new("RGB", (10, 10)).save(tmp_path / "new.png")
    (tmp_path / "new.png").replace(tmp_path / "0.png")
    assert Image.open(io.BytesIO(media.picture(item, 0, 192).content)).size == (10, 10)


def test_a_cloud_goes_on_the_shelf_once_and_has_a_small_picture(
    reviews: Reviews,
    media: ReviewMedia,
    draft,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    from lamm_core.conversation import Media, Turn

    path = tmp_path / "scan.npz"
    points = np.random.default_rng(0).random((500, 3), np.float32)
    np.savez(path, xyz=points, rgb=np.full((500, 3), 200, np.uint8))
    turns = (Turn("user", "What?", (Media("pointcloud", path),)), Turn("assistant", "A box."))
    reviews.store.add_drafts([draft(9, turns=turns, expected_error=1.0)], actor="generator")
    found = reviews.store.claim("ann")
    assert found is not None
    media.know([found])
    shown = media.cloud(found.id, 0)
    assert shown.count == 500 and media.cloud(found.id, 0) == shown
    assert Image.open(io.BytesIO(media.picture(found.id, 0, 192).content)).size == (192, 192)
