"""The command `lamm serve`: its options, and what is put together of them.

Does not know routes or requests; importing it loads nothing heavy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["serve"]


def serve(
    model: Annotated[str, typer.Option(help="A name from `lamm models`, a folder, or a hub id.")] = "lamm-mini",
    name: Annotated[str | None, typer.Option(help="What requests call it; left out, the folder's name.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one, which the log names.")] = 8000,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File of keys, one a line; the variable LAMM_API_KEY holds one.")
    ] = None,
    no_key: Annotated[
        bool, typer.Option("--no-key", help="Let everybody use it who reaches the address, from other machines too.")
    ] = False,
    media_host: Annotated[
        list[str] | None, typer.Option(help="Fetch media from this host, as images.example.org; once for each host.")
    ] = None,
    request_mb: Annotated[int, typer.Option(min=1, help="The largest request in megabytes, media included.")] = 64,
    quantize: Annotated[
        Literal["nf4"] | None, typer.Option(help="nf4: keep the language model in 4 bits, for less memory.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps; left out: the best there is.")] = None,
    engine: Annotated[
        Literal["transformers", "vllm"],
        typer.Option(
            help="What computes the answers. transformers: nothing more to install, for one person to a few dozen. "
            "vllm: for many users; it is installed beside this, and a start without it says how."
        ),
    ] = "transformers",
    vllm_environment: Annotated[
        Path | None,
        typer.Option(help="With --engine vllm: where vLLM is installed; left out, vllm in the cache folder."),
    ] = None,
) -> None:
    """Serve a model to other programs, in the words of OpenAI's chat completions.

    - `lamm serve`, then point an OpenAI client at http://127.0.0.1:8000/v1

    - `LAMM_API_KEY=... lamm serve --host 0.0.0.0`

    - `lamm serve --engine vllm` for many users; the first time it says what to install
    """
    from lamm_core.__main__ import cache_folder, find_model, load_model
    from lamm_core.errors import ConfigError
    from lamm_core.serving.remote import Remote
    from lamm_core.serving.server import rules_for, run

    rules = rules_for(host, key_file=api_key_file, open_to_all=no_key, request_mb=request_mb)
    remote = Remote(media_host or ())
    folder = find_model(model)
    environment = vllm_environment or cache_folder() / "vllm"
    if engine == "vllm":
        from lamm_core.inference.vllm_engine import require_vllm

        if quantize:
            raise ConfigError("vLLM is given the model as it is. Leave --quantize out, or take --engine transformers.")
        require_vllm(environment)  # before the model is loaded, which takes longer
    elif vllm_environment:
        raise ConfigError("--vllm-environment is for --engine vllm. Add that, or leave it out.")
    loaded = load_model(folder, device=device, quantize=quantize)
    from lamm_core.inference.engine import LocalEngine
    from lamm_core.inference.vllm_engine import VllmEngine

    run(
        VllmEngine(loaded, environment, log=cache_folder() / "vllm.log") if engine == "vllm" else LocalEngine(loaded),
        name=name or Path(folder).name,
        adapters=tuple(loaded.config.modalities),
        host=host,
        port=port,
        rules=rules,
        remote=remote,
    )


if __name__ == "__main__":
    from lamm_core.__main__ import main

    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command()(serve)
    main(single)
