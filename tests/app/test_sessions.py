"""Each session has a folder of its own, takes uploads only, and says what is wrong with a bad file."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.sessions import Sessions
from lamm_core.errors import MediaError
from lamm_core.modalities.image import load

Uploaded = Callable[..., Path]


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    return Sessions(tmp_path / "sessions", (tmp_path / "uploads",), load)


def test_a_picture_is_copied_and_gets_a_view_for_browsers(sessions: Sessions, uploaded: Uploaded) -> None:
    picture = sessions.take("a1", uploaded("dog.png"))
    assert (picture.name, picture.width, picture.height) == ("dog.png", 40, 30)
    with Image.open(picture.view) as view:
        assert view.format == "WEBP"


def test_a_picture_called_like_our_view_stays_as_it_was_uploaded(sessions: Sessions, uploaded: Uploaded) -> None:
    file = uploaded("view.webp", Image.effect_noise((1800, 20), 60), lossless=True)
    picture = sessions.take("a1", file)
    assert picture.path.read_bytes() == file.read_bytes() and picture.view != picture.path


def test_two_pictures_of_the_same_name_stay_apart(sessions: Sessions, uploaded: Uploaded) -> None:
    first = sessions.take("a1", uploaded("dog.png"))
    second = sessions.take("a1", uploaded("dog.png", Image.new("RGB", (8, 8), "red")))
    assert first.path != second.path and first.path.exists()


@pytest.mark.parametrize("foreign", ["/etc/passwd", "/etc/hostname", "relative.png"])
def test_a_path_outside_the_uploads_is_refused(sessions: Sessions, foreign: str) -> None:
    with pytest.raises(MediaError, match="not an uploaded file"):
        sessions.take("a1", Path(foreign))


def test_a_way_out_of_the_uploads_is_refused(sessions: Sessions, uploaded: Uploaded, tmp_path: Path) -> None:
    inside = uploaded("dog.png")
    secret = tmp_path / "secret.png"
    secret.write_bytes(inside.read_bytes())
    (inside.parent / "link.png").symlink_to(secret)
    for path in (inside.parent / ".." / ".." / "secret.png", inside.parent / "link.png"):
        with pytest.raises(MediaError, match="not an uploaded file"):
            sessions.take("a1", path)


def test_the_folder_of_another_session_is_refused(sessions: Sessions, uploaded: Uploaded) -> None:
    theirs = sessions.take("theirs", uploaded("dog.png"))
    with pytest.raises(MediaError, match="not an uploaded file"):
        sessions.take("mine", theirs.path)
    assert sessions.take("theirs", theirs.path).path == theirs.path


@pytest.mark.parametrize("key", ["", "../up", "a/b"])
def test_a_key_that_is_no_name_is_refused(sessions: Sessions, uploaded: Uploaded, key: str) -> None:
    with pytest.raises(MediaError):
        sessions.take(key, uploaded("dog.png"))


def test_files_that_are_no_whole_picture_are_named(sessions: Sessions, uploaded: Uploaded, bomb: bytes) -> None:
    whole = uploaded("whole.jpg", Image.effect_noise((200, 200), 60)).read_bytes()
    for name, content in {
        "truncated.jpg": whole[: len(whole) // 2],
        "words.png": b"these are words, not a picture",
        "empty.png": b"",
        "bomb.png": bomb,
    }.items():
        with pytest.raises(MediaError, match=name):
            sessions.take("a1", uploaded(name, content=content))


def test_files_over_the_limit_of_their_kind_are_refused_with_both_numbers(
    sessions: Sessions, uploaded: Uploaded
) -> None:
    for name, size, take, words in (
        ("photo.png", 70_000_000, sessions.take, r"photo\.png has 70 MB\. A picture may have 64 MB"),
        ("scan.ply", 1_200_000_000, sessions.keep, r"scan\.ply has 1,200 MB\. A scan may have 1,000 MB"),
    ):
        file = uploaded(name, content=b"")
        os.truncate(file, size)  # a hole: it takes no room on the disk
        with pytest.raises(MediaError, match=words):
            take("a1", file)


def test_unusual_pictures_are_taken(sessions: Sessions, uploaded: Uploaded) -> None:
    rotated = Image.Exif()
    rotated[0x0112] = 6
    frames = [Image.new("P", (20, 10), color) for color in (1, 2)]
    shapes = {
        "cmyk.jpg": uploaded("cmyk.jpg", Image.new("CMYK", (20, 10))),
        "deep.png": uploaded("deep.png", Image.new("I;16", (20, 10), 40_000)),
        "moving.gif": uploaded("moving.gif", frames[0], save_all=True, append_images=frames[1:]),
        "one.png": uploaded("one.png", Image.new("RGB", (1, 1))),
        "turned.jpg": uploaded("turned.jpg", Image.new("RGB", (20, 10)), exif=rotated),
    }
    sizes = {name: (p.width, p.height) for name, p in ((n, sessions.take("a1", f)) for n, f in shapes.items())}
    assert sizes == {
        "cmyk.jpg": (20, 10),
        "deep.png": (20, 10),
        "moving.gif": (20, 10),
        "one.png": (1, 1),
        "turned.jpg": (10, 20),
    }


def test_closing_removes_the_files_of_that_session_only(sessions: Sessions, uploaded: Uploaded) -> None:
    mine, theirs = sessions.take("mine", uploaded("dog.png")), sessions.take("theirs", uploaded("dog.png"))
    sessions.close("mine")
    assert not mine.path.exists() and theirs.path.exists()


def quiet(folder: Path, seconds: float) -> Path:
    """As if nothing had happened in the folder, nor to its owner's signature, for so long."""
    for path in (*folder.glob("owner.json"), folder):
        os.utime(path, (time.time() - seconds,) * 2)
    return folder


