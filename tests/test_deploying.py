"""Deploying: every command of its pages runs, or says why it cannot here; the files in deploy/ name what there is."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from app.settings import VARIABLES
from lamm_core.__main__ import app
from lamm_core.training.recipe import TrainingRecipe

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "deploying").glob("*.md"))
BLOCK = re.compile(
    r"(?:<!-- (?P<how>not run here|ends in an error here): [^>]+ -->\n)?```console\n(?P<commands>.*?)```", re.DOTALL
)


def blocks(page: Path) -> list[tuple[str, list[str]]]:
    """What is special of each block (empty: its commands run), and its commands."""
    found = BLOCK.finditer(page.read_text(encoding="utf-8"))
    return [(one["how"] or "", [line.removeprefix("$ ") for line in one["commands"].splitlines()]) for one in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    commands = []
    for how, listed in blocks(page):
        if how != "not run here":
            commands += [f"! {command}" for command in listed] if how else listed
    for name in ("assets", "lamm_core"):
        (tmp_path / name).symlink_to(ROOT / name)
    data = tmp_path / "data" / "LAMM" / "2D_Instruct" / "meta_file" / "LAMM_instruct_186k.json"
    data.parent.mkdir(parents=True)
    data.write_text("[]")  # where the recipes look for LAMM's, which is not here
    programs = [Path(sys.executable).parent, ROOT / "tests" / "slurm_stand_in", "/usr/bin", "/bin"]
    environment = {
        "PATH": ":".join(map(str, programs)), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1",
        "LAMM_CACHE": str(tmp_path / "cache"),
    }  # fmt: skip
    script = "\n".join(("set -eux", *commands))
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_ours_that_are_not_run_are_read_by_the_command_line(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes no GPU, account or cluster: options and values are known, and a recipe that is named can be read."""
    monkeypatch.chdir(ROOT)
    for how, commands in blocks(page):
        for words in (shlex.split(command) for command in commands if how):
            read(words)
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
            if words[0] == "hf":
                assert shutil.which("hf", path=str(Path(sys.executable).parent)), words


@pytest.mark.parametrize("name", ["3090", "clusters"])
def test_commands_of_the_pages_on_one_card_and_on_clusters_are_read_by_the_command_line(name: str) -> None:
    """They want a CUDA card, several of them, or Slurm, so none is run here."""
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    shells = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    listed = [shlex.split(line, comments=True) for line in shells.splitlines()]
    assert listed
    for words in listed:
        read(words)
        if words[:2] == ["accelerate", "launch"]:
            from accelerate.commands.launch import launch_command_parser

            given = launch_command_parser().parse_args(words[2:])
            assert given.module and given.training_script == "lamm_core"
            read(["lamm", *given.training_script_args])
        scripts = [word for word in words if word.endswith(".py")]
        assert all((ROOT / script).is_file() for script in scripts), words


def read(words: list[str]) -> None:
    """Have our command line read a command of ours without carrying it out, and the recipe of ours that it names."""
    if words[:1] != ["lamm"]:
        return
    command, rest = get_command(app), words[1:]
    while rest and hasattr(command, "commands"):
        command, rest = command.commands[rest[0]], rest[1:]
    command.make_context(words[1], list(rest))
    for word in rest:
        if word.startswith("lamm_core/recipes/"):
            TrainingRecipe.from_yaml(ROOT / word)


def test_every_link_of_a_page_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert target.startswith("http") or (page.parent / target).exists(), (page.name, target)


def test_the_container_copies_what_there_is_and_does_not_run_as_root() -> None:
    lines = (ROOT / "deploy" / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(None, 1) for line in lines if line and not line.startswith(("#", " "))]
    names = [name for name, _ in steps]
    for name, rest in steps:
        if name == "COPY":
            assert all((ROOT / source).exists() for source in rest.split()[:-1]), rest
    assert dict(steps)["USER"] == "lamm" and names.index("USER") < names.index("CMD")
    assert re.fullmatch(r"python:3\.11-[a-z-]+", dict(steps)["FROM"])
    assert all("rm -rf /var/lib/apt/lists" in rest for _, rest in steps if "apt-get install" in rest)
    assert all("--no-install-recommends" in rest for _, rest in steps if "apt-get install" in rest)
    settings = dict(part.split("=", 1) for name, rest in steps if name == "ENV" for part in rest.split())
    assert set(settings) - {"PYTHONUNBUFFERED"} <= set(VARIABLES)


def test_the_compose_file_fits_together() -> None:
    composed = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
    services = composed["services"]
    assert set(services) == {"app", "database", "proxy"}
    for service in services.values():
        assert ("image" in service and ":" in service["image"]) or (
            ROOT / "deploy" / service["build"]["context"]
        ).is_dir()
        assert set(service.get("depends_on", ())) <= set(services)
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            here = source.startswith("./") and source != "./people"  # which lamm people fills
            assert (
                (ROOT / "deploy" / source).exists() if here else source == "./people" or source in composed["volumes"]
            )
    assert (ROOT / services["app"]["build"]["dockerfile"]).is_file()
    environment = services["app"]["environment"]
    assert set(environment) - {"GRADIO_ROOT_PATH"} <= set(VARIABLES)
    proxy = (ROOT / "deploy" / "nginx.conf").read_text()
    assert f"location {environment['GRADIO_ROOT_PATH']}/ {{" in proxy and "proxy_pass http://app:7860/;" in proxy
    assert proxy.count("{") == proxy.count("}") and "proxy_buffering off;" in proxy


def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    file = ROOT / "deploy" / "lamm-studio.service"
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(file.read_text())
    service = unit["Service"]
    assert (
        service["ExecStart"] == f"{service['WorkingDirectory']}/.venv/bin/python app.py" and service["User"] != "root"
    )
    given = (ROOT / "deploy" / "environment.example").read_text().splitlines()
    assert {line.split("=")[0] for line in given} - {"GRADIO_ROOT_PATH"} <= set(VARIABLES)
    if shutil.which("systemd-analyze") and os.access("/bin/true", os.X_OK):
        here = tmp_path / file.name
        here.write_text(re.sub(r"ExecStart=.*", "ExecStart=/bin/true", file.read_text()))
        said = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True)
        assert not re.search(r"lamm-studio\.service:\d+:", said.stderr), said.stderr
