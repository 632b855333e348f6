"""The folder of a Space started as Spaces start it: a clean environment, a home of its own, nothing of the checkout."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from lamm_core.__main__ import cache_folder
from lamm_core.backbones import BACKBONES, is_ready
from lamm_core.deploy.space_folder import Space, build

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = [pytest.mark.browser, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
# Python starts with this in the Space: whatever it does to a file elsewhere than in the home and for temporary files is
# refused, as it would be there, and written down.
ONLY_AT_HOME = """
import os, sys
ALLOWED = tuple(os.path.realpath(os.environ[name]) + os.sep for name in ("HOME", "TMPDIR")) + ("/dev/", "/proc/")
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
PLACES = {"os.mkdir": 1, "os.remove": 1, "os.rmdir": 1, "os.rename": 2, "os.link": 2, "os.symlink": 2,
          "os.truncate": 1, "os.chmod": 1, "sqlite3.connect": 1}
def watch(event, values):
    if event == "open" and isinstance(values[2], int) and values[2] & WRITES:
        places = values[:1]
    else:
        places = values[:PLACES.get(event, 0)]
    for place in places:
        if isinstance(place, (str, bytes, os.PathLike)) and os.fsdecode(place) != ":memory:":
            path = os.path.abspath(os.fsdecode(place))
            if not (os.path.realpath(os.path.dirname(path)) + os.sep + os.path.basename(path)).startswith(ALLOWED):
                sys.stderr.write(f"REFUSED {event} {path}\\n")
                raise PermissionError(13, "only the home may be written to", path)
sys.addaudithook(watch)
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of the Space and its folder; the base weights are linked in, for a Space would fetch them."""
    root = tmp_path_factory.mktemp("space")
    home, temporary, start = root / "home", root / "tmp", root / "start"
    folder = home / "app"  # as there
    for made in (home, temporary, start):
        made.mkdir()
    (start / "sitecustomize.py").write_text(ONLY_AT_HOME)
    build(Space("cpu", REPOSITORY / "assets" / "lamm-mini"), REPOSITORY, folder)
    cache = home / ".cache" / "lamm-studio"
    cache.mkdir(parents=True)
    for name in BACKBONES:
        assert is_ready(cache_folder() / name, BACKBONES[name]), f"{name} is missing: run `make fetch`."
        (cache / name).symlink_to(cache_folder() / name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        "HOME": str(home), "PATH": os.environ["PATH"], "SPACE_ID": "me/lamm", "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "1", "LAMM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(temporary), "PYTHONPATH": str(start),
    }  # fmt: skip
    where = "import lamm_core, app, annotation; print(lamm_core.__file__, app.__file__, annotation.__file__)"
    found = subprocess.run([sys.executable, "-c", where], cwd=folder, env=environment, capture_output=True, text=True)
    assert all(file.startswith(str(folder)) for file in found.stdout.split()), found
    log = (root / "log.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(1200):
            assert process.poll() is None, (root / "log.txt").read_text()
            try:
                if httpx.get(f"{address}/config", timeout=5).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield address, folder
    finally:
        process.terminate()
        process.wait()
        log.close()


def test_a_visitor_of_a_space_asks_and_reads_where_training_goes(space: tuple[str, Path], browser: Any) -> None:
    address, folder = space
    files = sorted(str(path) for path in folder.rglob("*"))
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.wait_for_selector("#ask textarea", timeout=60_000)
    page.set_input_files("#ask input[type=file]", str(folder / "assets" / "demo" / "cat.jpg"))
    sync_api.expect(page.locator("#ask .thumbnail-item")).to_have_count(1, timeout=60_000)
    page.fill("#ask textarea", "What is in the picture?")
    page.press("#ask textarea", "Enter")
    # The model is read from disk first; the chip in the header says how far it is.
    sync_api.expect(page.locator("#thread")).to_contain_text("cat", timeout=240_000)
    sync_api.expect(page.locator("#model-chip")).to_contain_text("ready", timeout=60_000)
    page.get_by_role("tab", name="Review").first.click()
    sync_api.expect(page.locator("#review-keeping")).to_contain_text("are lost", timeout=60_000)
    page.get_by_role("tab", name="Train").first.click()
    sync_api.expect(page.locator("#train-guide")).to_contain_text("training is off here", timeout=60_000)
    sync_api.expect(page.locator("#train-guide")).to_contain_text("lamm runs start recipe.yaml")
    assert sorted(str(path) for path in folder.rglob("*")) == files, "nothing is written beside the app"
    page.close()
