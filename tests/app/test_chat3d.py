"""The 3D tab says which model cannot read scans, in words, and lets everything else be done."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.tabs.chat3d import _about_model, _cannot_answer


def ready(folder: Path, *modalities: str) -> Services:
    services = scripted_services(folder, ScriptedEngine({}), modalities=frozenset(modalities))
    assert services.shelf.wait(threading.Event()) is not None
    return services


@pytest.mark.parametrize("modalities", [("image",), ()])
def test_a_model_of_pictures_only_is_said_to_be_one(tmp_path: Path, modalities: tuple[str, ...]) -> None:
    services = ready(tmp_path, *modalities)
    *_, scene = services.scenes.open("a1", services.settings.demo / "table.ply")
    notice = _cannot_answer(services, scene)  # type: ignore[arg-type]
    assert notice is not None and notice.title == "tiny cannot read point clouds"
    assert "has not learned point clouds" in _about_model(services)


def test_a_model_that_reads_scans_is_asked(tmp_path: Path) -> None:
    services = ready(tmp_path, "image", "pointcloud")
    *_, scene = services.scenes.open("a1", services.settings.demo / "table.ply")
    assert _cannot_answer(services, scene) is None  # type: ignore[arg-type]
    assert _about_model(services) == ""
    notice = _cannot_answer(services, None)
    assert notice is not None and "no scan" in notice.title
