"""The multimodal model: frozen encoders, trained projectors, one language model with a LoRA set for each modality.

Does not know decoding, optimisers or files of instructions. Legend: B batch, L tokens of a sequence, H hidden width of
the language model, n tokens of one medium.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

import torch
from huggingface_hub import ModelCard, ModelHubMixin
from peft import PeftModel
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lamm_core.config import LammConfig
from lamm_core.conversation import Media, Turn
from lamm_core.data.tokenize import PromptBuilder
from lamm_core.errors import ConfigError, MediaError
from lamm_core.modalities import modality
from lamm_core.modalities.base import Encoder, WordExamples
from lamm_core.model import checkpoint, encoding
from lamm_core.model.adapters import add_adapter
from lamm_core.model.card import Card
from lamm_core.model.cross_entropy import cross_entropy
from lamm_core.model.folders import replacing
from lamm_core.model.fusion import splice
from lamm_core.model.language import (
    context_tokens,
    hidden_states,
    language_model_folder,
    load_language_model,
)
from lamm_core.model.projector import build_projector, start_from_words
from lamm_core.model.quantize import Quantization

if TYPE_CHECKING:
    from lamm_core.data.tokenize import Rendered

__all__ = ["LammModel", "Loss"]


class Loss(NamedTuple):
    """Mean cross entropy over the labelled tokens, and how many they are."""

    loss: Tensor
    tokens: int


class LammModel(nn.Module, ModelHubMixin):
    """Composition of Hugging Face parts; build it with `build` or `from_pretrained`.

    The caller says which adapters are active, around `forward` or decoding: ``with active(model.language_model,
    model.modalities_of(turns))``.
    """

    def __init__(
        self,
        config: LammConfig,
        *,
        language_model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        encoders: Mapping[str, Encoder],
        base_folder: Path,
        card: Card | None = None,
    ) -> None:
        super().__init__()
        if not config.modalities:
            raise ConfigError("The model has no modality. Name at least one under 'modalities', for example image.")
        self.config = config
        self.base_folder = base_folder
        self.card = card or Card()
        self.tokenizer = tokenizer
        self.context_tokens = context_tokens(language_model)
        hidden = language_model.get_input_embeddings().weight.shape[1]
        wrapped: nn.Module = language_model
        for name, settings in config.modalities.items():
            wrapped = add_adapter(wrapped, name, settings.lora)
        self.language_model = cast(PeftModel, wrapped)
        self.encoders = nn.ModuleDict(cast(Any, dict(encoders)))
        self.encoders.requires_grad_(False)
        self.projectors = nn.ModuleDict(
            {
                name: build_projector(settings.projector, encoders[name].width, hidden)
                for name, settings in config.modalities.items()
            }
        )
        placeholders = {name: modality(name).placeholder for name in config.modalities}
        self.prompts = PromptBuilder(tokenizer, config.template, config.system, placeholders)
        self.encoders.to(self.device)
        self.projectors.to(self.device)
        self.eval()

    @classmethod
    def build(
        cls,
        config: LammConfig,
        *,
        cache: Path,
        device: str = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        quantize: Quantization | None = None,
    ) -> Self:
        """A model with fresh projectors and adapters. Raises ConfigError, WeightsError and MissingDependencyError."""
        encoders = {
            name: modality(name).build_encoder(settings.encoder, settings.options, cache)
            for name, settings in config.modalities.items()
        }
        folder = language_model_folder(config.language_model, cache)
        language_model, tokenizer = load_language_model(folder, device=device, dtype=dtype, quantize=quantize)
        model = cls(config, language_model=language_model, tokenizer=tokenizer, encoders=encoders, base_folder=folder)
        for name, settings in config.modalities.items():
            if settings.projector == "words":
                model._start_from_words(name, settings.encoder)
        return model

    def _start_from_words(self, name: str, encoder_name: str) -> None:
        encoder = self.encoders[name]
        if not isinstance(encoder, WordExamples):
            raise ConfigError(
                f"The encoder {encoder_name!r} does not say which words its tokens mean, so its projector cannot be "
                "'words'. Choose linear or mlp."
            )
        rows, words = encoder.word_examples()
        table = self.embeddings.weight.detach().float().cpu()
        embedded = []
        for word in words:
            ids = self.tokenizer(word, add_special_tokens=False)["input_ids"]
            if len(word) > 1 and word[0] != " ":  # it may start an answer or stand inside one
                ids += self.tokenizer(f" {word}", add_special_tokens=False)["input_ids"]
            embedded.append(table[ids].mean(0))
        start_from_words(cast(nn.Linear, self.projectors[name]), rows, torch.stack(embedded))

    @property
    def base_model(self) -> PreTrainedModel:
        """The causal language model itself, with the adapters inside its layers."""
        return cast(PreTrainedModel, self.language_model.get_base_model())

    @property
    def embeddings(self) -> nn.Embedding:
        """The input embeddings of the language model."""
        return cast(nn.Embedding, self.base_model.get_input_embeddings())

    @property
    def device(self) -> torch.device:
        """Where the language model is."""
        return self.embeddings.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """What the language model computes in; encoders, projectors and adapters stay float32."""
        return self.embeddings.weight.dtype

    def encoder(self, name: str) -> Encoder:
        """The encoder of one modality. Raises MediaError where this model does not read it."""
        if name not in self.encoders:
            readable = ", ".join(sorted(self.encoders))
            raise MediaError(f"This model cannot read {name!r}. It reads: {readable}.")
        return cast(Encoder, self.encoders[name])

    def modalities_of(self, turns: Sequence[Turn]) -> set[str]:
        """The modalities shown in a conversation: the adapters to activate."""
        return {medium.modality for turn in turns for medium in turn.media}

    def encode(self, media: Sequence[Media]) -> list[Tensor]:
        """Encoder tokens ``(n_i, width)`` in float32 of each medium, in order; files of findings are composed.

        Raises MediaError.
        """
        return encoding.encode(media, self.encoder, self.device)

    def project(self, name: str, features: Tensor) -> Tensor:
        """Carry features ``(..., width)`` of one modality to ``(..., H)`` in the language model's dtype."""
        projector = self.projectors[name]
        weight = next(projector.parameters())
        return cast(Tensor, projector(features.to(weight.device, weight.dtype))).to(self.dtype)

    def embed(
        self, rendered: Rendered, media: Sequence[Media], features: Sequence[Tensor], *, sample_id: str = ""
    ) -> Tensor:
        """Input embeddings ``(L, H)`` of a rendered prompt with its media in their places.

        ``features`` are the encoder tokens of ``media``. Raises DataError where they do not fit the prompt.
        """
        ids = torch.tensor(rendered.input_ids, device=self.device)
        names = [medium.modality for medium in media]
        projected = [self.project(name, feature) for name, feature in zip(names, features, strict=True)]
        return splice(self.embeddings(ids), rendered.slots, projected, sample_id=sample_id, modalities=names)

    def forward(self, inputs_embeds: Tensor, attention_mask: Tensor | None, labels: Tensor) -> Loss:
        """Next-token loss of ``(B, L, H)`` against labels ``(B, L)``, where -100 is not scored.

        ``attention_mask`` is ``(B, L)``, 0 at padding on either side. Logits exist only where there is a label, and
        only a chunk of them at a time.
        """
        base = self.base_model
        hidden = hidden_states(base, inputs_embeds, attention_mask)
        targets = labels[:, 1:]
        scored = targets != -100
        # Gathered to 2-D before the head: the 3-D slice made a step 1.7 times slower than computing every logit.
        chosen = hidden[:, :-1][scored]  # (N, H)
        if not len(chosen):
            return Loss(hidden.sum() * 0.0, 0)
        return Loss(cross_entropy(base, chosen, targets[scored]), len(chosen))

    def train(self, mode: bool = True) -> Self:
        """Training mode for everything but the frozen encoders, whose batch statistics must not move."""
        super().train(mode)
        self.encoders.eval()
        return self

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> str | None:
        """Write the checkpoint folder in one step; ``options`` are those of ModelHubMixin.save_pretrained.

        Raises CheckpointError where the folder holds anything but an older checkpoint.
        """
        with replacing(Path(save_directory)) as temporary:
            options.setdefault("repo_id", Path(save_directory).name)
            return cast("str | None", super().save_pretrained(temporary, **options))

    @classmethod
    def from_pretrained(
        cls,
        folder_or_hub_id: str | Path,
        *,
        cache: Path,
        device: str = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        quantize: Quantization | None = None,
        language_model: str | None = None,
        **hub_options: Any,
    ) -> Self:
        """Load a checkpoint and the base weights under it.

        ``language_model`` says where those are, if not where the checkpoint says. ``hub_options`` go to
        huggingface_hub's snapshot_download (revision, token). Raises CheckpointError where the base weights are other
        ones than the checkpoint was trained on.
        """
        folder = checkpoint.find(folder_or_hub_id, **hub_options)
        record = checkpoint.read_record(folder, language_model=language_model)
        build = {"cache": cache, "device": device, "dtype": dtype, "quantize": quantize}
        return cast(Self, super().from_pretrained(folder, record=record, build=build))

    def _save_pretrained(self, save_directory: Path) -> None:
        checkpoint.write_parts(save_directory, checkpoint.parts_of(self))

    @classmethod
    def _from_pretrained(
        cls, *, model_id: str, record: checkpoint.Record, build: Mapping[str, Any], **unused: Any
    ) -> Self:
        model = cls.build(record.config, **build)
        checkpoint.load_into(model, Path(model_id), record)
        return model

    def generate_model_card(self, *unused: Any, **unused_options: Any) -> ModelCard:
        """The card that `save_pretrained` writes beside the weights."""
        record = checkpoint.record_of(self)
        return ModelCard(self.card.render(record.config, record.base_sha256))