def left_behind(root: Path, name: str, owner: dict[str, object] | None) -> Path:
    (root / name / "key").mkdir(parents=True)
    if owner is not None:
        (root / name / "owner.json").write_text(json.dumps(owner))
    return root / name


def ended_process() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    return {"host": socket.gethostname(), "pid": int(done.stdout), "started": time.time() - 9000}


def test_the_sweep_removes_what_dead_programs_left(sessions: Sessions, tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    dead = ended_process()
    reused = {**dead, "pid": os.getpid()}  # another process has that number by now
    gone = [
        quiet(left_behind(root, "dead", dead), 4000),
        quiet(left_behind(root, "reused", reused), 4000),
        quiet(left_behind(root, "elsewhere", {**dead, "host": "another"}), 4000),
        quiet(left_behind(root, "unsigned", None), 90_000),
    ]
    sessions.sweep()
    assert [folder.exists() for folder in gone] == [False] * 4


def test_the_sweep_leaves_what_may_still_be_used(sessions: Sessions, uploaded: Uploaded, tmp_path: Path) -> None:
    root = tmp_path / "sessions"
    mine = sessions.take("mine", uploaded("dog.png"))
    kept = [
        left_behind(root, "elsewhere", {**ended_process(), "host": "another"}),  # signed just now
        quiet(left_behind(root, "unsigned", None), 4000),
    ]
    sessions.sweep()
    (own,) = (folder for folder in root.iterdir() if folder not in kept)
    quiet(own, 90_000)  # asleep for a day
    Sessions(root, (), load).sweep()
    assert mine.path.exists() and all(folder.exists() for folder in kept)


def test_a_second_program_leaves_the_first_ones_pictures(tmp_path: Path, uploaded: Uploaded) -> None:
    code = (
        "import pathlib, sys; from app.sessions import Sessions; root = pathlib.Path(sys.argv[1])\n"
        "first = Sessions(root, (), None); first.sweep(); print('up', flush=True); input()"
    )
    root = tmp_path / "sessions"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None and first.stdout is not None
        first.stdout.readline()
        (theirs,) = root.iterdir()
        quiet(theirs, 90_000)
        second = Sessions(root, (), load)
        second.sweep()
        alive = theirs.exists()
        first.stdin.write("\n")
    second.sweep()
    assert alive and not theirs.exists()


def test_sweeping_goes_on_until_it_is_ended_and_then_takes_the_own_folder(
    sessions: Sessions, uploaded: Uploaded, tmp_path: Path
) -> None:
    mine = sessions.take("mine", uploaded("dog.png"))
    end = sessions.keep_sweeping(0.01)
    dead = quiet(left_behind(tmp_path / "sessions", "dead", ended_process()), 4000)
    until = time.monotonic() + 20
    while dead.exists() and time.monotonic() < until:
        time.sleep(0.01)
    assert not dead.exists() and mine.path.exists()
    end()
    assert not mine.path.exists()
