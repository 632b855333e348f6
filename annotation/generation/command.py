"""The command ``generate``: reads its arguments and the environment, builds client, budget and run, prints what came.

Does not know how anything is done.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from annotation.generation.asker import Asker
from annotation.generation.client import ChatClient, Structure
from annotation.generation.journal import Journal
from annotation.generation.pace import Pace
from annotation.generation.plan import Plan, make_plan
from annotation.generation.prices import MILLION, Budget, BudgetSpent, load_prices, money, price_of
from annotation.generation.recipe import Recipe, load_recipe, of_sources
from annotation.generation.run_files import JOURNAL, RunFiles
from annotation.generation.show import rendered
from annotation.generation.work import Settings
from annotation.sources import READERS, open_source
from lamm_core.errors import ConfigError, LammError

if TYPE_CHECKING:  # the openai library and the checks take seconds to import, and --help is not to wait for them
    from annotation.generation.batch import Batches
    from annotation.generation.run import Run

__all__ = ["generate"]

ClientName = Literal["openai", "fake", "local"]
MODELS = {"openai": "gpt-4o-mini", "fake": "fake", "local": "lamm-mini"}
FAKE_ERRORS = 0.25  # share of the fake writer's answers with a deliberate error: reviewers get something to find
BATCH_ROUNDS = 3  # answers that are no use leave gaps, which the next round fills
err = Console(stderr=True)
out = Console()
if not out.is_terminal:  # into a file or a pipe: no terminal says how wide, and figures are not to be cut
    out = Console(width=120)


def generate(
    recipe: Annotated[str | None, typer.Argument(help="A shipped recipe or a YAML file; or give --source.")] = None,
    folder: Annotated[Path | None, typer.Option("--out", help="Folder of the run; the same again goes on.")] = None,
    source: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER or NAME=FOLDER,file=PATH; --sources lists the names.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="C1 dialogue, C2 facts, C3 description, C4 tasks.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder that the recipe's folders lie in.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many pairs of each part.")] = None,
    each: Annotated[int, typer.Option(min=1, help="With --source: pairs made of one source and kind.")] = 1,
    client: Annotated[ClientName, typer.Option(help="openai: any compatible server; fake, local: no key.")] = "openai",
    model: Annotated[str | None, typer.Option(help="Model, as the server names it.")] = None,
    base_url: Annotated[str | None, typer.Option(help="Address of the server; else OPENAI_BASE_URL.")] = None,
    structure: Annotated[
        Structure, typer.Option(help="How the server is told the form: JSON schema, any JSON object, by example.")
    ] = "schema",
    stream: Annotated[bool, typer.Option(help="Take answers piece by piece, for proxies that cut silence.")] = False,
    batch: Annotated[bool, typer.Option(help="The Batch API: half the price, answered within a day.")] = False,
    prices: Annotated[Path | None, typer.Option(help="Price table; else the one shipped.")] = None,
    budget: Annotated[
        float | None, typer.Option(min=0, help="Stop before more is spent, earlier runs included.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="Requests under way at once.")] = 4,
    requests_a_minute: Annotated[float | None, typer.Option("--rpm", min=0.1, help="Requests a minute.")] = None,
    tokens_a_minute: Annotated[float | None, typer.Option("--tpm", min=1, help="Tokens a minute.")] = None,
    temperature: Annotated[float, typer.Option(min=0, max=2, help="0: always the likeliest words.")] = 0.7,
    seed: Annotated[int, typer.Option(help="Another seed asks for other answers, which are paid anew.")] = 0,
    store: Annotated[str | None, typer.Option(help="Review queue to add the drafts to: sqlite:///reviews.db")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Print items, tokens and cost, and send nothing.")] = False,
    show: Annotated[
        bool, typer.Option("--show", help="Print one rendered prompt of each part, and send nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan or the outcome as JSON.")] = False,
    sources: Annotated[bool, typer.Option("--sources", help="List the readers and the files they need.")] = False,
) -> None:
    """Generate drafts of instruction data from annotated pictures and scans, and check them by machine.

    - `python -m annotation generate --source coco-detection=coco --kind C1 --kind C3 --out runs/first --client fake`

    - `python -m annotation generate lamm-186k --data sets --plan --model gpt-4o-mini`
    """
    try:
        if sources:
            _list_readers()
            return
        chosen = _recipe(recipe, source, kind, limit=limit, each=each)
        settings = Settings(model or MODELS[client], temperature, seed, seeing=client == "local")
        price = price_of(settings.model if client == "openai" else client, load_prices(prices))
        if show:
            out.print(rendered(chosen, settings, price, data=data), markup=False, highlight=False, soft_wrap=True)
            return
        planned = make_plan(chosen, settings, price, data=data, limit=limit, batched=batch)
        if plan:
            _print_plan(planned, as_json=as_json)
            return
        if folder is None:
            raise ConfigError("Where to? Name a folder with --out; the same folder again goes on where it stopped.")
        if batch and client == "local":
            raise ConfigError("--batch is for servers; the local model answers one request after the other.")
        if not as_json:
            _print_plan(planned, as_json=False)
        from annotation.generation.batch import Batches
        from annotation.generation.openai_client import OpenAIClient
        from annotation.generation.run import Run

        with ExitStack() as stack:
            journal = Journal(folder / JOURNAL)
            stack.callback(journal.close)
            limits = Budget(None if budget is None else round(budget * MILLION), spent=journal.spent)
            speaker: ChatClient = stack.enter_context(_client(client, settings.model, base_url, structure, stream))
            pace = Pace(requests_a_minute, tokens_a_minute)
            asker = Asker(speaker, journal, limits, price, pace)
            if client == "local":
                concurrency = 1
            spent_first = None
            if batch:
                assert isinstance(speaker, OpenAIClient)
                spent_first = _batches(chosen, settings, Batches(speaker, journal, limits, price, folder), data, limit)
            run = Run(chosen, asker, settings, RunFiles(folder), data, concurrency, limit)
            state = _followed(run, planned.total("items"))
            if spent_first and state == "done":
                state = "budget"
        _report(folder, state, store, as_json=as_json)
    except LammError as error:
        err.print(f"[red]{type(error).__name__}:[/red] ", end="")
        err.print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    if state == "budget":
        raise typer.Exit(3)


def _recipe(
    name: str | None, source: list[str] | None, kind: list[str] | None, *, limit: int | None, each: int
) -> Recipe:
    if (name is None) == (not source):
        raise ConfigError("Give either a recipe or at least one --source with --kind.")
    if name is not None:
        return load_recipe(name)
    return of_sources([open_source(text) for text in source or []], kind or ["C1", "C3", "C4"], limit=limit, each=each)


@contextmanager
def _client(
    name: ClientName, model: str, base_url: str | None, structure: Structure, stream: bool
) -> Iterator[ChatClient]:
    """The client, closed at the end; the fake server runs for as long."""
    from annotation.generation.local_client import LocalClient
    from annotation.generation.openai_client import OpenAIClient

    with ExitStack() as stack:
        if name == "local":
            made: ChatClient = LocalClient(model)
        elif name == "fake":
            from annotation.fake.server import Faults, serving

            faults = Faults(errors=FAKE_ERRORS, busy=0.02, failing=0.01, malformed=0.01, truncated=0.01, refused=0.01)
            server = stack.enter_context(serving(faults))
            made = OpenAIClient(api_key="fake", base_url=server.url, structure=structure, stream=stream)
        else:
            key = os.environ.get("OPENAI_API_KEY", "")
            if not key:
                raise ConfigError(
                    "OPENAI_API_KEY is not set. Set it to the server's key (any word for a server that wants none), "
                    "or try --client fake or --client local."
                )
            address = base_url or os.environ.get("OPENAI_BASE_URL") or None
            made = OpenAIClient(api_key=key, base_url=address, structure=structure, stream=stream)
        stack.callback(made.close)
        yield made


def _batches(
    recipe: Recipe, settings: Settings, batches: Batches, data: Path | None, limit: int | None
) -> BudgetSpent | None:
    """Send what is missing as batches, again for what came back unusable; the error where the budget was spent."""
    from annotation.generation.collecting import missing

    with err.status("Batches") as status:
        batches.told = lambda done, total: status.update(f"Batches: {done:,} of {total:,} requests answered")
        for _ in range(BATCH_ROUNDS):
            before = len(batches.journal)
            try:
                batches(missing(recipe, settings, batches.journal, data=data, limit=limit))
            except BudgetSpent as error:
                return error
            if len(batches.journal) == before:
                return None
    return None


def _followed(run: Run, items: int) -> str:
    """Run it with a bar; Ctrl-C stops after the answers under way."""
    before = signal.signal(signal.SIGINT, lambda *_: run.stop.set())
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"))
    try:
        with Progress(*columns, TimeElapsedColumn(), console=err) as progress:
            task = progress.add_task(run.recipe.name, total=items)
            run.on_draft = lambda draft: progress.advance(task)
            return run()
    finally:
        signal.signal(signal.SIGINT, before)


def _report(folder: Path, state: str, store: str | None, *, as_json: bool) -> None:
    values: dict[str, Any] = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    if store:
        from annotation.generation.drafts import read_drafts
        from annotation.review.store import ReviewStore

        queue = ReviewStore(store)
        try:
            added = queue.add_drafts(read_drafts(folder / "drafts.jsonl"), actor=f"generate {values['model']}")
        finally:
            queue.close()
        values["store"] = {"added": added.added, "known": added.known, "broken": added.broken}
    if as_json:
        out.print_json(json.dumps(values))
        return
    refused = ", ".join(f"{count} {reason}" for reason, count in values["rejected"].items()) or "none"
    err.print(
        f"{state}: {values['drafts']:,} drafts in {folder / 'drafts.jsonl'}; answers refused: {refused}; "
        f"requests failed: {values['failed']:,}; broken sources: {values['broken']:,}. "
        f"Spent {money(values['spent'])}, of it for answers that may have been lost {money(values['lost'])}; "
        f"{values['paid']:,} answers paid now, {values['reused']:,} found in the journal.",
        highlight=False,
    )
    if store:
        err.print(f"Added to the queue: {values['store']['added']:,}; there already: {values['store']['known']:,}.")
    if values["message"]:
        err.print(values["message"], style="yellow", markup=False, highlight=False)


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(plan.record()))
        return
    how = " by batches" if plan.batched else ""
    table = Table(title=f"{plan.recipe} with {plan.model}{how}", title_justify="left")
    for heading in ("source", "kind", "pairs", "requests", "tokens in", "tokens out", "cost", ""):
        table.add_column(heading, justify="left" if heading in ("source", "kind", "") else "right")
    for part in plan.parts:
        figures = (part.items, part.requests, part.input_tokens, part.output_tokens)
        known = "measured" if part.measured else "assumed"
        table.add_row(part.source, part.kind, *(f"{figure:,}" for figure in figures), money(part.cost), known)
    sums = plan.sums
    table.add_section()
    shown = [f"{sums[name]:,}" for name in ("items", "requests", "input_tokens", "output_tokens")]
    table.add_row("all", "", *shown, money(sums["cost"]), "")
    out.print(table)


def _list_readers() -> None:
    table = Table(show_lines=True)
    for heading in ("--source", "what", "kinds", "files (as published)"):
        table.add_column(heading)
    for name, reader in READERS.items():
        files = "\n".join(f"{one.name}: {one.default}{'' if one.required else ' (optional)'}" for one in reader.files)
        table.add_row(name, f"{reader.about}\n{reader.terms}", " ".join(reader.kinds), files)
    out.print(table)
