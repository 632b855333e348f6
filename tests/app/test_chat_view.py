"""What components are given: pictures inside the value, words as words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from app import chat_view
from app.chat import ChatService
from app.conversation import Answer, Exchange, Thread
from app.feedback import Notice
from app.shelf import ModelCard

SAID = Answer("<b>dog</b> [0.10, 0.20, 0.50, 0.90]", "<i>mini</i>", tokens=3, finished=True)


def test_questions_and_answers_stand_in_order() -> None:
    shown = chat_view.messages(Thread("k", (Exchange("one", (), SAID), Exchange("two"))))
    assert [message["role"] for message in shown] == ["user", "assistant", "user"]


def test_words_are_kept_from_being_markup_and_come_back_unchanged() -> None:
    text = "<b>5 < 6 &amp; </b>"
    shown = chat_view.as_words(text)
    assert "<b" not in shown and "</" not in shown and "&a" not in shown
    assert chat_view.without_joiners(shown) == text


def test_a_notice_is_escaped_and_read_out() -> None:
    line = chat_view.notice_line(Thread("k", (), Notice("Oh", "<b>x.png</b> is damaged")))
    assert 'role="alert"' in line and "<b>x.png" not in line and "x.png" in line
    assert chat_view.notice_line(Thread("k")) == ""


def test_an_edited_message_finds_its_question() -> None:
    thread = Thread("k", (Exchange("one", (), SAID), Exchange("two", (), SAID)))
    assert [chat_view.question_at(thread, index) for index in range(5)] == [0, None, 1, None, None]


def test_pictures_travel_inside_the_value(chat: ChatService, uploaded: Callable[..., Path]) -> None:
    value = chat_view.pictures_value(chat.ask(Thread(), "hello", [uploaded("dog.png")]))
    assert value[0]["source"].startswith("data:image/webp;base64,") and value[0]["width"] == 40


def test_marks_carry_the_words_that_name_them() -> None:
    value = chat_view.marks_value(Thread("k", (Exchange("one", (), SAID),)))
    assert value["marks"][0]["place"] == [0.1, 0.2, 0.5, 0.9]
    assert chat_view.without_joiners(value["marks"][0]["phrase"]) in SAID.text


def test_a_question_without_an_answer_yet_says_what_is_waited_for() -> None:
    assert "waiting for the model" in chat_view.facts_line(Thread("k", (Exchange("one"),)))
    assert chat_view.facts_line(Thread("k")) == ""


def test_names_from_a_model_folder_are_escaped() -> None:
    assert "<i>" not in chat_view.facts_line(Thread("k", (Exchange("one", (), SAID),)))


def test_marks_of_two_answers_are_told_apart_by_letter() -> None:
    first = Answer("A dog [0.1, 0.2, 0.3, 0.4].", "m", finished=True)
    second = Answer("A cat [0.5, 0.6].", "m", "none", finished=True)
    thread = Thread("k", (Exchange("Where?", answer=first, other=second),))
    marks = chat_view.marks_value(thread)["marks"]
    assert [(mark["side"], mark["label"][:4]) for mark in marks] == [("a", "A · "), ("b", "B · ")]
    assert marks[0]["phrase"] and not marks[1]["phrase"]
    assert [side["name"] for side in chat_view.comparison_value(thread)["sides"]] == [
        "m, automatic adapter",
        "m, no adapter",
    ]
    assert chat_view.comparison_value(thread.compared(None)) == {"sides": []}


def test_an_answer_can_be_compared_with_every_other_adapter_and_model() -> None:
    cards = [ModelCard("mini", Path(), ("image",)), ModelCard("maxi", Path(), ())]
    choices = chat_view.compare_choices(Answer("x", "mini", "automatic"), cards)
    assert [choice["label"] for choice in choices] == [
        "mini, no adapter",
        "mini, adapter image",
        "maxi, automatic adapter",
        "maxi, no adapter",
    ]
