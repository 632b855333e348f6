"""Samples a second of our training loop beside LLaMA-Factory's: same pictures, words, model, LoRA and batches.

Does not know what is a good answer. LLaMA-Factory trains models that transformers has a class for, so the model is a
LLaVA of SmolLM2-135M, a random CLIP tower of 49 patches and a two-layer projector; both sides start from its weights.
It wants other versions of our libraries, so it lives in an environment of its own:

    python -m venv OWN && OWN/bin/pip install llamafactory==0.9.5
    python benchmarks/llama_factory.py OWN/bin/python [--cache FOLDER] [--seconds 30]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import training
from benchmarks.training import BATCH, COLOURS, DEFAULT_CACHE, SAME_STEPS, losses_of_ours, measure_ours
from lamm_core.conversation import Media, Sample, Turn
from lamm_core.data.instructions import write_records
from lamm_core.training.recipe import TrainingRecipe
from lamm_core.training.trainer import build_model

SIDE, PATCH, WIDTH = 112, 16, 256
SLOT = "<filename>"  # a token of SmolLM2's that stands for a picture here; no text of ours has it

# What runs there: our prompt's form as a template of theirs, and a clock.
THEIRS = """
import json, sys, time
from transformers import TrainerCallback
from llamafactory.data.formatter import StringFormatter
from llamafactory.data.mm_plugin import get_mm_plugin
from llamafactory.data.template import register_template
from llamafactory.train.tuner import run_exp
register_template(
    name="lamm",
    format_user=StringFormatter(slots=["<|im_start|>user\\n{{content}}<|im_end|>\\n<|im_start|>assistant\\n"]),
    format_assistant=StringFormatter(slots=["{{content}}<|im_end|>"]),
    mm_plugin=get_mm_plugin(name="llava", image_token=sys.argv[2]),
)
settings = json.load(open(sys.argv[1]))
seconds, times, losses = settings.pop("seconds"), [], []
class Clock(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        times.append((time.perf_counter(), time.process_time()))
        control.should_training_stop = times[-1][0] - times[0][0] >= seconds
    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in logs:
            losses.append(float(logs["loss"]))
run_exp(settings, [Clock()])
json.dump({"times": times, "losses": losses}, open(sys.argv[3], "w"))
"""


def draw(folder: Path, count: int) -> list[Sample]:
    """Pictures of one colour, already as large as the tower wants them, with answers of many lengths."""
    choose = random.Random(0)
    samples = []
    for index in range(count):
        colour = choose.choice(COLOURS)
        Image.new("RGB", (SIDE, SIDE), colour).save(folder / f"{index}.png")
        answer = f"It is {colour}." + f" There is nothing in it but {colour}." * choose.choice((0, 0, 1, 2, 4, 8))
        media = (Media("image", folder / f"{index}.png"),)
        samples.append(Sample(str(index), (Turn("user", "Which colour is it?", media), Turn("assistant", answer))))
    return samples


def write_tower(folder: Path) -> None:
    """A random CLIP tower with its processor."""
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=6, num_attention_heads=4,
        image_size=SIDE, patch_size=PATCH,
    )  # fmt: skip
    CLIPVisionModel(config).save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def write_llava(recipe: TrainingRecipe, cache: Path, tower: Path, folder: Path) -> None:
    """The model that our side starts from, as transformers' LLaVA."""
    from transformers import (
        AutoTokenizer,
        CLIPImageProcessor,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    ours = build_model(recipe, cache=cache)
    tokenizer = AutoTokenizer.from_pretrained(cache / "smollm2-135m-instruct")
    network: Any = ours.encoder("image").network  # type: ignore[attr-defined]
    text = ours.base_model.config
    config = LlavaConfig(
        vision_config=network.config, text_config=text, image_token_id=tokenizer.convert_tokens_to_ids(SLOT),
        vision_feature_layer=-1, vision_feature_select_strategy="default", image_seq_length=(SIDE // PATCH) ** 2,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config).to(torch.bfloat16)
    plain = {name: value for name, value in ours.base_model.state_dict().items() if "lora_" not in name}
    plain = {name.replace(".base_layer", "").removeprefix("model."): value for name, value in plain.items()}
    model.model.language_model.load_state_dict({k: v for k, v in plain.items() if not k.startswith("lm_head")})
    tower_weights = {name.removeprefix("vision_model."): value for name, value in network.state_dict().items()}
    vision = model.model.vision_tower
    getattr(vision, "vision_model", vision).load_state_dict(tower_weights)
    first, last = ours.projectors["image"][0], ours.projectors["image"][2]
    model.model.multi_modal_projector.linear_1.load_state_dict(first.state_dict())
    model.model.multi_modal_projector.linear_2.load_state_dict(last.state_dict())
    model.save_pretrained(folder)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor.from_pretrained(tower), tokenizer=tokenizer, patch_size=PATCH,
        vision_feature_select_strategy="default", image_token=SLOT, num_additional_image_tokens=1,
    )  # fmt: skip
    processor.save_pretrained(folder)


def recipe_for(data: Path, tower: Path) -> TrainingRecipe:
    """What both sides train."""
    model = {
        "language_model": "smollm2-135m-instruct",
        "modalities": {"image": {"encoder": f"hub:{tower}", "projector": "mlp"}},
    }
    return TrainingRecipe.from_dict({**training.recipe_for(data).to_dict(), "model": model, "schedule": "linear"})


def measure_theirs(recipe: TrainingRecipe, samples: list[Sample], folder: Path, python: str, seconds: float) -> Any:
    """LLaMA-Factory over the samples in the order of their file."""
    assert not isinstance(recipe.model, str)
    lora = recipe.model.modalities["image"].lora
    records = [
        {
            "messages": [
                {"role": "user", "content": f"<image>\n{one.turns[0].text}"},
                {"role": "assistant", "content": one.turns[1].text},
            ],
            "images": [str(one.media[0].path)],
        }
        for one in samples
    ]
    (folder / "theirs.json").write_text(json.dumps(records))
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    columns = {"messages": "messages", "images": "images"}
    about = {"file_name": "theirs.json", "formatting": "sharegpt", "columns": columns, "tags": tags}
    (folder / "dataset_info.json").write_text(json.dumps({"shapes": about}))
    settings = {
        "seconds": seconds, "model_name_or_path": str(folder / "llava"), "stage": "sft", "do_train": True,
        "finetuning_type": "lora", "lora_rank": lora.r, "lora_alpha": lora.alpha, "lora_dropout": 0.0,
        "lora_target": ",".join(lora.targets), "additional_target": "multi_modal_projector",
        "dataset": "shapes", "dataset_dir": str(folder), "template": "lamm", "cutoff_len": 1024,
        "disable_shuffling": True, "output_dir": str(folder / "out"), "overwrite_output_dir": True,
        "per_device_train_batch_size": BATCH, "max_steps": 1000, "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "constant", "weight_decay": recipe.weight_decay, "max_grad_norm": recipe.clip,
        "adam_beta1": 0.9, "adam_beta2": 0.95, "optim": "adamw_torch_fused", "bf16": True, "use_cpu": True,
        "report_to": "none", "save_strategy": "no", "logging_steps": 1, "disable_gradient_checkpointing": True,
        "dataloader_pin_memory": False, "preprocessing_num_workers": 1, "image_max_pixels": SIDE * SIDE,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "theirs.py").write_text(THEIRS)
    environment = os.environ | {"DISABLE_VERSION_CHECK": "1", "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [python, folder / "theirs.py", folder / "settings.json", SLOT, folder / "found.json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"LLaMA-Factory ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return json.loads((folder / "found.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("python", help="the Python of the environment that has llamafactory")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where the weights are")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each side is measured, at most 40")
    options = parser.parse_args()
    seconds = min(options.seconds, 40.0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = draw(folder, 192)
        data = folder / "shapes.json"
        write_records(samples, data, media_root=folder)
        write_tower(folder / "tower")
        recipe = recipe_for(data, folder / "tower")
        write_llava(recipe, options.cache, folder / "tower", folder / "llava")
        found = measure_theirs(recipe, samples, folder, options.python, seconds)
        times = found["times"]
        clock, processor = (last - first for first, last in zip(times[0], times[-1], strict=True))
        theirs = BATCH * (len(times) - 1) / clock
        print(f"LLaMA-Factory: {theirs:.2f} samples/s over {len(times) - 1} steps", flush=True)
        measured = measure_ours(recipe, folder, options.cache, seconds)
        ours = measured["samples_per_second"]
        processor_ratio = measured["samples_per_processor_second"] * processor / (BATCH * (len(times) - 1))
        print(f"ours: {ours:.2f} samples/s", flush=True)
        losses, _ = losses_of_ours(recipe, options.cache, SAME_STEPS)
    print(
        json.dumps(
            {
                "ratio": round(ours / theirs, 2),
                "processor_ratio": round(processor_ratio, 2),
                "ours": round(ours, 2),
                "llama_factory": round(theirs, 2),
                "unit": "samples/s",
                "losses": [round(one, 4) for one in losses],
                "losses_of_llama_factory": [round(one, 4) for one in found["losses"][:SAME_STEPS]],
            }
        )
    )


if __name__ == "__main__":
    main()
