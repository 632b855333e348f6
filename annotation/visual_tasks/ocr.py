"""Reading a word: its letters in capitals as the answer.

Does not know fonts or how the word was photographed.
"""

from __future__ import annotations

import random

from annotation.visual_tasks.picture import Exchange, Picture
from annotation.visual_tasks.wordings import Wordings

__all__ = ["WORDINGS", "read_word"]

WORDINGS = Wordings(
    direct=(
        "What does it say?",
        "Read the word.",
        "What word is this?",
        "What is written here?",
        "Which word do you see?",
        "Read the text in the image.",
        "What is the text?",
        "Transcribe the word.",
        "Spell out the word in the picture.",
        "What is the word in the photo?",
        "Please read this.",
        "Which letters and digits are shown?",
        "Recognise the text.",
        "What text is in the picture?",
        "Can you read this sign?",
        "Type out what is written.",
        "Give the text of this image.",
        "What does the sign say?",
        "Read it out.",
        "Tell me the word that is written here.",
        "Extract the text.",
        "What can be read in the image?",
        "Which word is in the image?",
        "Copy the text you see.",
        "Write down the word.",
        "Decipher the writing.",
        "What is printed here?",
    ),
    held_out=(
        "What word is written in this picture?",
        "Read the writing in the photo.",
        "What are the words in the image?",
        "You are an assistant that recognises text in pictures. The answer should be the words. "
        "Which words does the image contain?",
    ),
    roles=(
        "You are a visual assistant that reads text in pictures.",
        "Optical character recognition means telling which characters a picture shows.",
        "You can read signs, covers and posters.",
        "The task is to read a word cut out of a photo.",
        "Your job is to recognise text.",
        "As a reader of scene text, look at each letter.",
    ),
    formats=(
        "Answer with the word in capitals.",
        "Give the word only.",
        "The answer should be the word.",
        "Output the characters, without punctuation.",
        "Reply with the text alone.",
    ),
    long_share=0.25,
)


def read_word(picture: Picture, rng: random.Random, *, unseen: float = 0.0) -> Exchange:
    """The word, in capitals."""
    assert picture.word is not None
    return Exchange(WORDINGS.ask(rng, unseen=unseen), picture.word.upper(), "VQA")
