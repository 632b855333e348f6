"""Pushing an export: real requests of the real client to a small server that stands for the Hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from annotation.review.export import export
from annotation.review.filters import Filter
from annotation.review.hub import push
from annotation.review.items import Draft
from annotation.review.store import ReviewStore
from lamm_core.errors import AnnotationError, HubError
from tests.fake_hub import Hub, serving


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    # The suite switches the hub off; this one is on this machine.
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with serving() as server:
        yield server


@pytest.fixture(params=["sqlite"])
def url(tmp_path: Path) -> str:
    """What is pushed does not depend on the database."""
    return f"sqlite:///{tmp_path}/reviews.db"


@pytest.fixture
def exported(new_store: Callable[..., ReviewStore], draft: Callable[..., Draft], tmp_path: Path) -> Path:
    """A small data set of conversations without media."""
    store = new_store()
    bare = (Draft("C1", "coco", tuple(type(turn)(turn.role, turn.text) for turn in draft(n).turns)) for n in range(4))
    store.add_drafts(bare, actor="generator")
    store.accept_all("ann", Filter(), event=store.head())
    export(store, tmp_path / "out", form="datasets", held_apart=0.0)
    return tmp_path / "out"


def test_every_file_of_the_export_arrives(hub: Hub, exported: Path) -> None:
    address = push(exported, "team/dogs", endpoint=hub.address, token="hf_test")
    assert address.endswith("1" * 40)
    there = {path.relative_to(exported).as_posix(): path.read_bytes() for path in exported.rglob("*") if path.is_file()}
    assert hub.files == there
    assert "manifest.json" in there and "data/train-00000.parquet" in there


def test_a_new_data_set_is_private(hub: Hub, exported: Path) -> None:
    push(exported, "team/dogs", endpoint=hub.address, token="hf_test")
    (made,) = hub.created
    assert (made["type"], made.get("visibility", "private" if made.get("private") else "public")) == (
        "dataset",
        "private",
    )


def test_a_refusal_says_what_to_do(hub: Hub, exported: Path) -> None:
    hub.refuses = True
    with pytest.raises(HubError, match="hf auth login"):
        push(exported, "team/dogs", endpoint=hub.address, token="hf_test")


def test_a_hub_that_is_not_there_is_said(hub: Hub, exported: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(HubError, match="could not be reached"):
        push(exported, "team/dogs", endpoint=hub.address, token="hf_test")


def test_only_what_the_hub_shows_is_pushed(
    new_store: Callable[..., ReviewStore], exported: Path, tmp_path: Path
) -> None:
    export(new_store(), tmp_path / "lamm", form="lamm", held_apart=0.0)
    with pytest.raises(AnnotationError, match="Export it as datasets"):
        push(tmp_path / "lamm", "team/dogs", token="hf_test")
