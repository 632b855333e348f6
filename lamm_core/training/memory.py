"""How much memory a training step takes, estimated part by part: no model is loaded for it.

Does not know data or devices; whoever asks says how large a batch is. Counted are the language model (16 bit or nf4),
encoders, projectors, one LoRA set for each modality with its gradients and AdamW's two moments, and what one step keeps
for its backward pass, media tokens included. benchmarks/memory.py holds it against what small models really take.
Legend: H hidden width, I inner width, Q and K widths of queries and of keys, r rank, b bytes of a value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lamm_core.backbones import BACKBONES, resolve_language_model
from lamm_core.config import LammConfig, LoraSettings
from lamm_core.errors import ConfigError
from lamm_core.training.recipe import TrainingRecipe

__all__ = [
    "ENCODERS",
    "SIZES",
    "BatchShape",
    "Device",
    "EncoderSizes",
    "LanguageSizes",
    "MemoryEstimate",
    "estimate",
    "sizes_of",
    "worst_batch",
]

Device = Literal["cpu", "cuda"]

NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)  # four bits, an 8-bit scale for 64 values, a 32-bit one for 256 scales
TRAINED_BYTES = 4 + 4 + 8  # float32 weight, gradient, AdamW's moments
CUDA_CONTEXT = 0.6e9  # context and libraries' workspaces; 0.4 to 0.8 GB by driver
FRAGMENTATION = 0.05  # of what a step takes, lost between the allocator's blocks


@dataclass(frozen=True)
class LanguageSizes:
    """The shape of a language model of Llama's kind."""

    hidden: int
    layers: int
    inner: int
    heads: int
    key_heads: int
    head_width: int
    vocabulary: int
    tied: bool

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> LanguageSizes:
        """Out of transformers' config.json. Raises ConfigError for a model of another kind."""
        text = values.get("text_config") or values
        try:
            hidden, heads = int(text["hidden_size"]), int(text["num_attention_heads"])
            return cls(
                hidden,
                int(text["num_hidden_layers"]),
                int(text["intermediate_size"]),
                heads,
                int(text.get("num_key_value_heads") or heads),
                int(text.get("head_dim") or hidden // heads),
                int(text["vocab_size"]),
                bool(text.get("tie_word_embeddings", values.get("tie_word_embeddings", False))),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(
                f"The memory of this language model cannot be estimated: config.json lacks {error}. "
                "The measured probe of `lamm train --check --probe` works for every model."
            ) from error

    @property
    def queries(self) -> int:
        """Width of all queries."""
        return self.heads * self.head_width

    @property
    def keys(self) -> int:
        """Width of all keys."""
        return self.key_heads * self.head_width

    @property
    def linear_parameters(self) -> int:
        """Weights of the layers' matrices: what nf4 packs."""
        attention = 2 * self.hidden * self.queries + 2 * self.hidden * self.keys
        return self.layers * (attention + 3 * self.hidden * self.inner)

    @property
    def other_parameters(self) -> int:
        """Embeddings, head and norms: they keep their 16 bits."""
        tables = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return tables + (2 * self.layers + 1) * self.hidden

    def lora_parameters(self, lora: LoraSettings) -> int:
        """Weights of one LoRA set. Raises ConfigError for a layer that such a model does not have."""
        shapes = {
            "q_proj": (self.hidden, self.queries),
            "k_proj": (self.hidden, self.keys),
            "v_proj": (self.hidden, self.keys),
            "o_proj": (self.queries, self.hidden),
            "gate_proj": (self.hidden, self.inner),
            "up_proj": (self.hidden, self.inner),
            "down_proj": (self.inner, self.hidden),
        }
        if unknown := sorted(set(lora.targets) - set(shapes)):
            raise ConfigError(f"lora.targets names {', '.join(unknown)}; known are {', '.join(shapes)}.")
        return self.layers * lora.r * sum(sum(shapes[target]) for target in lora.targets)


@dataclass(frozen=True)
class EncoderSizes:
    """An encoder: its weights, the width of its tokens and how many a medium takes at most."""

    parameters: int
    width: int
    tokens: int


# Known without asking anybody; a folder that is on this machine is read instead. Llama 2's and Vicuna's shapes are
# those of their config.json, CLIP's weights those of its vision tower.
SIZES: Mapping[str, LanguageSizes] = {
    "lmsys/vicuna-7b-v1.5": LanguageSizes(4096, 32, 11008, 32, 32, 128, 32000, tied=False),
    "lmsys/vicuna-13b-v1.5": LanguageSizes(5120, 40, 13824, 40, 40, 128, 32000, tied=False),
    "smollm2-135m-instruct": LanguageSizes(576, 30, 1536, 9, 3, 64, 49152, tied=True),
}
ENCODERS: Mapping[str, EncoderSizes] = {
    "hub:openai/clip-vit-large-patch14": EncoderSizes(303_179_776, 1024, 256),
    "perception": EncoderSizes(10_600_000, 640, 160),
    "scene": EncoderSizes(0, 256, 64),
}
UNKNOWN_ENCODER = EncoderSizes(90_000_000, 768, 256)


@dataclass(frozen=True)
class BatchShape:
    """One batch: tokens with padding, media tokens among them, and tokens that are learned."""

    tokens: int
    media_tokens: int
    labelled: int


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes by part, in the order in which they are taken."""

    parts: Mapping[str, float]
    device: Device
    batch: BatchShape

    @property
    def total(self) -> float:
        """All parts together."""
        return sum(self.parts.values())


def sizes_of(language_model: str, cache: Path) -> LanguageSizes | None:
    """The shape of a language model that is on this machine or well known; None where nobody knows."""
    if language_model in SIZES:
        return SIZES[language_model]
    if language_model in BACKBONES and not (cache / language_model).is_dir():
        return None
    config = Path(resolve_language_model(language_model, cache)).expanduser() / "config.json"
    if not config.is_file():
        return None
    return LanguageSizes.from_config(json.loads(config.read_text(encoding="utf-8")))


def worst_batch(recipe: TrainingRecipe, config: LammConfig, *, context: int = 2048) -> BatchShape:
    """The largest batch that the recipe allows, whatever the data: everything as long as it may be."""
    longest = recipe.max_tokens or context
    tokens = longest * recipe.batch_size if recipe.batch_size else max(recipe.batch_tokens or 0, longest)
    if recipe.batch_size and recipe.batch_tokens:
        tokens = max(longest, min(tokens, recipe.batch_tokens))
    samples = max(1, tokens // longest)
    media = max(ENCODERS.get(one.encoder, UNKNOWN_ENCODER).tokens for one in config.modalities.values()) * samples
    media = min(media, tokens // 2)
    return BatchShape(tokens, media, tokens - media)


def estimate(
    recipe: TrainingRecipe,
    config: LammConfig,
    sizes: LanguageSizes,
    batch: BatchShape,
    *,
    device: Device = "cuda",
    encoders: Mapping[str, EncoderSizes] | None = None,
) -> MemoryEstimate:
    """What a step of this recipe takes at its peak. ``encoders`` by modality, where they are known better."""
    from lamm_core.model.cross_entropy import chunk_rows  # brings torch, which reading recipes does without

    known = {
        name: (encoders or {}).get(name) or ENCODERS.get(one.encoder, UNKNOWN_ENCODER)
        for name, one in config.modalities.items()
    }
    bytes_each = 2 if recipe.precision == "bf16" else 4
    packed = NF4_BYTES if recipe.quantize == "nf4" else bytes_each
    lora = sum(sizes.lora_parameters(one.lora) for one in config.modalities.values())
    projectors = sum(
        _projector(one.projector, known[name].width, sizes.hidden) for name, one in config.modalities.items()
    )
    ranks = max(one.lora.r * len(one.lora.targets) for one in config.modalities.values())
    dropout = any(one.lora.dropout > 0 for one in config.modalities.values())
    fused = device == "cpu" and not dropout and recipe.quantize is None
    layer = _layer_bytes(sizes, bytes_each, ranks, fused=fused, dropout=dropout)
    # Where the backward pass begins, all of the forward's values are there, and one more layer's or the head's.
    # Logits come in chunks: as they are, in float32, their logarithms, and the gradient of both.
    rows = min(batch.labelled, chunk_rows(sizes.vocabulary, device))
    head = rows * sizes.vocabulary * (2 * bytes_each + 12) + 3 * batch.labelled * sizes.hidden * bytes_each
    working: float = batch.tokens * (4 * sizes.inner + 4 * sizes.hidden) * bytes_each
    if recipe.quantize == "nf4":
        working += 2 * bytes_each * sizes.hidden * sizes.inner  # a matrix unpacked, for the product
    stream = sizes.hidden * bytes_each
    if recipe.gradient_checkpointing:
        kept: float = batch.tokens * (sizes.layers * stream)
        working += batch.tokens * layer
    else:
        kept = batch.tokens * sizes.layers * layer
    share = batch.media_tokens / batch.tokens if batch.tokens else 0.0
    parts: dict[str, float] = {
        "language model": sizes.linear_parameters * packed + sizes.other_parameters * bytes_each,
        "encoders": 4.0 * sum(one.parameters for one in known.values()),
        "projectors, with gradients and optimiser": float(TRAINED_BYTES * projectors),
        "LoRA, with gradients and optimiser": float(TRAINED_BYTES * lora),
        "kept for the backward pass: text": kept * (1 - share),
        "kept for the backward pass: media": kept * share,
        "working space of the backward pass": float(max(head, working)),
    }
    if device == "cuda":
        moving = sum(value for name, value in parts.items() if "backward" in name)
        parts["fragmentation (allowance)"] = FRAGMENTATION * moving
        parts["CUDA context (allowance)"] = CUDA_CONTEXT
    return MemoryEstimate(parts, device, batch)


def _projector(kind: str, width: int, hidden: int) -> int:
    first = width * hidden + hidden
    return first + (hidden * hidden + hidden if kind == "mlp" else 0)


def _layer_bytes(sizes: LanguageSizes, b: int, ranks: int, *, fused: bool, dropout: bool) -> float:
    """What one layer keeps of one token. Its matrices are frozen, so only LoRA keeps their input.

    Kept are the two norms' inputs (in float32 by transformers' own code, as they come by ours), LoRA's inputs (with
    dropout, a copy and a mask for each of q, k and v), q, k, v and the attention's result, and three inner values of
    the gated part.
    """
    norms = 2 * sizes.hidden * (b if fused else 4)
    inputs = sizes.hidden * b + (3 * sizes.hidden * (b + 1) if dropout else 0)
    attention = (sizes.queries + 2 * sizes.keys) * b + sizes.queries * b * (1 if fused else 2)
    if dropout:
        attention += sizes.queries * (b + 1)
    return norms + inputs + attention + 3 * sizes.inner * b + ranks * b
