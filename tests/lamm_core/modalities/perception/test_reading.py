"""Word crops and how letters are read out of the columns' votes."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from lamm_core.modalities.perception.reading import ReadingStream, fit_crop, letters
from lamm_core.names import CHARACTERS


def votes(columns: str) -> Tensor:
    """A table in which each column votes for one character, "-" for none."""
    table = torch.full((len(columns), len(CHARACTERS) + 1), 0.001)
    for place, sign in enumerate(columns):
        table[place, len(CHARACTERS) if sign == "-" else CHARACTERS.index(sign)] = 0.9
    return table.log()


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ("CAT", "CAT"),
        ("--CC-AAA--T-", "CAT"),
        ("LLL-LL", "LL"),
        ("HELL-LO", "HELLO"),
        ("BOO-OK", "BOOK"),
        ("AABBAA", "ABA"),
        ("---", ""),
        ("Z99", "Z9"),
    ],
)
def test_repeats_are_one_letter_and_blanks_part_doubles(columns: str, word: str) -> None:
    assert "".join(CHARACTERS[letter.character] for letter in letters(votes(columns))) == word


def test_a_letter_knows_its_columns_and_its_best_vote() -> None:
    table = votes("-AA-B")
    table[2, 0] = torch.tensor(0.95).log()
    first, second = letters(table)
    assert (first.columns, second.columns) == ((1, 3), (4, 5))
    assert first.probability == pytest.approx(0.95)


@pytest.mark.parametrize(("size", "filled"), [((1, 1000), 20), ((1000, 1), 128), ((1, 1), 42), ((64, 32), 83)])
def test_crops_of_any_shape_have_one_size(size: tuple[int, int], filled: int) -> None:
    picture = Image.new("RGB", size, (200, 100, 50))
    picture.putpixel((0, 0), (0, 0, 0))
    crop = fit_crop(picture)
    assert crop.size == (128, 32)
    rest = crop.crop((filled, 0, 128, 32)).getcolors() if filled < 128 else []
    assert rest is not None and len(rest) <= 1  # the mean colour fills what the word leaves


def test_the_stream_gives_a_distribution_for_each_column() -> None:
    torch.manual_seed(0)
    stream = ReadingStream(None).eval()
    with torch.no_grad():
        table, features = stream(torch.randn(2, 3, 32, 128))
    assert table.shape == (2, 32, 37) and features.shape == (2, 32, 256)
    torch.testing.assert_close(table.exp().sum(-1), torch.ones(2, 32))
    frozen = {name for name, value in stream.named_parameters() if not value.requires_grad}
    assert frozen and all(name.startswith("bottom.") or "depthwise" in name for name in frozen)
