"""A merged language model as one GGUF file, for llama.cpp and the programs built on it.

Does not know adapters, encoders or runs: such a file holds the language model alone, not what reads pictures. Nothing
is quantised: matrices stay in bf16, vectors become float32, so the answers are those of the merged folder. Names of
keys and tensors, and the order of the rows of q and k, are those of llama.cpp's convert_hf_to_gguf.py for "llama".
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import gguf
import torch
from safetensors.torch import load_file
from torch import Tensor

from lamm_core.errors import ConfigError
from lamm_core.model.merge import export_merged

__all__ = ["export_gguf", "write_gguf"]

ARCHITECTURE = "llama"
INSTEAD = "Export it merged, and convert that folder with llama.cpp's convert_hf_to_gguf.py."


def export_gguf(model_folder: Path, out: Path, *, modality: str, cache: Path) -> Path:
    """Fold one modality's LoRA into the language model and write it as the new file ``out``. Raises ConfigError."""
    if out.exists():
        raise ConfigError(f"{out} is there already. Name a new file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as folder:
        merged = export_merged(
            model_folder, Path(folder) / "merged", modality=modality, cache=cache, dtype=torch.bfloat16
        )
        return write_gguf(merged, out, name=f"{model_folder.parent.name} {modality}")


def write_gguf(folder: Path, out: Path, *, name: str) -> Path:
    """Write the language model in ``folder`` as ``out``. Raises ConfigError for one that this cannot express."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    _require_plain_llama(config)
    partial = out.with_name(f".{out.name}.partial")
    writer = gguf.GGUFWriter(partial, ARCHITECTURE)
    try:
        writer.add_name(name)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
        _write_shape(writer, config)
        _write_vocabulary(writer, tokenizer, settings, size=int(config["vocab_size"]))
        template = folder / "chat_template.jinja"
        if template.is_file():
            writer.add_chat_template(template.read_text(encoding="utf-8"))
        for key, tensor in _tensors(folder, config):
            kind = gguf.GGMLQuantizationType.BF16 if tensor.dim() > 1 else gguf.GGMLQuantizationType.F32
            data = gguf.quants.quantize(tensor.float().numpy(), kind)
            writer.add_tensor(key, data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        os.replace(partial, out)
    finally:
        writer.close()
        partial.unlink(missing_ok=True)
    return out


def _require_plain_llama(config: Mapping[str, Any]) -> None:
    kind = config.get("model_type")
    rope = (config.get("rope_parameters") or config.get("rope_scaling") or {}).get("rope_type", "default")
    biased = [key for key in ("attention_bias", "mlp_bias") if config.get(key)]
    if kind != ARCHITECTURE or rope != "default" or biased:
        what = f"{kind} with {rope} positions" if rope != "default" else " and ".join([str(kind), *biased])
        raise ConfigError(f"GGUF is written here for plain Llama models, and this language model is {what}. {INSTEAD}")


def _write_shape(writer: gguf.GGUFWriter, config: Mapping[str, Any]) -> None:
    heads = int(config["num_attention_heads"])
    width = int(config.get("head_dim") or config["hidden_size"] // heads)
    rope = config.get("rope_parameters") or {}
    writer.add_vocab_size(int(config["vocab_size"]))
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))


def _write_vocabulary(
    writer: gguf.GGUFWriter, tokenizer: Mapping[str, Any], settings: Mapping[str, Any], *, size: int
) -> None:
    model = tokenizer["model"]
    added = {int(one["id"]): one for one in tokenizer.get("added_tokens") or ()}
    words = {int(place): text for text, place in model["vocab"].items()}
    words |= {place: one["content"] for place, one in added.items()}
    kinds = [gguf.TokenType.UNUSED] * size
    for place in words:
        kinds[place] = gguf.TokenType.NORMAL
    for place, one in added.items():
        kinds[place] = gguf.TokenType.CONTROL if one.get("special") else gguf.TokenType.USER_DEFINED
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_splitting(tokenizer))
    writer.add_token_list([words.get(place, f"[PAD{place}]") for place in range(size)])
    writer.add_token_types(kinds)
    writer.add_token_merges([one if isinstance(one, str) else " ".join(one) for one in model["merges"]])
    places = {text: place for place, text in words.items()}
    for key, add in (
        ("bos_token", writer.add_bos_token_id),
        ("eos_token", writer.add_eos_token_id),
        ("unk_token", writer.add_unk_token_id),
        ("pad_token", writer.add_pad_token_id),
    ):
        token = settings.get(key)
        text = token.get("content") if isinstance(token, Mapping) else token
        if text in places:
            add(places[text])
    writer.add_add_bos_token(False)  # the prompt says where it begins


def _splitting(tokenizer: Mapping[str, Any]) -> str:
    """llama.cpp's name for how text is cut before pairs are merged. Raises ConfigError where it is another rule."""
    before = tokenizer.get("pre_tokenizer") or {}
    steps = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    named = tuple((one.get("type"), one.get("individual_digits", one.get("add_prefix_space"))) for one in steps)
    known: dict[Any, str] = {(("Digits", True), ("ByteLevel", False)): "smollm", (("ByteLevel", False),): "gpt-2"}
    if tokenizer["model"].get("type") != "BPE" or tokenizer.get("normalizer") or named not in known:
        raise ConfigError(f"GGUF is written here for byte-level BPE tokenizers, and this is another kind. {INSTEAD}")
    return known[named]


def _tensors(folder: Path, config: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """Tensors by their names in GGUF; the rows of q and k in the order that rotates neighbours instead of halves."""
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, int(config["num_hidden_layers"]))
    heads = int(config["num_attention_heads"])
    groups = int(config.get("num_key_value_heads") or heads)
    for path in sorted(folder.glob("model*.safetensors")):
        for key, tensor in load_file(path).items():
            if key == "lm_head.weight" and config.get("tie_word_embeddings"):
                continue
            if key.endswith(("q_proj.weight", "k_proj.weight")):
                tensor = _neighbours(tensor, heads if key.endswith("q_proj.weight") else groups)
            yield names.get_name(key, try_suffixes=(".weight",)) or key, tensor


def _neighbours(tensor: Tensor, heads: int) -> Tensor:
    """(heads * width, H): of each head's rows 0 1 2 3 | 4 5 6 7 becomes 0 4 1 5 2 6 3 7."""
    rows, columns = tensor.shape
    return tensor.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns).contiguous()
