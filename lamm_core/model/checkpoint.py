"""The checkpoint folder: what was trained, what it was trained on, and a model card.

Does not know how a model is built or trained, nor how the folder is put in place. Layout: config.json,
projector-<modality>.safetensors, adapter-<modality>/ (plain PEFT), README.md, and where the encoder is ours
encoder-<modality>.safetensors.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from peft import get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lamm_core.config import LammConfig
from lamm_core.errors import CheckpointError, ConfigError
from lamm_core.model.adapters import lora_config
from lamm_core.model.card import UNVERIFIED, Card, base_model_id
from lamm_core.safetensors_hash import weights_hash

if TYPE_CHECKING:
    from lamm_core.model.lamm import LammModel

__all__ = [
    "FORMAT",
    "Parts",
    "Record",
    "find",
    "load_into",
    "parts_of",
    "read_record",
    "record_of",
    "write_parts",
    "write_record",
]

FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """config.json: the parts, and what they were trained on. Fingerprints are of the encoders that are not ours."""

    config: LammConfig
    base_sha256: str
    encoder_fingerprints: Mapping[str, str] = field(default_factory=dict)
    card: Card = field(default_factory=Card)


@dataclass(frozen=True)
class Parts:
    """Everything that goes into a folder; the mappings are by modality, adapter tensors named as PEFT stores them."""

    record: Record
    projectors: Mapping[str, Mapping[str, Tensor]]
    adapters: Mapping[str, Mapping[str, Tensor]]
    encoders: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)


def record_of(model: LammModel) -> Record:
    """What config.json will say of this model."""
    fingerprints = {name: model.encoder(name).fingerprint() for name in model.encoders if not model.encoder(name).ours}
    # An encoder of ours lies in the checkpoint itself: where its weights first came from must not be looked for again.
    modalities = {
        name: replace(settings, options={key: value for key, value in settings.options.items() if key != "weights"})
        if model.encoder(name).ours
        else settings
        for name, settings in model.config.modalities.items()
    }
    config = replace(model.config, modalities=modalities)
    return Record(config, weights_hash(model.base_folder), fingerprints, model.card)


def parts_of(model: LammModel) -> Parts:
    """The trained parts of a model."""
    names = list(model.config.modalities)
    return Parts(
        record=record_of(model),
        projectors={name: model.projectors[name].state_dict() for name in names},
        adapters={
            name: get_peft_model_state_dict(model.language_model, adapter_name=name, save_embedding_layers=False)
            for name in names
        },
        encoders={name: model.encoders[name].state_dict() for name in names if model.encoder(name).ours},
    )


def write_parts(folder: Path, parts: Parts) -> None:
    """Write a checkpoint into an empty folder; `replacing` gives one that appears in a single step."""
    record = parts.record
    for name, settings in record.config.modalities.items():
        save(parts.projectors[name], folder / f"projector-{name}.safetensors")
        save(parts.adapters[name], folder / f"adapter-{name}" / "adapter_model.safetensors")
        description = lora_config(settings.lora)
        description.inference_mode = True
        description.base_model_name_or_path = base_model_id(record.config.language_model)
        description.save_pretrained(str(folder / f"adapter-{name}"))
    for name, tensors in parts.encoders.items():
        # Matrices and kernels in bf16 (half the size); biases, scales and running statistics as they are.
        small = {key: value.bfloat16() if is_matrix(value) else value for key, value in tensors.items()}
        save(small, folder / f"encoder-{name}.safetensors")
    write_record(folder, record)


def write_record(folder: Path, record: Record) -> None:
    """Write config.json and the model card."""
    (folder / "README.md").write_text(record.card.render(record.config, record.base_sha256), encoding="utf-8")
    values = {"format": FORMAT, **asdict(record), "config": record.config.to_dict()}
    (folder / "config.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def find(folder_or_hub_id: str | Path, **hub_options: Any) -> Path:
    """The local folder of a checkpoint, downloaded first where it is a hub id. Raises CheckpointError."""
    folder = Path(folder_or_hub_id).expanduser()
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(str(folder_or_hub_id), **hub_options))  # nosec B615 - the caller's revision
        except HFValidationError as error:
            raise CheckpointError(f"{folder_or_hub_id} is neither a folder nor a name on the hub.") from error
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
            raise CheckpointError(
                f"The checkpoint {folder_or_hub_id} is no folder here and could not be fetched from the hub "
                f"({type(error).__name__}). Check its name and the network."
            ) from error
    return folder


def read_record(folder: Path, *, language_model: str | None = None) -> Record:
    """Read config.json; ``language_model`` replaces where the base weights are. Raises CheckpointError."""
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise CheckpointError(
                f"{folder.name} has the checkpoint format {values['format']} and this version reads {FORMAT}. "
                "Update LAMM Studio."
            )
        config = LammConfig.from_dict(values["config"])
        record = Record(config, values["base_sha256"], values["encoder_fingerprints"], Card(**values["card"]))
    except OSError as error:
        raise CheckpointError(f"{folder.name} holds no config.json: it is no checkpoint of LAMM Studio.") from error
    except (ValueError, KeyError, TypeError, ConfigError) as error:
        raise CheckpointError(f"{folder.name}/config.json is not one of LAMM Studio: {error}") from error
    return record if language_model is None else replace(record, config=replace(config, language_model=language_model))


def load_into(model: LammModel, folder: Path, record: Record) -> None:
    """Load a checkpoint's parts into a fresh model of its config. Raises CheckpointError naming what differs."""
    verify(model, folder, record)
    for name in record.config.modalities:
        load_module(model.projectors[name], folder / f"projector-{name}.safetensors")
        if model.encoder(name).ours:
            load_module(model.encoders[name], folder / f"encoder-{name}.safetensors")
        path = folder / f"adapter-{name}" / "adapter_model.safetensors"
        tensors = load(path)
        expected = get_peft_model_state_dict(model.language_model, adapter_name=name, save_embedding_layers=False)
        compare({key: value.shape for key, value in expected.items()}, tensors, path)
        set_peft_model_state_dict(model.language_model, tensors, adapter_name=name)
    model.card = record.card


