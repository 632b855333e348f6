"""A conversation as values: what the model is asked, what is drawn, what is downloaded."""

from __future__ import annotations

import json
from pathlib import Path

from app.conversation import Answer, Exchange, Picture, Thread, facts, marks_in

DOG = Picture("dog.png", Path("/s/dog.png"), Path("/s/view.webp"), 40, 30)


def conversation() -> Thread:
    answer = Answer("A dog [0.10, 0.20, 0.50, 0.90].", "mini", "automatic", 9, 60, 0.25, 31.5, finished=True)
    return Thread("k", (Exchange("Where is it?", (DOG,), answer), Exchange("What colour?")))


def test_the_model_is_asked_everything_up_to_the_newest_question() -> None:
    turns = conversation().turns()
    assert [(turn.role, len(turn.media)) for turn in turns] == [("user", 1), ("assistant", 0), ("user", 0)]
    assert turns[0].media[0].path == DOG.path


def test_a_retried_question_is_asked_without_its_old_answer() -> None:
    thread = conversation()
    assert thread.answered(Answer("Brown", finished=True)).turns() == thread.turns()


def test_waiting_means_an_unfinished_newest_answer() -> None:
    thread = conversation()
    assert thread.waiting and thread.answered(Answer("Br")).waiting
    assert not thread.answered(Answer("Brown.", finished=True)).waiting
    assert not Thread().waiting


def test_an_unfinished_answer_settles_as_stopped() -> None:
    thread = conversation()
    assert len(thread.settled().exchanges) == 1 and not thread.settled().waiting
    partly = thread.answered(Answer("Br")).settled()
    assert partly.newest_answer == Answer("Br", finished=True, stopped=True)


def test_marks_are_boxes_and_points_in_reading_order() -> None:
    text = "left eye [0.30, 0.40]; dog [0.10, 0.20, 0.50, 0.90]"
    marks = marks_in(text)
    assert [(mark.label, len(mark.place)) for mark in marks] == [("left eye", 2), ("dog", 4)]
    assert "dog" in text[marks[1].start : marks[1].end]


def test_words_without_places_have_no_marks() -> None:
    assert marks_in("Nothing at [all, 3]. See [1].") == ()


def test_the_download_carries_questions_answers_boxes_and_timings_but_no_paths() -> None:
    text = json.dumps(conversation().to_json())
    exchange = json.loads(text)["exchanges"][0]
    assert "/s/" not in text
    assert exchange["question"] == "Where is it?"
    assert exchange["pictures"] == [{"name": "dog.png", "width": 40, "height": 30}]
    assert exchange["answer"]["marks"][0]["place"] == [0.1, 0.2, 0.5, 0.9]
    assert exchange["answer"]["tokens_per_second"] == 31.5


def test_the_markdown_reads_as_a_conversation() -> None:
    text = conversation().to_markdown()
    assert "**You:** Where is it?" in text and "**mini:** A dog" in text and "*Picture: dog.png*" in text


def test_every_number_has_its_unit() -> None:
    answer = Answer("x", tokens=9, prompt_tokens=60, first_token_seconds=0.25, tokens_per_second=31.52, stopped=True)
    assert facts(answer) == "9 tokens · 31.5 tokens/s · first token 0.25 s · prompt 60 tokens · stopped"
