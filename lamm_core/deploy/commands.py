"""The commands under `lamm deploy`, `lamm backup` and `lamm people`.

Does not know how anything is done: each command reads its arguments and calls one library function.
"""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lamm_core.deploy.backup import Places, make, restore
from lamm_core.deploy.hub_space import publish
from lamm_core.deploy.people import People, Person, hashed
from lamm_core.deploy.space_folder import KINDS, Space, build, check
from lamm_core.errors import ConfigError, DeployError

__all__ = ["backup_app", "deploy_app", "people_app"]

REPOSITORY = Path(__file__).resolve().parents[2]

deploy_app = typer.Typer(name="deploy", no_args_is_help=True, help="Bring the app to where others use it.")
backup_app = typer.Typer(name="backup", no_args_is_help=True, help="Copies of what people made, and back.")
people_app = typer.Typer(name="people", no_args_is_help=True, help="Who may sign in to a shared app.")
out = Console()

Runs = Annotated[bool, typer.Option("--runs", help="Runs too, with their checkpoints: often many gigabytes.")]
PeopleFile = Annotated[Path, typer.Option("--file", envvar="LAMM_PEOPLE", help="The file of people.")]


@deploy_app.callback()
def deploy() -> None:
    """Bring the app to where others use it."""


@deploy_app.command()
def spaces(
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The Space to make.")],
    kind: Annotated[
        Literal["cpu", "gpu", "zero"],
        typer.Option(help="cpu: lamm-mini; gpu: a model of yours in 4 bits, on an L4; zero: ZeroGPU, in bf16."),
    ] = "cpu",
    model: Annotated[str, typer.Option(help="A model folder, or the name of a shipped model.")] = "lamm-mini",
    title: Annotated[str, typer.Option(help="What the Space is called on its page.")] = "LAMM Studio",
    hardware: Annotated[
        str, typer.Option(help="The Hub's name of the machine; left out, the smallest that does.")
    ] = "",
    secret: Annotated[
        list[str] | None, typer.Option(help="NAME: taken from your environment and kept as a secret of the Space.")
    ] = None,
    keep: Annotated[
        str, typer.Option(help="Where review decisions are kept, for the disk is not: hf:OWNER/DATASET or a folder.")
    ] = "",
    login: Annotated[bool, typer.Option("--login", help="People sign in with Hugging Face.")] = False,
    private: Annotated[bool, typer.Option("--private", help="Only you and your organisation see it.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Replace the files of a Space that exists.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the folder and upload nothing.")] = False,
    folder: Annotated[Path | None, typer.Option("--out", help="Where --dry-run writes; space/ when left out.")] = None,
    wait: Annotated[float, typer.Option(help="Minutes to wait until it runs.")] = 60.0,
) -> None:
    """Put the app and one model onto Hugging Face Spaces, and wait until it runs.

    - `lamm deploy spaces me/lamm --dry-run` writes the folder and shows it

    - `lamm deploy spaces me/lamm --keep hf:me/lamm-reviews --secret HF_TOKEN`
    """
    shipped = REPOSITORY / "assets" / model
    space = Space(kind, shipped if shipped.is_dir() else Path(model), title=title, login=login)
    variables = {**space.settings, **({"LAMM_REVIEW_KEEP": keep} if keep else {})}
    secrets = _secrets(secret or [], keep=keep)
    if name.count("/") != 1:
        raise ConfigError(f"{name!r} is no name of a Space: give OWNER/NAME.")
    with tempfile.TemporaryDirectory() as temporary:
        target = (folder or Path("space")) if dry_run else Path(temporary) / "space"
        build(space, REPOSITORY, target)
        faults = check(target)
        _show(target, variables, secrets)
        if faults:
            raise DeployError("The folder cannot go to the Hub:\n" + "\n".join(faults))
        if dry_run:
            out.print(f"Nothing was uploaded. The folder is {target}; PORT=7860 python app.py in it starts it.")
            return
        done = publish(
            target, name, hardware=hardware or KINDS[kind].hardware, variables=variables, secrets=secrets,
            update=update, private=private, wait_seconds=wait * 60, tell=lambda words: out.print(words, markup=False),
        )  # fmt: skip
    words = "It runs" if done.stage == "RUNNING" else f"It is {done.stage.lower()}"
    out.print(f"{words}: {done.address}", markup=False)


