"""What docs/adding-a-modality.md says is code, and it runs: one file, one line, and a model that answers."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import lamm_core.data.instructions
from lamm_core.errors import ConfigError, MediaError

PAGE = Path(__file__).resolve().parents[3] / "docs" / "adding-a-modality.md"


@pytest.fixture
def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def instructions(example: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The reader of training records as it is where the line stands in the list."""
    yield importlib.reload(lamm_core.data.instructions)
    monkeypatch.undo()
    importlib.reload(lamm_core.data.instructions)


def test_a_model_of_the_example_encodes_and_answers(
    example: ModuleType, blocks: list[str], sound_file: Path, tiny_lm_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(blocks) == 3
    monkeypatch.chdir(sound_file.parent)
    code = blocks[2].replace("smollm2-135m-instruct", str(tiny_lm_folder))
    assert code != blocks[2]
    values: dict[str, object] = {}
    exec(compile(code, str(PAGE), "exec"), values)
    tokens, answer = values["tokens"], values["answer"]
    assert isinstance(tokens, torch.Tensor) and tokens.shape == (10, 64)
    assert isinstance(answer, str) and answer


def test_the_examples_tokens_hear_what_is_in_the_file(example: ModuleType, sound_file: Path, tmp_path: Path) -> None:
    encoder = example.SOUND.build_encoder("spectrogram", {}, tmp_path)
    (tokens,) = encoder.encode([encoder.prepare(example.SOUND.load(sound_file))])
    silent, loud = tokens[:5], tokens[5:]
    assert float(silent.max()) < -11
    assert float(loud.max(1).values.min()) > 0
    band = int(loud.mean(0).argmax())
    edges = torch.logspace(torch.tensor(50.0).log10().item(), torch.tensor(8000.0).log10().item(), 65)
    assert float(edges[band]) <= 1000 < float(edges[band + 1]) * 1.05


def test_the_example_says_what_it_cannot_open(example: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "noise.wav").write_bytes(b"RIFF and nothing")
    for name in ("noise.wav", "missing.wav"):
        with pytest.raises(MediaError, match=rf"{name} cannot be opened as sound .* expected a WAV file"):
            example.SOUND.load(tmp_path / name)
    with pytest.raises(ConfigError, match="Did you mean 'spectrogram'"):
        example.SOUND.memory("spectrograms")


def test_training_records_of_the_example_are_read_and_written(instructions: ModuleType, tmp_path: Path) -> None:
    record = {
        "id": "1",
        "sound": "knock.wav",
        "image": "door.png",
        "conversations": [
            {"from": "human", "value": "<image> opens with <sound>?"},
            {"from": "gpt", "value": "Yes."},
        ],
    }
    path = tmp_path / "records.json"
    path.write_text(json.dumps([record]))
    samples = list(instructions.read_samples(path))
    assert [medium.modality for medium in samples[0].media] == ["image", "sound"]
    assert instructions.write_records(samples, tmp_path / "again.json", media_root=tmp_path) == 1
    again = json.loads((tmp_path / "again.json").read_text())[0]
    assert {key: again[key] for key in record} == record
