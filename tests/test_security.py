"""What no file that comes from elsewhere can do, and what no file or log of ours holds."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from annotation.fake.server import serving
from lamm_core import backbones
from lamm_core.config import LammConfig, LoraSettings, ModalitySettings
from lamm_core.errors import LammError
from lamm_core.modalities.image_encoders import build_hub_encoder
from lamm_core.modalities.pointcloud.epcl_checkpoint import read_published
from lamm_core.model.convert_lamm import convert
from lamm_core.model.lamm import LammModel
from lamm_core.model.language import load_language_model
from lamm_core.training.checkpoints import restore

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(path for name in ("lamm_core", "app", "annotation") for path in (ROOT / name).rglob("*.py"))
FORBIDDEN = {"pickle.load", "pickle.loads", "marshal.loads", "dill.load", "joblib.load", "shelve.open", "eval", "exec",
             "yaml.load", "yaml.unsafe_load", "os.system"}  # fmt: skip
UNPACKING = ("extractall", "extract", "unpack_archive")


@lru_cache(maxsize=1)
def calls() -> list[tuple[str, str, ast.Call]]:
    """Every call of our packages: where it stands, what is called, and the call."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node.func)}", ast.unparse(node.func), node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]


def given(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(one.value) for one in call.keywords if one.arg == name), None)


def test_no_call_can_run_what_a_file_holds() -> None:
    found = []
    for place, name, call in calls():
        if name in FORBIDDEN or ("." in name and name.rsplit(".", 1)[1] in UNPACKING):
            found.append(place)
        if name == "torch.load" and given(call, "weights_only") != "True":
            found.append(f"{place} without weights_only=True")
        if any(given(call, option) not in (None, "False") for option in ("allow_pickle", "shell", "trust_remote_code")):
            found.append(f"{place} with allow_pickle, a shell or programs of others")
    assert found == []


def test_models_of_others_are_told_that_their_programs_are_not_wanted() -> None:
    """Left out, transformers asks the terminal whether to run them."""
    found = []
    for place, name, call in calls():
        loads = name.startswith(("Auto", "loader.")) and name.endswith((".from_pretrained", ".from_config"))
        starred = any(one.arg is None for one in call.keywords)  # language.py's options, which another test tries
        if loads and not starred and given(call, "trust_remote_code") != "False":
            found.append(place)
    assert found == []


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


@pytest.fixture(params=["pickle", "torch"])
def pickled(request: pytest.FixtureRequest, mark: Path) -> bytes:
    """The bomb as a plain pickle, and as torch writes one."""
    if request.param == "pickle":
        return pickle.dumps({"model": Bomb(mark)})
    packed = io.BytesIO()
    torch.save({"model": Bomb(mark), "x": torch.zeros(1)}, packed)
    return packed.getvalue()


def test_the_bomb_goes_off_where_it_is_let(mark: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()


@pytest.fixture
def model_folder(tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path) -> Path:
    config = LammConfig(
        language_model=str(tiny_lm_folder),
        modalities={"image": ModalitySettings(f"hub:{tiny_clip_folder}", lora=LoraSettings(r=4))},
    )
    LammModel.build(config, cache=tmp_path / "cache", dtype=torch.float32).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_a_pickle_in_the_place_of_weights_is_refused_everywhere(
    pickled: bytes, mark: Path, model_folder: Path, tiny_lm_folder: Path, tiny_clip_folder: Path, tmp_path: Path
) -> None:
    def put(name: str) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pickled)
        return file

    def instead(source: Path, name: str) -> Path:
        """A copy of a model's folder with the pickle for its weights."""
        folder = tmp_path / source.name / name.replace(".", "-").replace("/", "-")
        shutil.copytree(source, folder)
        if "pytorch" in name:
            (folder / "model.safetensors").unlink()
        (folder / name).write_bytes(pickled)
        return folder

    tried: list[Callable[[], Any]] = [
        lambda: read_published(put("epcl.pth")),
        lambda: convert(put("lamm.pt"), tmp_path / "out", language_model=str(tiny_lm_folder)),
        lambda: restore(put("step-1/training.pt").parent, parameters={}, optimizer=Any, schedule=Any),  # type: ignore[arg-type]
        lambda: backbones.efficientnet_from_pickle(put("lite0.pth"), tmp_path / "lite0"),
    ]
    for name in ("model.safetensors", "pytorch_model.bin"):
        tried.append(partial(language, instead(tiny_lm_folder, name)))
        tried.append(partial(build_hub_encoder, str(instead(tiny_clip_folder, name)), {}))
    for name in ("projector-image.safetensors", "adapter-image/adapter_model.safetensors"):
        tried.append(partial(LammModel.from_pretrained, instead(model_folder, name), cache=tmp_path / "cache"))
    for attempt in tried:
        with pytest.raises((LammError, pickle.UnpicklingError, SafetensorError)):
            attempt()
        assert not mark.exists(), attempt


