"""The memory estimate beside what small models really take, point by point, as JSON lines.

Does not know the page. Each point is a process of its own: `python benchmarks/memory.py` runs the grid, and
`python benchmarks/memory.py 3` its fourth point. Measured is the peak of all tensors, weights included; what a process
takes besides them, libraries and the allocator's gaps, is in neither number.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

GRID: tuple[dict[str, Any], ...] = (
    {"hidden": 512, "inner": 1536, "layers": 6, "samples": 4, "length": 512},
    {"hidden": 512, "inner": 1536, "layers": 6, "samples": 4, "length": 512, "gradient_checkpointing": True},
    {"hidden": 512, "inner": 1536, "layers": 6, "samples": 8, "length": 256},
    {"hidden": 768, "inner": 2048, "layers": 8, "samples": 2, "length": 512},
    {"hidden": 512, "inner": 1536, "layers": 6, "samples": 2, "length": 512, "precision": "fp32"},
    {"hidden": 768, "inner": 2048, "layers": 8, "samples": 2, "length": 512, "quantize": "nf4", "dropout": 0.1},
    {"hidden": 512, "inner": 1536, "layers": 6, "samples": 4, "length": 512, "dropout": 0.1},
    {"hidden": 512, "inner": 1024, "layers": 4, "samples": 2, "length": 512, "vocabulary": 32000},
    {"hidden": 1024, "inner": 2816, "layers": 12, "samples": 1, "length": 512, "rank": 64},
)


def language_model(folder: Path, point: dict[str, Any]) -> None:
    """A random Llama with a tokenizer of bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {text: index for index, text in enumerate(["<|endoftext|>", "<|im_start|>", "<|im_end|>", *alphabet])}
    backend = Tokenizer(models.BPE(vocab=words, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>"
    )
    tokenizer.chat_template = (
        "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
        " + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=point.get("vocabulary", 512),
        hidden_size=point["hidden"],
        intermediate_size=point["inner"],
        num_hidden_layers=point["layers"],
        num_attention_heads=point["hidden"] // 64,
        num_key_value_heads=point.get("key_heads", point["hidden"] // 128),
        max_position_embeddings=2048,
        tie_word_embeddings=False,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


def vision_tower(folder: Path) -> None:
    """A random CLIP of 64 patches."""
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
    CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=64, patch_size=8)).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}).save_pretrained(folder)


def measure(point: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Estimate and measure one point; the process is only for it."""
    import torch

    from lamm_core.data.collate import Batch
    from lamm_core.training import trainer
    from lamm_core.training.memory import BatchShape, EncoderSizes, LanguageSizes, estimate
    from lamm_core.training.probe import probe
    from lamm_core.training.recipe import TrainingRecipe

    language_model(folder / "lm", point)
    vision_tower(folder / "clip")
    rank = point.get("rank", 16)
    lora = {"r": rank, "alpha": rank, "dropout": point.get("dropout", 0.0)}
    modality = {"encoder": f"hub:{folder / 'clip'}", "projector": "linear", "lora": lora}
    recipe = TrainingRecipe.from_dict(
        {
            "model": {"language_model": str(folder / "lm"), "modalities": {"image": modality}},
            "data": [{"path": "none.json"}],
            **{key: point[key] for key in ("precision", "quantize", "gradient_checkpointing") if key in point},
        }
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    model = trainer.build_model(recipe, cache=folder, device=device)
    samples, length, media = point["samples"], point["length"], 64
    ids = torch.randint(3, 256, (samples, length))
    labels = ids.clone()
    labels[:, : length // 2] = -100
    rows = torch.arange(samples)[:, None] * length + 8 + torch.arange(media)[None]
    batch = Batch(
        tuple(map(str, range(samples))), ("image",), ids, labels,
        {"image": torch.randn(samples * media, 64)}, {"image": rows.flatten()},
        int((labels != -100).sum()), ids.numel(),
    )  # fmt: skip
    probed = probe(recipe, model, batch)
    encoder = EncoderSizes(sum(one.numel() for one in model.encoders.parameters()), 64, media)
    sizes = LanguageSizes.from_config(json.loads((folder / "lm" / "config.json").read_text(encoding="utf-8")))
    shape = BatchShape(ids.numel(), samples * media, batch.label_tokens)
    assert not isinstance(recipe.model, str)
    guess = estimate(recipe, recipe.model, sizes, shape, device=device, encoders={"image": encoder})
    allowances = sum(value for name, value in guess.parts.items() if "allowance" in name)
    estimated, measured = guess.total - allowances, probed.peak_bytes
    return {
        "point": point,
        "device": device,
        "estimated_mb": round(estimated / 1e6, 1),
        "measured_mb": round(measured / 1e6, 1),
        "ratio": round(estimated / measured, 3),
        "step_seconds": round(probed.step_seconds, 2),
        "parts_mb": {name: round(value / 1e6, 1) for name, value in guess.parts.items()},
    }


def main() -> None:
    """Run the grid, or one point of it."""
    if len(sys.argv) > 1:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(GRID[int(sys.argv[1])], Path(folder))))
        return
    for number in range(len(GRID)):
        subprocess.run([sys.executable, __file__, str(number)], check=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    main()
