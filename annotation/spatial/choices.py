"""Multiple choice as LAMM asks it: a question, options (A), (B) ..., one of them right.

Does not know pictures or clouds; the right letter is as often A as any other.
"""

from __future__ import annotations

from annotation.spatial.comparing import either_way, which_of_two
from annotation.spatial.counting import WORDINGS
from annotation.spatial.references import any_reference, simple
from annotation.spatial.speaker import Speaker
from annotation.visual_tasks.picture import Exchange
from annotation.visual_tasks.wordings import Wordings

__all__ = ["LETTERS", "WORDINGS_OF_CHOICES", "choose", "choose_side"]

KIND = "VQA3d"
LETTERS = "ABCDEF"
WORDINGS_OF_CHOICES = Wordings(
    direct=(
        "{question}\nOptions: {inline}", "{question}\nOptions: {inline}\n", "{question} {inline}",
        "{question}\n{lines}",
        "{question}\nOptions:\n{lines}", "{question}\nChoices: {inline}",
        "Question: {question}\nOptions: {inline}\nAnswer:",
        "{question} Options: {inline} Which one?", "{question}\nChoose from: {inline}",
        "{question}\n{inline}\nThe answer is one of these.", "{question}\nWhich is right? {inline}",
    ),
    held_out=("{question}\nSelect one of the following: {inline}", "{question}\nAnswers to pick from:\n{lines}"),
    roles=(
        "You are a visual assistant that answers questions about a 3D scan.",
        "Given a point cloud, a question and several options, choose the right option.",
        "The task is multiple choice question answering about a 3D scene.",
        "You can analyse a point cloud.",
    ),
    formats=(
        "Answer with the text of the option.", "Choose the best option.", "Only one option is right.",
        "Repeat the right option.",
    ),
    long_share=0.25,
)  # fmt: skip


def _exchange(speaker: Speaker, question: str, options: list[str], answer: str) -> Exchange:
    speaker.rng.shuffle(options)
    lettered = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    slots = {"question": question, "inline": " ".join(lettered), "lines": "\n".join(lettered)}
    # The text alone: a model of this size repeats an option far sooner than it finds the letter before it.
    return speaker.exchange(WORDINGS_OF_CHOICES, answer, KIND, **slots)


def choose(speaker: Speaker) -> Exchange | None:
    """A question with options: how many, which side, which reaches higher, which object it is."""
    makers = [_count, _either, _which, _which_object]
    weights = (4, 3, 3, 2)
    return speaker.rng.choices(makers, weights)[0](speaker)


def _count(speaker: Speaker) -> Exchange | None:
    group = speaker.groups[0] if speaker.rng.random() < 0.6 else speaker.rng.choice(speaker.groups)
    count = len(group.things)
    size = speaker.rng.choice((2, 3, 4, 4, 5, 5, 6, 6))
    first = max(1, count - speaker.rng.randrange(size))
    if count <= size and speaker.rng.random() < 0.5:
        first = 1
    options = [str(number) for number in range(first, first + size)]
    question = f"How many objects are on the {speaker.place}?"
    if not group.is_all or speaker.rng.random() < 0.5:
        question = WORDINGS.direct[speaker.rng.randrange(3)].format(nouns=speaker.nouns(group), place=speaker.place)
    return _exchange(speaker, question, options, str(count))


def _either(speaker: Speaker) -> Exchange | None:
    asked = either_way(speaker)
    return (asked and _exchange(speaker, *asked)) or None


def _which(speaker: Speaker) -> Exchange | None:
    asked = which_of_two(speaker)
    if asked is None or asked[1][0].text == asked[1][1].text:
        return None
    question, both, right, bare = asked
    return _exchange(speaker, bare if speaker.rng.random() < 0.6 else question, [one.text for one in both], right.text)


def _which_object(speaker: Speaker) -> Exchange | None:
    right = any_reference(speaker)
    if right is None or len(speaker.objects) < 2:
        return None
    others = speaker.rng.sample([thing for thing in speaker.objects if thing is not right.thing],
                                min(len(speaker.objects) - 1, speaker.rng.randint(1, 4)))  # fmt: skip
    by_number = speaker.rng.random() < 0.4
    texts = []
    for thing in (right.thing, *others):
        named = None if by_number else simple(speaker, thing)
        texts.append(named.text if named else f"[obj{thing.number}]")
    if right.text in texts or len(set(texts)) < len(texts):
        return None
    return _exchange(speaker, f"Which one is {right.text}?", list(texts), texts[0])


def choose_side(speaker: Speaker) -> Exchange | None:
    """The same questions without options: left or right, or the object that is more so, with its number."""
    if speaker.rng.random() < 0.5:
        asked = either_way(speaker)
        return (asked and Exchange(asked[0], asked[2], KIND)) or None
    other = which_of_two(speaker)
    return (other and Exchange(other[0], other[2].answer, KIND)) or None