def language(folder: Path) -> Any:
    return load_language_model(folder, device="cpu", dtype=torch.float32, quantize=None)


def test_a_model_that_brings_a_program_is_refused_and_the_program_is_not_run(
    tiny_lm_folder: Path, tmp_path: Path, mark: Path
) -> None:
    folder = tmp_path / "brings"
    folder.mkdir()
    for file in tiny_lm_folder.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(mark)!r})\nclass C: pass\nclass M: pass\n")
    with pytest.raises(LammError):
        language(folder)
    with pytest.raises(LammError):
        build_hub_encoder(str(folder), {})
    assert not mark.exists()


def test_a_wheel_with_a_path_out_of_its_folder_writes_nothing_there(tmp_path: Path) -> None:
    """Of an archive one named member is read; where the others say they lie does not matter."""
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../outside.npy", b"x")
        archive.writestr("/outside.npy", b"x")
    from lamm_core.pointclouds.read import read_cloud

    with pytest.raises(LammError):
        read_cloud(tmp_path / "evil.zip")
    assert not list(tmp_path.parent.glob("outside*")) and sorted(path.name for path in tmp_path.iterdir()) == [
        "evil.zip"
    ]


def test_xml_that_grows_without_end_or_names_other_files_is_not_followed() -> None:
    """expat stops entities that multiply; entities of other files are not opened."""
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a11;</x>')
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring('<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>')


SECRET = "sk-not-to-be-seen-0123456789"


def test_keys_in_the_environment_reach_no_file_and_no_output(make_recipe: Callable[..., Any], tmp_path: Path) -> None:
    """A run of training is made and drafts are written by a server that wants a key; then everything is searched."""
    Image.new("RGB", (100, 50)).save(tmp_path / "0.jpg")
    box = {"id": 0, "image_id": 0, "category_id": 1, "bbox": [5, 5, 20, 30], "iscrowd": 0}
    picture = {"id": 0, "file_name": "0.jpg", "width": 100, "height": 50}
    content = {"images": [picture], "annotations": [box], "categories": [{"id": 1, "name": "dog"}]}
    (tmp_path / "instances.json").write_text(json.dumps(content))
    (tmp_path / "recipe.yaml").write_text(make_recipe().to_yaml())
    keys = dict.fromkeys(("OPENAI_API_KEY", "HF_TOKEN", "LAMM_API_KEY"), SECRET)
    code = (
        "from pathlib import Path; from lamm_core.launchers.run import create_run;"
        "from lamm_core.training.recipe import TrainingRecipe;"
        "create_run(Path('runs'), TrainingRecipe.from_yaml(Path('recipe.yaml')), title='one')"
    )
    source = f"coco-detection={tmp_path},instances=instances.json,images=."
    said = ""
    with serving() as server:
        for arguments in (
            ["-c", code],
            ["-m", "annotation", "generate", "--source", source, "--kind", "C1", "--model", "fake", "--out", "drafts",
             "--base-url", server.url, "--store", f"sqlite:///{tmp_path}/reviews.db"],
        ):  # fmt: skip
            environment = {**os.environ, **keys, "PYTHONPATH": str(ROOT), "LAMM_CACHE": str(tmp_path / "cache")}
            done = subprocess.run(
                [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
            )
            said += done.stdout + done.stderr
            assert done.returncode == 0, said
    assert (tmp_path / "runs" / "one" / "launch.json").is_file() and (tmp_path / "drafts" / "state.json").is_file()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in written and SECRET not in said
