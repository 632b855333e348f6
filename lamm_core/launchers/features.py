"""Features of all media of a recipe, computed ahead of training by several processes: `lamm features`.

Does not know training. Each worker reads the recipe's data itself, takes its share of the files and appends to a shard
of its own, so nothing goes through pipes, and one that is killed has lost the batch it was at. Started again, it goes
on. Job arrays of a cluster do the same on many machines: each job is given ``part`` of how many.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.console import Console
from rich.progress import Progress

from lamm_core.conversation import Media
from lamm_core.errors import ConfigError, DataError
from lamm_core.launchers.commands import cache_folder
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["Encoded", "compute_ahead", "features_command"]

LOOK_SECONDS = 0.2
SHOWN = 5


class Encoded(NamedTuple):
    """How many media were dealt with, and why some have no features, by file."""

    media: int
    failures: dict[str, str]


def compute_ahead(
    recipe: TrainingRecipe,
    *,
    cache: Path,
    workers: int = 1,
    part: tuple[int, int] = (0, 1),
    advance: Callable[[int, int], object] = lambda done, total: None,
) -> Encoded:
    """Fill the cache with what this recipe shows. Raises DataError where a worker ends before its share is done.

    ``part`` is (which, of how many) among machines that share a disk. ``advance`` is told what is done, of how many.
    """
    context = multiprocessing.get_context("spawn")
    done, total = context.Value("q", 0), context.Value("q", 0)
    found: Any = context.SimpleQueue()
    which, parts = part
    processes = []
    for worker in range(workers):
        share = (which * workers + worker, parts * workers)
        arguments = (recipe.to_dict(), cache, share, worker, done, total, found)
        processes.append(context.Process(target=_work, args=arguments, daemon=True))
        processes[-1].start()
    failures: dict[str, str] = {}
    ended = 0
    while ended < workers:
        while not found.empty():
            failures |= found.get()
            ended += 1
        if ended < workers and any(process.exitcode not in (None, 0) for process in processes):
            for process in processes:
                process.terminate()
            raise DataError("A worker ended early; what it printed above says why. Start again to go on.")
        advance(done.value, total.value)
        time.sleep(LOOK_SECONDS)
    for process in processes:
        process.join()
    advance(done.value, total.value)
    return Encoded(done.value, failures)


def _work(
    values: dict[str, Any], cache: Path, share: tuple[int, int], worker: int, done: Any, total: Any, found: Any
) -> None:
    """One worker: the media of its share, modality by modality."""
    import torch

    from lamm_core.data.features import FeatureCache, compute_features, in_share
    from lamm_core.data.instructions import read_samples
    from lamm_core.model.encoding import encode, load_encoders

    torch.set_num_threads(1)  # one process for each core is quicker than threads that wait for one another
    recipe = TrainingRecipe.from_dict(values)
    cards = torch.cuda.device_count()
    device = torch.device("cuda", worker % cards) if cards else torch.device("cpu")
    encoders = load_encoders(recipe.model, cache=cache, device=str(device))
    mine: dict[str, list[Media]] = {name: [] for name in encoders}
    for source in (*recipe.data, *recipe.eval_data):
        root = Path(source.media_root) if source.media_root is not None else None
        for sample in read_samples(source.path, media_root=root, split=source.split):
            for medium in sample.media:
                if medium.modality in mine and in_share(medium, share):
                    mine[medium.modality].append(medium)
    mine = {name: list(dict.fromkeys(media)) for name, media in mine.items()}
    with total.get_lock():
        total.value += sum(map(len, mine.values()))

    def counted(number: int) -> None:
        with done.get_lock():
            done.value += number

    failures: dict[str, str] = {}
    for name, encoder in encoders.items():
        computed = compute_features(
            mine[name],
            FeatureCache.of(encoder, name, cache),
            lambda some: encode(some, encoders.__getitem__, device),
            advance=counted,
        )
        failures |= {str(medium.path): reason for medium, reason in computed.failures.items()}
    found.put(failures)


def features_command(
    recipe: Annotated[Path, typer.Argument(help="A YAML recipe.")],
    workers: Annotated[int, typer.Option(min=1, help="Processes; one for each core, or each GPU.")] = 1,
    part: Annotated[str, typer.Option(metavar="I/N", help="Only the I-th of N parts, for a job array.")] = "1/1",
) -> None:
    """Encode all media of a recipe's data ahead of training, into the cache that training reads.

    Ctrl-C and kills lose seconds; the same command goes on.
    """
    which, _, parts = part.partition("/")
    if not (which.isdigit() and parts.isdigit() and 1 <= int(which) <= int(parts)):
        raise ConfigError(f"part is {part!r}; expected two whole numbers such as 3/16, the first at most the second.")
    read = TrainingRecipe.from_yaml(recipe)
    with Progress() as bars:
        task = bars.add_task("Encoding", total=None)
        encoded = compute_ahead(
            read,
            cache=cache_folder(),
            workers=workers,
            part=(int(which) - 1, int(parts)),
            advance=lambda done, total: bars.update(task, completed=done, total=total or None),
        )
    out = Console()
    out.print(
        f"{encoded.media:,} media are in the cache, {len(encoded.failures):,} could not be read.", highlight=False
    )
    for path, reason in list(encoded.failures.items())[:SHOWN]:
        out.print(f"{path}: {reason}", highlight=False, markup=False)
