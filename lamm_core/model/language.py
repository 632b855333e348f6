"""The shared language model: where its folder is, how it is loaded, and logits where they are wanted.

Does not know media or adapters. Works with any causal language model of transformers. Legend: N positions, H hidden
width, V vocabulary.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from lamm_core.backbones import resolve_language_model
from lamm_core.errors import WeightsError
from lamm_core.model.quantize import Quantization, nf4_config

__all__ = ["context_tokens", "head_logits", "hidden_states", "language_model_folder", "load_language_model"]

TEXT_FILES = ["*.json", "*.txt", "*.model", "*.jinja"]


def language_model_folder(name: str, cache: Path) -> Path:
    """The local folder of a backbone of ours, a folder or a hub id, fetched first where needed.

    Raises WeightsError where there is no such model or no network.
    """
    found = resolve_language_model(name, cache)
    if Path(found).expanduser().is_dir():
        return Path(found).expanduser()
    try:
        # The hash of the weights is what names them, and a checkpoint is refused on others.
        folder = Path(snapshot_download(str(found), allow_patterns=[*TEXT_FILES, "*.safetensors"]))  # nosec B615
    except HFValidationError as error:
        raise WeightsError(f"The language model {name} is neither a folder nor a name on the hub.") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise WeightsError(
            f"The language model {name} could not be fetched from the hub ({type(error).__name__}). "
            "Check its name and the network, or give the folder that holds it."
        ) from error
    return folder


def load_language_model(
    folder: Path, *, device: str, dtype: torch.dtype, quantize: Quantization | None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The frozen model in evaluation mode and its tokenizer, with a padding token.

    Reads safetensors alone: other formats are pickles, which can run code and have no hash to know the weights by.
    Raises WeightsError.
    """
    if not any(folder.glob("*.safetensors")):
        raise WeightsError(without_safetensors(folder))
    options: dict[str, Any] = {"dtype": dtype, "use_safetensors": True, "trust_remote_code": False}
    if quantize == "nf4":
        options |= {"quantization_config": nf4_config(), "device_map": {"": device}}
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, **options)  # nosec B615 - a folder
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)  # nosec B615 - a folder
    except (OSError, ValueError) as error:
        raise WeightsError(f"The language model in {folder.name} cannot be loaded: {error}") from error
    if quantize is None:
        model = model.to(device)
    model.requires_grad_(False)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return cast(PreTrainedModel, model.eval()), cast(PreTrainedTokenizerBase, tokenizer)


def without_safetensors(folder: Path) -> str:
    """What to do about a folder that holds no weights that are read here."""
    if not any(folder.glob("*.bin")):
        return f"{folder.name} holds no weights (*.safetensors). Give the folder of a language model."
    convert = "from transformers import AutoModelForCausalLM, AutoTokenizer"
    return (
        f"{folder.name} holds its weights as pickles (*.bin), which are not read: they can run code, and nothing here "
        "could tell later whether they are still the same. Write them as safetensors once, if you trust them: "
        f"python -c \"{convert}; AutoModelForCausalLM.from_pretrained('FOLDER', dtype='auto')"
        ".save_pretrained('NEW'); AutoTokenizer.from_pretrained('FOLDER').save_pretrained('NEW')\""
    )


def context_tokens(model: PreTrainedModel) -> int:
    """How many tokens the model reads at most; a model without a limit reads a million."""
    config = model.config.get_text_config()
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        if isinstance(limit := getattr(config, name, None), int):
            return limit
    return 1_000_000


def hidden_states(model: PreTrainedModel, inputs_embeds: Tensor, attention_mask: Tensor | None) -> Tensor:
    """Run the decoder body on ``(B, L, H)``; positions count the real tokens, so padding on either side is harmless."""
    body = model.get_decoder()
    options: dict[str, Any] = {"inputs_embeds": inputs_embeds, "attention_mask": attention_mask, "use_cache": False}
    # Models without rotary or learned positions (ALiBi) take none.
    if attention_mask is not None and "position_ids" in inspect.signature(body.forward).parameters:
        options["position_ids"] = (attention_mask.long().cumsum(dim=1) - 1).clamp(min=0)
    return cast(Tensor, body(**options).last_hidden_state)


def head_logits(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    """Logits ``(N, V)`` in float32 of gathered hidden states ``(N, H)``, with the scalings that some models add."""
    logits = cast(Tensor, model.get_output_embeddings()(hidden)).float()
    config = model.config.get_text_config()
    if scale := getattr(config, "logit_scale", None):  # Cohere multiplies
        logits = logits * scale
    if divisor := getattr(config, "logits_scaling", None):  # Granite divides
        logits = logits / divisor
    if cap := getattr(config, "final_logit_softcapping", None):  # Gemma 2
        logits = torch.tanh(logits / cap) * cap
    return logits
