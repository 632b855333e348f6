"""The command line of the queue: ``python -m annotation review import | export | push | stats | check``.

Does not know the page. What the page does, a person can type.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from annotation.review.agreement import agreement, error_rates
from annotation.review.consistency import differences, rebuild
from annotation.review.export import export
from annotation.review.filters import Filter
from annotation.review.hub import push
from annotation.review.importers import read_drafts
from annotation.review.items import USABLE, Draft
from annotation.review.marks import marks_lock, take_out
from annotation.review.store import ReviewStore
from annotation.sources.source import Broken
from lamm_core.errors import LammError

__all__ = ["review"]

review = typer.Typer(add_completion=False, no_args_is_help=True, help="The queue in which people review drafts.")
console = Console(stderr=True)

Store = Annotated[str, typer.Option("--store", help="sqlite:///FILE or postgresql://USER@HOST/NAME.")]
DEFAULT_STORE = "sqlite:///reviews.db"
REPORTED = 10


@review.command("import")
def import_drafts(
    form: Annotated[Literal["lamm", "llava", "parquet", "marked"], typer.Argument(help="How the data is written.")],
    path: Annotated[Path, typer.Argument(help="The file, or the folder of Parquet files.")],
    store: Store = DEFAULT_STORE,
    media_root: Annotated[
        Path | None, typer.Option(help="Where relative media paths start; default beside the file.")
    ] = None,
    source: Annotated[str, typer.Option(help="Name of the set, where the records give none.")] = "",
    blind: Annotated[float, typer.Option(help="Share of the items that two people review.")] = 0.1,
    take: Annotated[bool, typer.Option("--take-out", help="Empty a file of marks, so that they wait no more.")] = False,
) -> None:
    """Put existing data into the queue; what is there already is left alone."""
    if take and form != "marked":
        raise typer.BadParameter("--take-out is for marked samples; other files are yours to keep.")
    broken: list[Broken] = []

    def whole() -> Iterator[Draft]:
        for found in read_drafts(form, path, media_root=media_root, source=source):
            if isinstance(found, Broken):
                broken.append(found)
            else:
                yield found

    waiting = marks_lock(path) if form == "marked" and path.is_file() else nullcontext()
    with _in_words(), _opened(store, blind_share=blind) as queue, waiting:
        added = queue.add_drafts(whole(), actor="import")
        if take:
            take_out(path)
    reasons = [*(f"{one.place}: {one.reason}" for one in broken), *added.reasons]
    for reason in reasons[:REPORTED]:
        console.print(f"left out: {reason}", markup=False)
    count = len(broken) + added.broken
    more = f" (the first {REPORTED} above)" if count > REPORTED else ""
    console.print(f"{added.added:,} added, {added.known:,} there already, {count:,} broken{more}")


@review.command("export")
def export_items(
    out: Annotated[Path, typer.Argument(help="The folder to write; it must not be there yet.")],
    store: Store = DEFAULT_STORE,
    form: Annotated[Literal["lamm", "llava", "datasets"], typer.Option(help="How to write it.")] = "lamm",
    status: Annotated[list[str] | None, typer.Option(help="Which items; accepted and edited by default.")] = None,
    kind: Annotated[str, typer.Option(help="Only this kind.")] = "",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    reviewer: Annotated[str, typer.Option(help="Only what this person decided.")] = "",
    event: Annotated[int | None, typer.Option(help="As it was after this event; now by default.")] = None,
    held_apart: Annotated[float, typer.Option(help="Share of the pictures for the second split.")] = 0.05,
) -> None:
    """Write a pinned version of what was reviewed. Its hash goes into a training recipe as ``sha256``."""
    with _in_words(), _opened(store) as queue:
        chosen = Filter(status=tuple(status or USABLE), kind=kind, source=source, reviewer=reviewer)
        done = export(queue, out, form=form, filters=chosen, event=event, held_apart=held_apart, name=out.name)
    for reason, count in done.left_out.items():
        console.print(f"left out: {reason} ({count:,})", markup=False)
    numbers = ", ".join(f"{count:,} {split}" for split, count in done.records.items())
    console.print(f"{numbers} as of event {done.event:,} in {out}", markup=False)
    print(done.content_hash)


@review.command("push")
def push_export(
    folder: Annotated[Path, typer.Argument(help="A folder that `export --form datasets` wrote.")],
    repository: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; private by default.")] = False,
) -> None:
    """Upload an export to the Hugging Face Hub, with the token in HF_TOKEN, or that `hf auth login` keeps."""
    with _in_words():
        print(push(folder, repository, private=not public))


@review.command("stats")
def stats(
    store: Store = DEFAULT_STORE,
    kind: Annotated[str, typer.Option(help="Only this kind.")] = "",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
) -> None:
    """How far the queue is, how far two people agree, and how often the generator erred."""
    out = Console()
    filters = Filter(kind=kind, source=source)
    with _in_words(), _opened(store) as queue:
        for by in ("status", "kind", "source", "reviewer", "day"):
            table = Table(by, "items")
            for value, count in queue.counts(filters, by=by).items():
                table.add_row(value, f"{count:,}")
            if table.row_count:
                out.print(table)
        pairs = queue.paired_opinions(filters)
        rates = error_rates(queue.outcomes(filters))
    table = Table("kind", "decided", "rejected", "95 %", "rejected or edited", "95 %")
    for name, rate in rates.items():
        table.add_row(
            name,
            f"{rate.decided:,}",
            f"{rate.rejected.share:.1%}",
            f"{rate.rejected.low:.1%}–{rate.rejected.high:.1%}",
            f"{rate.changed.share:.1%}",
            f"{rate.changed.low:.1%}–{rate.changed.high:.1%}",
        )
    if rates:
        out.print(table)
    found = agreement(pairs)
    if found is None:
        out.print("No item has two opinions yet.")
        return
    out.print(f"{found.pairs:,} items with two opinions, {found.same:.1%} the same")
    out.print(f"Cohen's kappa        {found.kappa}")
    out.print(f"Krippendorff's alpha {found.alpha}")


@review.command("check")
def check(
    store: Store = DEFAULT_STORE,
    repair: Annotated[bool, typer.Option("--repair", help="Make every state what its events say.")] = False,
) -> None:
    """Compare the state of every item with its events."""
    with _in_words(), _opened(store) as queue:
        if repair:
            console.print(f"{rebuild(queue.database):,} states mended")
            return
        wrong = [one.item for one in differences(queue.database)]
    for item in wrong[:REPORTED]:
        console.print(f"not what its events say: {item}", markup=False)
    console.print(f"{len(wrong):,} states differ from their events")
    if wrong:
        raise typer.Exit(1)


@contextmanager
def _opened(url: str, *, blind_share: float = 0.1) -> Iterator[ReviewStore]:
    store = ReviewStore(url, blind_share=blind_share)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except LammError as error:
        console.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from None
