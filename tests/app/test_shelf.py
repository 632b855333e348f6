"""Models are found in folders and loaded in the background."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest

from app.scripted import ScriptedEngine
from app.shelf import Loaded, ModelCard, Progress, Shelf
from lamm_core.errors import CheckpointError, WeightsError


def put(folder: Path, name: str, *adapters: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "config.json").write_text("{}")
    for adapter in adapters:
        (folder / name / f"adapter-{adapter}").mkdir()


def loaded(card: ModelCard, progress: Progress) -> Loaded:
    return Loaded(ScriptedEngine({}), "CPU", "bf16")


def test_every_folder_with_a_config_is_a_model_with_its_adapters(tmp_path: Path) -> None:
    put(tmp_path / "own", "mine", "pointcloud", "image")
    put(tmp_path / "shipped", "mini")
    (tmp_path / "shipped" / "demo").mkdir()
    cards = Shelf((tmp_path / "own", tmp_path / "shipped", tmp_path / "none"), loaded).cards()
    assert [(card.name, card.adapters) for card in cards] == [("mine", ("image", "pointcloud")), ("mini", ())]


def test_a_missing_model_is_answered_with_those_there_are(tmp_path: Path) -> None:
    put(tmp_path, "mini")
    with pytest.raises(CheckpointError, match="Models found: mini"):
        Shelf((tmp_path,), loaded).card("maxi")


def test_loading_goes_on_in_the_background_and_reports_progress(tmp_path: Path) -> None:
    put(tmp_path, "mini")
    go = threading.Event()
    reported = threading.Event()

    def slowly(card: ModelCard, progress: Progress) -> Loaded:
        progress("fetching", 0.4)
        reported.set()
        go.wait(10)
        return loaded(card, progress)

    shelf = Shelf((tmp_path,), slowly)
    shelf.start("mini")
    assert reported.wait(10)
    status = shelf.status()
    assert (status.phase, status.doing, status.share) == ("loading", "fetching", 0.4)
    go.set()
    ready = shelf.wait(threading.Event())
    assert ready is not None
    assert (ready[0].phase, ready[0].device, ready[0].precision) == ("ready", "CPU", "bf16")


def test_whoever_waits_can_give_up(tmp_path: Path) -> None:
    put(tmp_path, "mini")
    go, stop = threading.Event(), threading.Event()

    def never(card: ModelCard, progress: Progress) -> Loaded:
        go.wait(10)
        return loaded(card, progress)

    shelf = Shelf((tmp_path,), never)
    shelf.start("mini")
    stop.set()
    assert shelf.wait(stop) is None
    go.set()


def test_a_failure_is_told_to_whoever_asks_and_another_model_can_be_chosen(tmp_path: Path) -> None:
    put(tmp_path, "broken")
    put(tmp_path, "good")

    def sometimes(card: ModelCard, progress: Progress) -> Loaded:
        if card.name == "broken":
            raise WeightsError("the weights are damaged")
        return loaded(card, progress)

    shelf = Shelf((tmp_path,), sometimes)
    shelf.start("broken")
    with pytest.raises(WeightsError, match="damaged"):
        shelf.wait(threading.Event())
    assert shelf.status().phase == "failed"
    shelf.start("good")
    assert shelf.wait(threading.Event()) is not None


def test_a_model_chosen_later_wins_over_one_that_finishes_later(tmp_path: Path) -> None:
    put(tmp_path, "slow")
    put(tmp_path, "quick")
    go, done = threading.Event(), threading.Event()

    def load(card: ModelCard, progress: Progress) -> Loaded:
        if card.name == "slow":
            go.wait(10)
            done.set()
        return loaded(card, progress)

    shelf = Shelf((tmp_path,), load)
    shelf.start("slow")
    shelf.start("quick")
    assert shelf.wait(threading.Event()) is not None
    go.set()
    assert done.wait(10)
    assert (shelf.status().name, shelf.status().phase) == ("quick", "ready")


class Loading:
    """Loads when told to, and remembers what it was asked to load."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go = {name: threading.Event() for name in "abc"}

    def __call__(self, card: ModelCard, progress: Progress) -> Loaded:
        self.begun.append(card.name)
        assert self.go[card.name].wait(10)
        return loaded(card, progress)


@pytest.fixture
def loading(tmp_path: Path) -> Loading:
    for name in "abc":
        put(tmp_path, name)
    return Loading()


def test_going_back_to_a_model_that_still_loads_does_not_load_it_again(tmp_path: Path, loading: Loading) -> None:
    shelf = Shelf((tmp_path,), loading)
    for name in "aba":
        shelf.start(name)
    for go in loading.go.values():
        go.set()
    ready = shelf.wait(threading.Event())
    assert ready is not None and ready[0].name == "a"
    assert loading.begun.count("a") == 1  # b may be loading still, or not have begun


def test_going_back_to_a_model_that_was_kept_does_not_load_it_again(tmp_path: Path, loading: Loading) -> None:
    for go in loading.go.values():
        go.set()
    shelf = Shelf((tmp_path,), loading, keep=2)
    for name in "abac":  # for c, b has to go
        shelf.start(name)
        assert shelf.wait(threading.Event()) is not None
    assert loading.begun == ["a", "b", "c"]
    shelf.start("b")
    assert shelf.wait(threading.Event()) is not None
    assert loading.begun == ["a", "b", "c", "b"]


def test_a_shelf_for_one_lets_go_before_it_loads_the_other(tmp_path: Path, loading: Loading) -> None:
    loading.go["a"].set()
    shelf = Shelf((tmp_path,), loading)
    shelf.start("a")
    ready = shelf.wait(threading.Event())
    assert ready is not None
    held = weakref.ref(ready[1])
    del ready
    shelf.start("b")
    gc.collect()
    assert held() is None
    loading.go["b"].set()


@pytest.mark.parametrize("keep", [1, 2])
def test_another_model_can_be_asked_for_without_choosing_it(tmp_path: Path, loading: Loading, keep: int) -> None:
    for go in loading.go.values():
        go.set()
    shelf = Shelf((tmp_path,), loading, keep=keep)
    shelf.start("a")
    other = shelf.wait(threading.Event(), "b")
    assert other is not None and other[0].name == "b"
    chosen = shelf.wait(threading.Event())
    assert chosen is not None and chosen[0].name == "a"
    assert sorted(loading.begun) == ["a", "b"]
