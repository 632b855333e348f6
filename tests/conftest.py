"""Small real models and files that every test may use: a random language model, a random CLIP, a picture.

Does not know what is tested; nothing here is downloaded, and the hub is switched off for the whole run.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful test model<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CORPUS = [
    "What is in the picture? There is a dog at [0.10, 0.20, 0.50, 0.90].",
    "The picture shows a person and a red car. How many cells are there? There are three.",
    "system user assistant The word reads HOTEL. A photo of a cat.",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A browser that a busy machine starved gets a second chance; the summary then says RERUN."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests share the machine; on models this small more threads only wait for each other."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_lm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama (hidden 64, 2 layers, tied) with a byte-level tokenizer and ChatML as in SmolLM2."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-lm")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    backend.train_from_iterator(
        CORPUS * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        model_max_length=512,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=64,
                intermediate_size=128,
                num_hidden_layers=2,
                num_attention_heads=4,
                num_key_value_heads=2,
                max_position_embeddings=512,
                bos_token_id=1,
                eos_token_id=2,
                pad_token_id=2,
                tie_word_embeddings=True,
                # larger than usual, so that a random model's logits differ clearly and greedy choices are stable
                initializer_range=0.1,
            )
        )
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random CLIP vision tower (hidden 32, 2 layers, 16 patches of 8 px) with its image processor's configuration."""
    import torch
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    folder = tmp_path_factory.mktemp("tiny-clip")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = CLIPVisionModel(
            CLIPVisionConfig(
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=4,
                image_size=32,
                patch_size=8,
            )
        )
    model.save_pretrained(folder)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A 48 by 40 px RGB picture: a red square on a gradient."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:40, 0:48]
    pixels = np.stack([columns * 4, rows * 5, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
    pixels[10:26, 12:30] = (220, 30, 30)
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (40, 50, 220)}


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LAMM JSON file of 48 pictures of one colour each, with answers of different lengths."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("squares")
    choose = random.Random(0)
    records = []
    for index in range(48):
        name = choose.choice(list(COLOURS))
        shade = tuple(value + choose.randint(-20, 20) for value in COLOURS[name])
        Image.new("RGB", (32, 32), shade).save(folder / f"{index}.png")
        answer = f"It is {name}." + " Yes." * choose.randint(0, 3)
        turns = [{"from": "human", "value": "Which colour?"}, {"from": "gpt", "value": answer}]
        records.append({"id": f"square-{index}", "image": f"{index}.png", "conversations": turns})
    path = folder / "squares.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


@pytest.fixture
def make_recipe(squares: Path, tiny_lm_folder: Path, tiny_clip_folder: Path) -> Callable[..., Any]:
    """A recipe on tiny models and coloured squares; keyword arguments replace its settings."""

    from lamm_core.training.recipe import TrainingRecipe

    def make(**settings: Any) -> Any:
        values: dict[str, Any] = {
            "model": {
                "language_model": str(tiny_lm_folder),
                "modalities": {"image": {"encoder": f"hub:{tiny_clip_folder}", "lora": {"r": 4, "alpha": 8}}},
            },
            "data": [{"path": str(squares)}],
            "eval_fraction": 0.15,
            "batch_tokens": 256,
            "learning_rate": 5e-3,
            "max_steps": 12,
            "eval_steps": 6,
            "precision": "fp32",
        }
        return TrainingRecipe.from_dict(values | settings)

    return make
