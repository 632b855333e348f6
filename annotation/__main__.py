"""The command line of instruction data: ``python -m annotation pairs``, ``spatial``, ``generate``, ``review`` and more.

Does not know how any task words its questions.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import track

from annotation import imagined, scenes, spatial, visual_tasks, words
from annotation.fake.command import fake_server
from annotation.generation.command import generate
from annotation.review.command import review
from annotation.spatial import imagined as imagined_scenes
from annotation.spatial import osd, synthetic
from annotation.spatial.pictures import picture
from annotation.spatial.store import SpatialFolder
from annotation.visual_tasks.picture import Picture
from annotation.visual_tasks.store import PairsFolder
from annotation.visual_tasks.variation import vary
from lamm_core.errors import LammError

__all__ = ["main", "pairs", "spatial_pairs"]

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(review, name="review")
app.command("generate")(generate)
app.command("fake-server")(fake_server)
SetName = Literal["cifar10", "iiit5k", "lsp", "coco128", "bccd", "words", "shapes", "pasted", "imagined", "names"]
SpatialName = Literal["osd", "synthetic", "imagined"]
UNSEEN_IN_TEST = 0.5


@app.callback()
def annotation() -> None:
    """Make instruction data from annotated pictures."""


@app.command()
def pairs(
    name: Annotated[SetName, typer.Option("--set", help="Which pictures; words, shapes and pasted are drawn here.")],
    out: Annotated[Path, typer.Option(help="Folder to write: media/ and pairs.json.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder that holds cifar10/, iiit5k/, lsp/, coco128/, bccd/.")
    ] = None,
    split: Annotated[Literal["train", "test"], typer.Option(help="Test pairs ask half in unseen wordings.")] = "train",
    limit: Annotated[
        int | None, typer.Option(help="At most so many pictures; how many to draw for drawn sets.")
    ] = None,
    copies: Annotated[int, typer.Option(help="Cropped, mirrored and re-lit copies of each training picture.")] = 0,
    seed: Annotated[int, typer.Option(help="Same seed, same pairs.")] = 0,
) -> None:
    """Write question and answer pairs about one set of pictures, in LAMM's record form."""
    console = Console(stderr=True)
    try:
        pictures, total = _pictures(name, data, split, limit=limit, seed=seed)
        folder = PairsFolder(out)
        unseen = UNSEEN_IN_TEST if split == "test" else 0.0
        seen = 0
        for picture in track(pictures, f"{name} {split}", total=total, console=console):
            seen += 1
            rng = random.Random(f"{seed} {picture.id}")
            copied = copies if split == "train" and name in visual_tasks.READERS else 0
            for version in [
                picture,
                *(vary(picture, rng, number=n + 1) for n in range(copied)),
            ]:
                image = folder.save(version)
                for number, talk in enumerate(visual_tasks.conversations(version, rng, unseen=unseen)):
                    folder.add(version, talk, number=number, image=image)
        path = folder.close()
    except LammError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None
    console.print(f"{folder.records:,} records about {seen:,} pictures in {path}")


@app.command("spatial")
def spatial_pairs(
    name: Annotated[
        SpatialName, typer.Option("--set", help="Labelled scans, rendered scenes, or scenes without points.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write: media/ and pairs.json.")],
    data: Annotated[Path | None, typer.Option(help="Folder that holds osd/.")] = None,
    split: Annotated[Literal["train", "test"], typer.Option(help="Test pairs ask half in unseen wordings.")] = "train",
    limit: Annotated[
        int | None, typer.Option(help="At most so many scenes; how many to make, 1000 by default.")
    ] = None,
    talks: Annotated[int, typer.Option(help="Conversations about each scene.")] = 8,
    first: Annotated[
        bool, typer.Option("--first", help="Only what is learned first: objects by place, size or colour, and counts.")
    ] = False,
    look: Annotated[int, typer.Option(help="Draw the first so many scenes into look/, to check them by eye.")] = 0,
    seed: Annotated[int, typer.Option(help="Same seed, same pairs.")] = 0,
) -> None:
    """Write question and answer pairs about scenes in space, in the form of LAMM's 3D records."""
    console = Console(stderr=True)
    try:
        scans, total = _scans(name, data, split, limit=limit, seed=seed)
        folder = SpatialFolder(out)
        seen = 0
        for scan in track(scans, f"{name} {split}", total=total, console=console):
            rng = random.Random(f"{seed} {scan.id}")
            cloud = folder.save(scan)
            unseen = UNSEEN_IN_TEST if split == "test" else 0.0
            held = spatial.conversations(scan.objects, rng, unseen=unseen, place=scan.place, most=talks, first=first)
            for number, talk in enumerate(held):
                folder.add(scan, talk, number=number, cloud=cloud)
            if seen < look:
                (out / "look").mkdir(exist_ok=True)
                picture(scan).save(out / "look" / f"{scan.id}.png")
            seen += 1
        path = folder.close()
    except LammError as error:
        console.print(f"[red]{error}[/red]")
        raise typer.Exit(1) from None
    console.print(f"{folder.records:,} records about {seen:,} scenes in {path}")


def _scans(
    name: SpatialName, data: Path | None, split: str, *, limit: int | None, seed: int
) -> tuple[Iterator[spatial.Scan], int | None]:
    if name == "osd":
        if data is None:
            raise typer.BadParameter("--data is needed for osd.")
        return itertools.islice(osd.scans(data, split), limit), limit
    total = 1000 if limit is None else limit
    make = synthetic.scans if name == "synthetic" else imagined_scenes.scans
    return make(total, seed=f"{split} {seed}"), total


def _pictures(
    name: SetName, data: Path | None, split: str, *, limit: int | None, seed: int
) -> tuple[Iterator[Picture], int]:
    if name in visual_tasks.READERS:
        if data is None:
            raise typer.BadParameter(f"--data is needed for {name}.")
        total = visual_tasks.count(name, data, split)
        total = total if limit is None else min(limit, total)
        return itertools.islice(visual_tasks.read(name, data, split), total), total
    total = 1000 if limit is None else limit
    drawing_seed = f"{split} {seed}"
    if name == "words":
        return words.pictures(total, seed=drawing_seed), total
    if name == "names":
        return imagined.named_pictures(copies := max(1, total // 1000), seed=drawing_seed), 1000 * copies
    if name == "imagined":
        return imagined.pictures(total, seed=drawing_seed), total
    if name == "shapes":
        return scenes.shape_pictures(total, seed=drawing_seed), total
    if data is None:
        raise typer.BadParameter("--data is needed for pasted: it pastes CIFAR-10 pictures and cuts from COCO photos.")
    photos = list(visual_tasks.read("coco128", data, split))
    return scenes.pasted_pictures(visual_tasks.read("cifar10", data, split), photos, total, seed=drawing_seed), total


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