def verify(model: LammModel, folder: Path, record: Record) -> None:
    """Raise CheckpointError where base or encoder weights are not those that the checkpoint was trained on."""
    found = record_of(model)
    if record.base_sha256 == UNVERIFIED:
        _log.warning(
            "%s does not say which weights of %s it was trained on, so those here (hash %s) are not checked. "
            "Other weights than the original ones answer wrongly.",
            folder.name, base_model_id(record.config.language_model), found.base_sha256,
        )  # fmt: skip
    elif found.base_sha256 != record.base_sha256:
        raise CheckpointError(
            f"{folder.name} was trained on {base_model_id(record.config.language_model)} with the weights' hash "
            f"{record.base_sha256}, and the weights here have {found.base_sha256}. Answers would be wrong without a "
            "warning. Fetch the original weights again, or name the folder that holds them as language_model."
        )
    for name, fingerprint in record.encoder_fingerprints.items():
        if found.encoder_fingerprints.get(name) != fingerprint:
            raise CheckpointError(
                f"{folder.name} was trained with the {name} encoder {record.config.modalities[name].encoder} of "
                f"fingerprint {fingerprint}, and the one here has {found.encoder_fingerprints.get(name)}. "
                "Fetch its original weights again."
            )


def load_module(module: nn.Module, path: Path) -> None:
    """Load tensors into a module of exactly their names and shapes. Raises CheckpointError."""
    tensors = load(path)
    compare({key: value.shape for key, value in module.state_dict().items()}, tensors, path)
    module.load_state_dict(tensors)


def compare(expected: Mapping[str, Any], tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raise CheckpointError listing every tensor that is missing, left over or of another shape."""
    problems = [f"{key} is missing" for key in sorted(set(expected) - set(tensors))]
    problems += [f"{key} is unknown" for key in sorted(set(tensors) - set(expected))]
    problems += [
        f"{key} has the shape {tuple(tensors[key].shape)} and needs {tuple(shape)}"
        for key, shape in expected.items()
        if key in tensors and tensors[key].shape != shape
    ]
    if problems:
        raise CheckpointError(f"{path.name} does not fit the model: {'; '.join(problems)}.")


def load(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file. Raises CheckpointError."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    except FileNotFoundError as error:
        raise CheckpointError(f"{path.parent.name} holds no {path.name}. The checkpoint is not whole.") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is damaged ({error}). Fetch the checkpoint again.") from error


def save(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write a safetensors file, making its folder."""
    path.parent.mkdir(exist_ok=True)
    save_file({key: value.detach().cpu().contiguous() for key, value in tensors.items()}, path, {"format": "pt"})


def is_matrix(tensor: Tensor) -> bool:
    """Whether a tensor is large enough in kind to be kept in 16 bits."""
    return tensor.is_floating_point() and tensor.dim() > 1
