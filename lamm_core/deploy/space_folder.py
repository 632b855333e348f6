"""A Space as a folder: the app, one model, what it is installed from, and the README that tells the Hub how to run it.

Does not know the Hub: `hub_space` uploads what lies here. What the Hub reads in the README and in requirements.txt is
documented at https://huggingface.co/docs/hub/spaces-config-reference.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from lamm_core.errors import CheckpointError, ConfigError

__all__ = ["KINDS", "SPACE_BYTES", "Kind", "Space", "build", "check"]

KindName = Literal["cpu", "gpu", "zero"]
SPACE_BYTES = 1_000_000_000  # what one Space's repository may hold; larger models belong in a model repository
PACKAGES = ("app", "lamm_core", "annotation")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
MEDIA = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".ply", ".pcd", ".las", ".laz", ".glb", ".npz", ".mp4"}
# The Hub installs gradio[oauth,mcp] by `sdk_version`, whose mcp wants an older pydantic than we pin. open3d is for
# training data and a comparison, which a Space does without.
NOT_IN_A_SPACE = {"gradio", "gradio_client", "open3d", "pydantic"}
DEBIAN = "g++\n"  # fpsample is published as source
CPU_WHEELS = "--extra-index-url https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Kind:
    """What differs between the Spaces: the machine to ask for and the settings of the app."""

    hardware: str
    variables: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()  # lines of requirements.txt
    without: frozenset[str] = frozenset()  # packages whose lines are left out
    python: str = "3.11"


KINDS: Mapping[KindName, Kind] = {
    "cpu": Kind("cpu-basic", variables={"LAMM_KEEP_MODELS": "1"}, extra=(CPU_WHEELS,)),
    "gpu": Kind("l4x1", variables={"LAMM_KEEP_MODELS": "1", "LAMM_QUANTIZE": "nf4"}),
    # ZeroGPU brings a torch of its own, refuses others, and knows two versions of Python.
    "zero": Kind(
        "zero-a10g",
        variables={"LAMM_KEEP_MODELS": "1", "TOKENIZERS_PARALLELISM": "false"},
        extra=("spaces", "torch"),
        without=frozenset({"torch", "bitsandbytes"}),
        python="3.12.12",
    ),
}


@dataclass(frozen=True)
class Space:
    """What the folder shall hold."""

    kind: KindName
    model: Path
    title: str = "LAMM Studio"
    login: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """The variables that the Space has to have."""
        named = {"LAMM_MODEL": self.model.name}
        return {**KINDS[self.kind].variables, **named, **({"LAMM_LOGIN": "huggingface"} if self.login else {})}


def build(space: Space, repository: Path, out: Path) -> None:
    """Write the folder ``out`` from a checkout. Raises ConfigError where it exists with something else in it."""
    if not (repository / "app.py").is_file():
        raise ConfigError(
            f"{repository} is no checkout of LAMM Studio. Install it with `pip install -e .` from its folder."
        )
    if out.exists() and any(out.iterdir()) and not (out / "app.py").is_file():
        raise ConfigError(f"{out} holds something else. Name a new folder, or an older one of a Space.")
    if not (space.model / "config.json").is_file():
        raise CheckpointError(f"{space.model} is no model folder: it has no config.json. `lamm models` lists them.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in PACKAGES:
        shutil.copytree(repository / name, out / name, ignore=LEFT_OUT)
    for name in ("css", "js", "icons", "demo"):
        shutil.copytree(repository / "assets" / name, out / "assets" / name, ignore=LEFT_OUT)
    shutil.copytree(space.model, out / "assets" / space.model.name, ignore=LEFT_OUT)
    for name in ("app.py", "LICENSE", "assets/LICENSES.md"):
        shutil.copy(repository / name, out / name)
    pins = (repository / "requirements.txt").read_text(encoding="utf-8")
    (out / "requirements.txt").write_text(_requirements(pins, KINDS[space.kind]), encoding="utf-8")
    (out / "packages.txt").write_text(DEBIAN, encoding="utf-8")
    (out / "README.md").write_text(_readme(space, _pin(pins, "gradio")), encoding="utf-8")


def check(folder: Path) -> list[str]:
    """What is wrong with a Space's folder, in words; an empty list where it can be uploaded."""
    return [*_front_matter_faults(folder), *_requirement_faults(folder), *_media_faults(folder), *_size_faults(folder)]


def _requirements(pins: str, kind: Kind) -> str:
    lines = [line.strip() for line in pins.splitlines() if line.strip() and not line.startswith("#")]
    kept = [line for line in lines if _name(line) not in NOT_IN_A_SPACE | kind.without]
    return "\n".join((*kind.extra, *kept)) + "\n"


