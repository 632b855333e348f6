"""Scenes: opened for one session, examined, fixed, with the objects the model is told of; bad files are refused."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from app.conversation import Answer, Cloud, Thread
from app.scene3d import Scene, Scenes
from app.scene_export import scene_json, write_ply, write_rerun
from app.scene_view import picture_value
from app.services import Services
from lamm_core.errors import MediaError, MissingDependencyError
from lamm_core.modalities.pointcloud.scene import boxes_in
from lamm_core.pointclouds.read import read_cloud

Uploaded = Callable[..., Path]


@pytest.fixture
def scenes(services: Services) -> Scenes:
    return services.scenes


@pytest.fixture
def demo(services: Services) -> Path:
    return services.settings.demo


def last(steps: Iterator[str | Scene]) -> Scene:
    *words, scene = steps
    assert words and all(isinstance(word, str) for word in words)
    assert isinstance(scene, Scene)
    return scene


def npz(**arrays: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def test_an_opened_scan_has_findings_objects_and_truth(scenes: Scenes, demo: Path) -> None:
    scene = last(scenes.open("a1", demo / "table.ply"))
    assert (scene.points, scene.format, scene.made) == (34_000, "ply", frozenset())
    assert scene.diagnosis["unit"].guess == "metres"
    assert [thing.identifier for thing in scene.objects] == [f"obj{number}" for number in range(1, 8)]
    assert len(scene.truth) == 7
    assert scene.objects[6].label == "purple object"


def test_the_boxes_shown_are_those_that_answers_speak_of(scenes: Scenes, demo: Path) -> None:
    for scene in (
        last(scenes.open("a1", demo / "room.ply")),
        last(scenes.fix(last(scenes.open("a1", demo / "sideways.ply")), ["unit", "up axis", "colours"])),
    ):
        assert tuple(thing.box for thing in scene.objects) == boxes_in(scene.asked)


def test_a_fixed_scan_is_a_file_of_its_own_in_metres_with_z_up(scenes: Scenes, demo: Path) -> None:
    scene = last(scenes.open("a1", demo / "sideways.ply"))
    assert scene.asked == scene.file and scene.size[0] > 1000
    fixed = last(scenes.fix(scene, ["unit", "up axis", "colours", "no such finding"]))
    assert fixed.file == scene.file and fixed.asked != scene.asked
    assert fixed.asked.is_relative_to(scene.file.parent.parent)
    assert fixed.size == pytest.approx((1.08, 0.88, 0.16), abs=0.02)
    assert fixed.made == {"unit", "up axis", "colours"}
    assert read_cloud(fixed.asked).colours is not None
    assert last(scenes.fix(fixed, [])).asked == scene.file


def test_a_scan_with_coordinates_of_a_map_keeps_its_place_in_what_is_saved(
    scenes: Scenes, uploaded: Uploaded, tmp_path: Path
) -> None:
    ground = np.random.default_rng(0).uniform([4.1e5, 5.5e6, 200], [4.1e5 + 4, 5.5e6 + 3, 200.001], (4000, 3))
    scene = last(scenes.open("a1", uploaded("map.npz", content=npz(xyz=ground))))
    assert scene.origin[1] > 5e6
    write_ply(scene, scenes.labelled(scene), tmp_path / "out.ply")
    again = read_cloud(tmp_path / "out.ply")
    whole = again.xyz.astype(float) + again.origin
    assert np.abs(np.sort(whole[:, 0]) - np.sort(ground[:, 0])).max() < 1e-3


def test_a_saved_ply_names_the_object_of_each_point(scenes: Scenes, demo: Path, tmp_path: Path) -> None:
    scene = last(scenes.open("a1", demo / "table.ply"))
    write_ply(scene, scenes.labelled(scene), tmp_path / "out.ply")
    cloud = read_cloud(tmp_path / "out.ply")
    assert cloud.instance is not None and set(cloud.instance.tolist()) == set(range(8))
    box = scene.objects[2].box
    mine = cloud.xyz[cloud.instance == 3]
    assert np.all(np.abs(np.median(mine, axis=0) - box.centre) < np.array(box.size) / 2)


def test_saved_json_holds_boxes_fixes_and_what_was_said(scenes: Scenes, services: Services, demo: Path) -> None:
    scene = last(scenes.fix(last(scenes.open("a1", demo / "sideways.ply")), ["unit"]))
    thread = services.chat.ask(Thread(), "How many?", [], cloud=scene.cloud)
    saved = json.loads(json.dumps(scene_json(scene, thread)))
    assert saved["fixes"] == ["Scaled by 0.001, from millimetres to metres"]
    assert saved["objects"][0]["identifier"] == "obj1" and len(saved["objects"][0]["size"]) == 3
    assert saved["conversation"][0]["question"] == "How many?"
    assert str(scene.file.parent) not in json.dumps(saved)


def test_saving_for_rerun_without_rerun_says_what_to_install(
    scenes: Scenes, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rerun", None)
    scene = last(scenes.open("a1", demo / "table.ply"))
    with pytest.raises(MissingDependencyError, match="pip install rerun-sdk"):
        write_rerun(scene, scenes.labelled(scene), tmp_path / "out.rrd")


class Recorded:
    """Stands in for the package rerun: keeps what is logged instead of writing it."""

    class ViewCoordinates:
        RIGHT_HAND_Z_UP = "z up"

    def __init__(self) -> None:
        self.logged: dict[str, object] = {}
        self.saved = ""

    def RecordingStream(self, name: str) -> Recorded:
        return self

    def save(self, path: str) -> None:
        assert not self.logged, "what is logged before is lost"
        self.saved = path

    def log(self, entity: str, what: object, *, static: bool) -> None:
        assert static and entity not in self.logged
        self.logged[entity] = what

    def flush(self) -> None:
        Path(self.saved).write_bytes(b"RRF2")

    @staticmethod
    def Points3D(positions: np.ndarray, *, colors: np.ndarray) -> dict[str, np.ndarray]:
        return {"positions": positions, "colors": colors}

    @staticmethod
    def Boxes3D(**values: object) -> dict[str, object]:
        return values


def test_a_recording_holds_points_and_boxes(
    scenes: Scenes, demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded()
    monkeypatch.setitem(sys.modules, "rerun", recorded)
    scene = last(scenes.open("a1", demo / "table.ply"))
    write_rerun(scene, scenes.labelled(scene), tmp_path / "out.rrd")
    assert recorded.logged.keys() == {"cloud", "cloud/points", "cloud/objects", "cloud/ground_truth"}
    points, boxes = recorded.logged["cloud/points"], recorded.logged["cloud/objects"]
    assert len(points["positions"]) == len(points["colors"]) == 34_000  # type: ignore[index]
    assert len(boxes["centers"]) == len(boxes["sizes"]) == 7  # type: ignore[index]
    assert boxes["labels"][6] == "obj7 purple object"  # type: ignore[index]
    assert (tmp_path / "out.rrd").exists()


def test_rerun_reads_back_what_was_recorded(scenes: Scenes, demo: Path, tmp_path: Path) -> None:
    """Runs where the extra "rerun" is installed, which is too large for every run of the tests."""
    reader = pytest.importorskip("rerun.chunk").RrdReader
    scene = last(scenes.open("a1", demo / "table.ply"))
    write_rerun(scene, scenes.labelled(scene), tmp_path / "out.rrd")
    chunks = {chunk.entity_path: chunk.to_record_batch() for chunk in reader(tmp_path / "out.rrd").stream()}
    labels = chunks["/cloud/objects"].column("Boxes3D:labels").to_pylist()[0]
    assert labels == [f"{thing.identifier} {thing.label}" for thing in scene.objects]
    places = np.array(chunks["/cloud/points"].column("Points3D:positions").to_pylist()[0])
    assert np.allclose(places, scenes.labelled(scene).cloud.xyz)


def test_a_picture_of_the_same_name_comes_with_the_scan_and_stays_with_its_fixes(
    scenes: Scenes, demo: Path, uploaded: Uploaded
) -> None:
    scan = uploaded("side.ply", content=(demo / "sideways.ply").read_bytes())
    files = (uploaded("other.png"), uploaded("Side.JPG"), scan)
    scene = last(scenes.open("a1", *files))
    assert scene.picture is not None and scene.picture.name == "Side.JPG"
    assert scene.file.name == "side.ply" and "left aside: other.png" in scene.notes[0]
    value = picture_value(last(scenes.fix(scene, ["unit"])))
    assert value is not None and "camera is not known" in value["caption"]
    assert value["source"].startswith("data:image/webp;base64,")


def test_a_bad_picture_is_said_to_be_one_and_the_scan_opens(scenes: Scenes, demo: Path, uploaded: Uploaded) -> None:
    scan = uploaded("table.ply", content=(demo / "table.ply").read_bytes())
    scene = last(scenes.open("a1", scan, uploaded("table.png", content=b"words")))
    assert scene.picture is None and picture_value(scene) is None
    assert "The picture is not shown. table.png" in scene.notes[0]


def test_pictures_alone_are_no_scan(scenes: Scenes, uploaded: Uploaded) -> None:
    with pytest.raises(MediaError, match=r"one\.png is not a point cloud but a PNG picture"):
        list(scenes.open("a1", uploaded("one.png"), uploaded("two.png")))
    with pytest.raises(MediaError, match="No file"):
        list(scenes.open("a1"))


def test_sessions_never_get_each_others_points(scenes: Scenes, demo: Path) -> None:
    mine = last(scenes.open("a1", demo / "table.ply"))
    other = last(scenes.open("b2", demo / "table.ply"))
    name = mine.shown.url.rsplit("/", 1)[-1]
    assert scenes.shelf.points(name, mine.shown.key) is not None
    assert scenes.shelf.points(name, other.shown.key) is None
    with pytest.raises(MediaError, match="not an uploaded file"):
        list(scenes.open("b2", mine.file))


def test_closing_forgets_points_and_files(scenes: Scenes, demo: Path) -> None:
    scene = last(scenes.open("a1", demo / "table.ply"))
    scenes.close(scene)
    assert scenes.shelf.points(scene.shown.url.rsplit("/", 1)[-1], scene.shown.key) is None
    assert not scene.file.exists()
    scenes.close(None)


def test_opening_another_scan_lets_go_of_the_points_of_the_one_before(scenes: Scenes, demo: Path) -> None:
    before = last(scenes.open("a1", demo / "table.ply"))
    after = last(scenes.open("a1", demo / "room.ply"))
    assert scenes.shelf.points(before.shown.url.rsplit("/", 1)[-1], before.shown.key) is None
    assert scenes.shelf.points(after.shown.url.rsplit("/", 1)[-1], after.shown.key) is not None


PLY = b"ply\nformat binary_little_endian 1.0\nelement vertex %d\nproperty float x\nproperty float y\nproperty float z\n"
REFUSED = {
    "nothing.ply": b"",
    "none.npz": npz(xyz=np.zeros((0, 3), np.float32)),
    "nan.npz": npz(xyz=np.full((50, 3), np.nan, np.float32)),
    "huge.ply": PLY % 10_000_000_000 + b"end_header\n" + bytes(64),
    "cut.ply": PLY % 5000 + b"end_header\n" + bytes(640),
    "objects.npz": npz(xyz=np.array([{"a": 1}], object)),
    "mesh.off": b"OFF\n0 0 0\n",
    "picture.ply": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "etc.xyz": b"root:x:0:0\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_cloud_is_refused_by_its_name(scenes: Scenes, uploaded: Uploaded, name: str) -> None:
    with pytest.raises(MediaError, match=name.replace(".", r"\.")):
        list(scenes.open("a1", uploaded(name, content=REFUSED[name])))


ODD = {
    "one point": np.array([[1.0, 2.0, 3.0]]),
    "twice the same": np.ones((2, 3)),
    "a line": np.linspace(0, 1, 3000)[:, None] * [[1.0, 2.0, 0.5]],
    "far away": np.random.default_rng(0).uniform(0, 1, (3000, 3)) + 1e7,
    "very large": np.random.default_rng(0).uniform(-1e7, 1e7, (3000, 3)),
    "some of it nowhere": np.where(
        np.arange(3000)[:, None] % 3 == 0, np.nan, np.random.default_rng(0).random((3000, 3))
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_cloud_is_shown_and_can_be_fixed(scenes: Scenes, uploaded: Uploaded, name: str) -> None:
    scene = last(scenes.open("a1", uploaded("odd.npz", content=npz(xyz=ODD[name]))))
    assert scene.shown.count == scene.points > 0
    fixed = last(scenes.fix(scene, [finding.name for finding in scene.fixable]))
    assert fixed.shown.count > 0


def test_questions_about_a_scan_show_it_once_and_drop_what_was_said_of_another(services: Services) -> None:
    first, second = Cloud("a.ply", Path("a.ply")), Cloud("a.ply", Path("a.unit.npz"))
    thread = services.chat.ask(Thread(), "One?", [], cloud=first)
    assert [medium.modality for turn in thread.turns() for medium in turn.media] == ["pointcloud"]
    for question, cloud in (("Two?", first), ("Three?", second), ("Four?", second)):
        answered = thread.answered(Answer("Yes.", finished=True))
        thread = services.chat.ask(answered, question, [], cloud=cloud)
    turns = thread.turns()
    assert [turn.text for turn in turns] == ["Three?", "Yes.", "Four?"]
    assert [medium.path for turn in turns for medium in turn.media] == [second.path]