def _secrets(names: list[str], *, keep: str) -> dict[str, str]:
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise ConfigError(f"{missing[0]} is not set in your environment. Set it, then name it with --secret.")
    if keep.startswith("hf:") and "HF_TOKEN" not in names:
        raise ConfigError(f"To write to {keep} the Space needs a token: set HF_TOKEN and add --secret HF_TOKEN.")
    return {name: os.environ[name] for name in names}


def _show(folder: Path, variables: dict[str, str], secrets: dict[str, str]) -> None:
    """What is in the folder: files and megabytes of each part."""
    parts: dict[str, list[int]] = defaultdict(list)
    for path in folder.rglob("*"):
        if path.is_file():
            inside = path.relative_to(folder).parts
            parts["/".join(inside[: 2 if inside[0] == "assets" else 1])].append(path.stat().st_size)
    table = Table("part", "files", "MB", box=None, header_style="bold")
    for part, sizes in sorted(parts.items()):
        table.add_row(part, f"{len(sizes):,}", f"{sum(sizes) / 1e6:,.1f}")
    out.print(table)
    for key, value in variables.items():
        out.print(f"{key}={value}", markup=False)
    for key in secrets:
        out.print(f"{key} (secret)", markup=False)


@backup_app.command("make")
def backup_make(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="The copy to write, one .tar file.")],
    runs: Runs = False,
) -> None:
    """Copy the review database, what lies beside it and your models into one file, while people go on working."""
    _counted("copied", make(_places(runs=runs), copy))
    out.print(f"{copy} ({copy.stat().st_size / 1e6:,.1f} MB)", markup=False)


@backup_app.command("restore")
def backup_restore(
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `lamm backup make` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Put the copy in the place of a database and files that are there.")
    ] = False,
) -> None:
    """Put a copy back, every part checked by its hash first."""
    _counted("put back", restore(copy, _places(runs=True), replace=replace))


@people_app.command("add")
def people_add(  # nosec B107 - empty is no password: it is asked for
    name: Annotated[str, typer.Argument(help="How they sign in; with Hugging Face, their name there.")],
    file: PeopleFile,
    role: Annotated[
        Literal["none", "viewer", "reviewer", "admin"],
        typer.Option(help="viewer: looks and asks; reviewer: decides too; admin: trains, imports, deletes."),
    ] = "reviewer",
    password: Annotated[
        str, typer.Option(envvar="LAMM_PASSWORD", help="Left out, it is asked for; - for nobody's: Hugging Face only.")
    ] = "",
) -> None:
    """Let somebody in, or change what they may do; a running app knows it at once."""
    words = password or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    known = dict(People(file).all()) if file.exists() else {}
    known[name] = Person(name, role, "" if words == "-" else hashed(words))
    People.write(file, known)
    out.print(f"{name} is {role} in {file}", markup=False)


@people_app.command("remove")
def people_remove(name: Annotated[str, typer.Argument(help="Who.")], file: PeopleFile) -> None:
    """Let somebody in no more."""
    known = dict(People(file).all())
    if known.pop(name, None) is None:
        raise ConfigError(f"{file} has no {name}. It has {', '.join(sorted(known)) or 'nobody'}.")
    People.write(file, known)


@people_app.command("list")
def people_list(file: PeopleFile) -> None:
    """Show who may sign in, and how far each may go."""
    table = Table("name", "role", "signs in with", box=None, header_style="bold")
    for person in People(file).all().values():
        table.add_row(Text(person.name), person.role, "a password" if person.password else "Hugging Face")
    out.print(table)


def _places(*, runs: bool) -> Places:
    """Where the app keeps things, by the variables it reads too."""
    cache = Path(os.environ.get("LAMM_CACHE") or Path.home() / ".cache" / "lamm-studio").expanduser().absolute()
    folders = {"reviews": cache / "reviews", "models": Path(os.environ.get("LAMM_MODELS") or cache / "models")}
    if runs:
        folders["runs"] = Path(os.environ.get("LAMM_RUNS") or cache / "runs")
    database = os.environ.get("LAMM_REVIEW_DB") or f"sqlite:///{cache / 'reviews' / 'reviews.db'}"
    return Places(database, {name: folder.expanduser().absolute() for name, folder in folders.items()})


def _counted(what: str, counts: dict[str, int]) -> None:
    for part, files in counts.items():
        out.print(f"{what}: {part}, {files:,} {'file' if files == 1 else 'files'}", markup=False)