def _readme(space: Space, sdk_version: str) -> str:
    kind = KINDS[space.kind]
    base = json.loads((space.model / "config.json").read_text(encoding="utf-8"))
    language_model = str(base.get("config", base).get("language_model", ""))
    matter: dict[str, Any] = {
        "title": space.title,
        "emoji": "🔎",
        "colorFrom": "gray",
        "colorTo": "blue",
        "sdk": "gradio",
        "sdk_version": sdk_version,
        "python_version": kind.python,
        "app_file": "app.py",
        "license": "apache-2.0",
        "suggested_hardware": kind.hardware,
        "startup_duration_timeout": "1h",
        "short_description": "Chat with pictures and point clouds",
    }
    if "/" in language_model:
        matter["models"] = [language_model]
    if space.login:
        matter["hf_oauth"] = True
    front = yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)
    return (
        f"---\n{front}---\n# {space.title}\n\n"
        "Made with `lamm deploy spaces` of LAMM Studio. What the demo pictures and scans are and who may use them is\n"
        "in [assets/LICENSES.md](assets/LICENSES.md); what the model is, in its\n"
        f"[card](assets/{space.model.name}/README.md). The disk of a Space is lost when it restarts.\n"
    )


def _front_matter_faults(folder: Path) -> Iterator[str]:
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.is_file() else ""
    parts = text.split("---\n")
    try:
        matter = yaml.safe_load(parts[1]) if len(parts) > 2 and not parts[0] else None
    except yaml.YAMLError as error:
        yield f"README.md: the lines between --- are no YAML ({error})."
        return
    if not isinstance(matter, dict):
        yield "README.md must begin with --- and the settings of the Space."
        return
    for name in ("title", "sdk", "sdk_version", "app_file", "license"):
        if not matter.get(name):
            yield f"README.md lacks {name}."
    if matter.get("sdk") != "gradio":
        yield f"README.md names the SDK {matter.get('sdk')!r}; it is gradio."
    if not (folder / str(matter.get("app_file") or "-")).is_file():
        yield f"README.md starts {matter.get('app_file')}, which is not there."
    if len(str(matter.get("short_description", ""))) > 60:
        yield "README.md: short_description may have 60 letters."


def _requirement_faults(folder: Path) -> Iterator[str]:
    for name, form in (("requirements.txt", r"[\w.\-\[\]]+(==[\w.+]+)?"), ("packages.txt", r"[a-z0-9][a-z0-9+.\-]+")):
        file = folder / name
        if not file.is_file():
            if name == "requirements.txt":
                yield "requirements.txt is missing."
            continue
        for line in file.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("--extra-index-url ") and not re.fullmatch(form, line):
                yield f"{name}: {line!r} names no package the way the Hub installs them."
            if name == "requirements.txt" and _name(line) == "gradio":
                yield "requirements.txt names gradio, which sdk_version in README.md decides."


def _media_faults(folder: Path) -> Iterator[str]:
    """Every picture and scan has to stand in LICENSES.md, by its name or its folder's."""
    terms = folder / "assets" / "LICENSES.md"
    told = set(re.findall(r"`([^`\s]+)`", terms.read_text(encoding="utf-8"))) if terms.is_file() else set()
    folders = tuple(name for name in told if name.endswith("/"))
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in MEDIA:
            inside = path.is_relative_to(folder / "assets")
            name = path.relative_to(folder / "assets" if inside else folder).as_posix()
            if name not in told and not name.startswith(folders or ("//",)):
                yield f"{name} has no line in assets/LICENSES.md: say where it is from and under which terms."


def _size_faults(folder: Path) -> Iterator[str]:
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    total = sum(sizes.values())
    if total > SPACE_BYTES:
        largest = max(sizes, key=lambda path: sizes[path])
        yield (
            f"The folder has {total / 1e9:.1f} GB and a Space may have {SPACE_BYTES / 1e9:.0f}. The largest file is "
            f"{largest.relative_to(folder)} with {sizes[largest] / 1e9:.1f} GB: put the model into a model repository."
        )


def _name(line: str) -> str:
    return re.split(r"[=\[<>~ ]", line.strip(), maxsplit=1)[0].lower()


def _pin(pins: str, name: str) -> str:
    found = next((line for line in pins.splitlines() if _name(line) == name), "")
    if "==" not in found:
        raise ConfigError(f"requirements.txt pins no {name}, and a Space needs the version. Write {name}==VERSION.")
    return found.split("==")[1].strip()
