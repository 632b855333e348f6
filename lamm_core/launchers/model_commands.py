"""The commands under `lamm runs` that take a run's model elsewhere: export and push.

Does not know formats; each command calls one library function and prints where the result lies.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lamm_core.errors import ConfigError, HubError
from lamm_core.launchers.run import model_folder

__all__ = ["add_model_commands"]

out = Console()

Name = Annotated[str, typer.Argument(help="The name of the run's folder, as `lamm runs` lists it.")]


def add_model_commands(runs_app: typer.Typer) -> None:
    """Put the commands into `lamm runs`."""
    runs_app.command()(export)
    runs_app.command()(push)


def export(
    name: Name,
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The new folder, or file of --gguf, to write.")],
    merged: Annotated[
        str | None, typer.Option(help="image or pointcloud: fold its LoRA into the language model, in 16 bits.")
    ] = None,
    gguf: Annotated[
        str | None, typer.Option(help="image or pointcloud: the same as one GGUF file, for llama.cpp.")
    ] = None,
) -> None:
    """Copy a run's model, finished or of its newest checkpoint: projector and adapters, or merged into one."""
    import shutil

    from lamm_core.launchers.commands import cache_folder, found

    if merged is not None and gguf is not None:
        raise ConfigError("Give --merged or --gguf: one writes a folder, the other a file.")
    source = model_folder(found(name))
    if gguf is not None:
        from lamm_core.model.gguf_file import export_gguf

        export_gguf(source, target, modality=gguf, cache=cache_folder())
    elif merged is not None:
        import torch

        from lamm_core.model.merge import export_merged

        export_merged(source, target, modality=merged, cache=cache_folder(), dtype=torch.bfloat16)
    else:
        if target.exists():
            raise ConfigError(f"{target} is there already. Name a new folder.")
        shutil.copytree(source, target)
    out.print(f"exported: {target}", highlight=False, soft_wrap=True)


def push(
    name: Name,
    repository: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub.")],
    public: Annotated[bool, typer.Option("--public", help="Let everybody see it; private by default.")] = False,
) -> None:
    """Upload a run's model, projector and adapters with its card, to the Hugging Face Hub. Needs HF_TOKEN."""
    from lamm_core.hub import push_folder
    from lamm_core.launchers.commands import found

    token = os.environ.get("HF_TOKEN")
    if not token:
        raise HubError(
            "There is no token for the Hub: set HF_TOKEN to one that may write (huggingface.co/settings/tokens)."
        )
    folder = model_folder(found(name))
    message = f"The model of the run {name}"
    out.print(
        f"pushed: {push_folder(folder, repository, kind='model', message=message, token=token, private=not public)}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
