"""Asking, streaming, stopping, retrying, editing, undoing: no failure loses what a person wrote."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from app.chat import ChatService, Sampling
from app.conversation import Thread
from app.scripted import ScriptedEngine
from app.services import Services, build_services
from app.settings import Settings
from app.shelf import Loaded, ModelCard, Progress
from lamm_core.errors import LammError, WeightsError

Uploaded = Callable[..., Path]


def run(chat: ChatService, thread: Thread, **sampling: object) -> Thread:
    """Answer the newest question to its end."""
    return [thread, *chat.stream(thread, Sampling(**sampling))][-1]  # type: ignore[arg-type]


def test_an_answer_grows_word_by_word_and_ends_with_its_timings(chat: ChatService, uploaded: Uploaded) -> None:
    asked = chat.ask(Thread(), "Where is the dog?", [uploaded("dog.png")])
    steps = list(chat.stream(asked, Sampling()))
    texts = [step.newest_answer.text for step in steps if step.newest_answer]
    assert texts[0] == "There" and texts[-1].endswith("left eye [0.30, 0.40].")
    answer = steps[-1].newest_answer
    assert answer is not None and answer.finished and answer.tokens == len(texts) - 1
    assert answer.first_token_seconds is not None and answer.tokens_per_second
    assert [mark.label for mark in answer.marks] == ["dog", "left eye"]


def test_the_engine_is_asked_with_the_settings_and_the_adapter(chat: ChatService, engine: ScriptedEngine) -> None:
    run(chat, chat.ask(Thread(), "hello", []), temperature=0.7, top_p=0.9, max_new_tokens=5, adapter="none")
    run(chat, chat.ask(Thread(), "hello", []))
    settings = engine.settings[0]
    assert (settings.temperature, settings.top_p, settings.max_new_tokens) == (0.7, 0.9, 5)
    assert engine.adapters == ["", None]


def test_stop_ends_the_computation_and_keeps_what_was_said(chat: ChatService, engine: ScriptedEngine) -> None:
    stream = chat.stream(chat.ask(Thread(), "a long one", []), Sampling())
    thread = next(stream)
    chat.stop(thread)
    last = list(stream)[-1]
    assert engine.steps <= 2
    assert last.newest_answer is not None
    assert last.newest_answer.stopped and last.newest_answer.finished and last.newest_answer.text == "word0"


def test_stop_reaches_an_answer_that_waits_for_its_turn(chat: ChatService, engine: ScriptedEngine) -> None:
    asked = chat.ask(Thread(), "a long one", [])
    chat.stop(asked)
    last = run(chat, asked)
    assert engine.steps == 0 and last.newest_answer is not None and last.newest_answer.stopped
    assert run(chat, chat.ask(last, "hello", [])).newest_answer.tokens == 4  # type: ignore[union-attr]


def test_a_stop_that_comes_too_late_spares_the_next_answer(chat: ChatService) -> None:
    steps = list(chat.stream(chat.ask(Thread(), "hello", []), Sampling()))
    for again in (lambda: chat.ask(steps[-1], "hello again", []), lambda: chat.retry(steps[-1])):
        chat.stop(steps[-2])  # what the page still holds when the last value is on its way
        answer = run(chat, again()).newest_answer
        assert answer is not None and not answer.stopped and answer.tokens == 4


def test_a_question_whose_turn_never_came_makes_room_for_the_next(chat: ChatService, engine: ScriptedEngine) -> None:
    waiting = chat.ask(run(chat, chat.ask(Thread(), "hello", [])), "lost", [])
    done = run(chat, chat.ask(waiting, "hello again", []))
    assert [turn.text for turn in engine.asked[-1] if turn.role == "user"] == ["hello", "hello again"]
    assert [turn.role for turn in engine.asked[-1]] == ["user", "assistant", "user"] and not done.waiting


def test_a_page_that_goes_away_ends_the_computation(chat: ChatService, engine: ScriptedEngine) -> None:
    stream = chat.stream(chat.ask(Thread(), "a long one", []), Sampling())
    thread = next(stream)
    assert chat.running(thread)
    stream.close()  # type: ignore[attr-defined]
    assert engine.steps == 1 and not chat.running(thread)


def test_one_answer_at_a_time_in_one_conversation(chat: ChatService) -> None:
    stream = chat.stream(chat.ask(Thread(), "a long one", []), Sampling())
    thread = next(stream)
    second = chat.ask(thread, "and now?", [])
    assert second.notice is not None and second.exchanges == thread.exchanges
    assert chat.retry(thread) == thread and chat.undo(thread) == (thread, None)
    stream.close()  # type: ignore[attr-defined]


def test_two_conversations_share_nothing(chat: ChatService, uploaded: Uploaded, engine: ScriptedEngine) -> None:
    first = chat.ask(Thread(), "Where is the dog?", [uploaded("dog.png")])
    second = chat.ask(Thread(), "hello", [])
    assert first.key != second.key
    run(chat, first)
    done = run(chat, second)
    assert done.pictures == () and [turn.text for turn in engine.asked[1]] == ["hello"]


def test_a_bad_picture_keeps_the_conversation_and_says_which_file(chat: ChatService, uploaded: Uploaded) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", []))
    after = chat.ask(thread, "and this?", [uploaded("words.png", content=b"no picture at all")])
    assert after.exchanges == thread.exchanges
    assert after.notice is not None and "words.png" in after.notice.text
    assert run(chat, chat.ask(after, "hello again", [])).notice is None


@pytest.mark.parametrize("case", ["truncated.jpg", "bomb.png", "words.png", "huge.png", "outside.png", "gone.png"])
def test_after_any_bad_file_the_conversation_goes_on(
    case: str, chat: ChatService, uploaded: Uploaded, bomb: bytes, tmp_path: Path
) -> None:
    whole = uploaded("whole.jpg", Image.effect_noise((200, 200), 60)).read_bytes()
    contents = {"truncated.jpg": whole[: len(whole) // 2], "bomb.png": bomb, "words.png": b"words, no picture"}
    bad = uploaded(case, content=contents.get(case, b"x"))
    if case == "huge.png":
        os.truncate(bad, 70_000_000)
    if case == "gone.png":
        bad.unlink()
    if case == "outside.png":
        bad = bad.rename(tmp_path / case)
    thread = run(chat, chat.ask(Thread(), "Where is the dog?", [uploaded("dog.png")]))
    after = chat.ask(thread, "And here?", [bad])
    assert after.notice is not None and case in after.notice.text
    assert after.notice.title == "This file cannot be used" and after.exchanges == thread.exchanges
    assert run(chat, chat.ask(after, "Where is the dog?", [])).newest_answer is not None


@pytest.mark.parametrize("case", ["cmyk.jpg", "deep.png", "moving.gif", "one.png", "turned.jpg"])
def test_any_unusual_picture_is_answered_about(
    case: str, chat: ChatService, uploaded: Uploaded, engine: ScriptedEngine
) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    pictures: dict[str, tuple[Image.Image, dict[str, object]]] = {
        "cmyk.jpg": (Image.new("CMYK", (20, 10)), {}),
        "deep.png": (Image.new("I;16", (20, 10), 40_000), {}),
        "moving.gif": (Image.new("P", (20, 10), 1), {"save_all": True, "append_images": [Image.new("P", (20, 10), 2)]}),
        "one.png": (Image.new("RGB", (1, 1)), {}),
        "turned.jpg": (Image.new("RGB", (20, 10)), {"exif": turned}),
    }
    picture, options = pictures[case]
    last = run(chat, chat.ask(Thread(), "Where is the dog?", [uploaded(case, picture, **options)]))
    assert last.notice is None and last.newest_answer is not None and last.newest_answer.finished
    assert engine.asked[0][0].media[0].path.name == case


def test_an_empty_question_is_told_so(chat: ChatService, uploaded: Uploaded) -> None:
    for files in ([], [uploaded("dog.png")]):
        after = chat.ask(Thread(), "  ", files)
        assert after.exchanges == () and after.notice is not None and "question" in after.notice.title


def test_a_conversation_too_long_for_the_model_is_told_with_both_numbers(chat: ChatService, uploaded: Uploaded) -> None:
    pictures = [uploaded(f"{n}.png", Image.new("RGB", (8, 8), (n, 0, 0))) for n in range(15)]
    after = run(chat, chat.ask(Thread(), "Where is the dog?", pictures))
    assert after.notice is not None and "739" in after.notice.text and "600" in after.notice.text
    assert after.exchanges == () and after.returned is not None
    assert after.returned.question == "Where is the dog?" and len(after.returned.pictures) == 15


def test_retry_gives_another_answer_to_the_same_question(chat: ChatService, engine: ScriptedEngine) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", []))
    again = run(chat, chat.retry(thread))
    assert len(again.exchanges) == 1 and not again.waiting and engine.asked[0] == engine.asked[1]


def test_a_retry_that_fails_brings_the_old_answer_back(
    chat: ChatService, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", []))

    def fail(*arguments: object, **options: object) -> object:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine, "stream", fail)
    after = run(chat, chat.retry(thread))
    assert after.newest_answer == thread.newest_answer and after.notice is not None and after.returned is None


def test_an_edited_question_is_asked_anew_with_its_pictures(chat: ChatService, uploaded: Uploaded) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", [uploaded("dog.png")]))
    thread = run(chat, chat.ask(thread, "hello again", []))
    after = run(chat, chat.edit(thread, 0, "Where is the dog?"))
    assert [exchange.question for exchange in after.exchanges] == ["Where is the dog?"]
    assert len(after.pictures) == 1 and after.newest_answer is not None and after.newest_answer.marks


def test_undo_hands_the_question_out(chat: ChatService, uploaded: Uploaded) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", [uploaded("dog.png")]))
    after, taken = chat.undo(thread)
    assert after.exchanges == () and taken is not None and taken.question == "hello" and len(taken.pictures) == 1
    assert chat.ask(after, "again", [taken.pictures[0].path]).notice is None


def test_clear_ends_a_running_answer_and_marks_it_as_left(chat: ChatService, engine: ScriptedEngine) -> None:
    first_word = threading.Event()
    seen: list[bool] = []
    asked = chat.ask(Thread(), "a long one", [])
    engine.seconds_per_word = 0.01

    def read() -> None:
        for after in chat.stream(asked, Sampling()):
            seen.append(chat.left(after))
            first_word.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first_word.wait(10)
    assert chat.clear(asked) == Thread()
    assert not chat.running(asked)
    reader.join(10)
    assert seen[0] is False and seen[-1] is True and engine.steps < 500


def test_clear_starts_over_and_the_old_conversation_still_works(chat: ChatService, uploaded: Uploaded) -> None:
    thread = run(chat, chat.ask(Thread(), "hello", [uploaded("dog.png")]))
    assert chat.clear(thread).exchanges == ()
    assert thread.pictures[0].view.exists()
    chat.close(thread)
    assert not thread.pictures[0].view.exists()


def test_a_model_that_cannot_be_loaded_is_told_in_the_chat(settings: Settings) -> None:
    def fail(card: ModelCard, progress: Progress) -> Loaded:
        raise WeightsError("the weights are damaged")

    services: Services = build_services(settings, load=fail)
    after = run(services.chat, services.chat.ask(Thread(), "hello", []))
    assert after.notice is not None and after.notice.text == "the weights are damaged" and after.returned is not None


def test_an_error_of_the_engine_is_not_the_end(services: Services, engine: ScriptedEngine) -> None:
    class Surprise(LammError):
        pass

    def fail(*arguments: object, **options: object) -> object:
        raise Surprise("a new kind of trouble")

    spoken, engine.stream = engine.stream, fail  # type: ignore[assignment, method-assign]
    after = run(services.chat, services.chat.ask(Thread(), "hello", []))
    assert after.notice is not None and after.notice.text == "a new kind of trouble"
    engine.stream = spoken  # type: ignore[method-assign]
    assert run(services.chat, services.chat.ask(after, "hello", [])).newest_answer is not None


def answered(chat: ChatService, question: str = "Where is it?") -> Thread:
    return run(chat, chat.ask(Thread(), question, []))


def test_another_adapter_or_model_answers_beside_and_changes_nothing_else(
    chat: ChatService, engine: ScriptedEngine
) -> None:
    thread = answered(chat)
    last = [*chat.compare(thread, Sampling(adapter="none"), model="lamm-mini")][-1]
    other = last.other_answer
    assert other is not None and other.finished and (other.model, other.adapter) == ("lamm-mini", "none")
    assert engine.adapters == [None, ""] and engine.asked[0] == engine.asked[1]
    assert last.compared(None) == thread and chat.shelf.status().name == "tiny"


def test_what_is_compared_is_told_by_adapter_in_the_download_where_the_model_is_the_same(chat: ChatService) -> None:
    last = [*chat.compare(answered(chat), Sampling(adapter="none"), model="tiny")][-1]
    assert "**tiny, automatic adapter:**" in last.to_markdown() and "**tiny, no adapter:**" in last.to_markdown()
    assert last.to_json()["exchanges"][0]["compared_with"]["adapter"] == "none"


def test_a_comparison_that_fails_leaves_the_answer(chat: ChatService) -> None:
    thread = answered(chat)
    last = [*chat.compare(thread, Sampling(), model="gone")][-1]
    assert last.notice is not None and "gone" in last.notice.text
    assert last.newest_answer == thread.newest_answer and last.other_answer is None


def test_a_comparison_can_be_stopped_and_a_retry_forgets_it(chat: ChatService, engine: ScriptedEngine) -> None:
    thread = answered(chat, "a long one")
    engine.seconds_per_word = 0.01
    steps = chat.compare(thread, Sampling(adapter="none"), model="tiny")
    for _ in range(3):
        now = next(steps)
    assert chat.running(thread) and chat.ask(now, "and?", []).notice is not None
    chat.stop(now)
    last = [*steps][-1]
    assert last.other_answer is not None and last.other_answer.stopped
    assert chat.retry(last).other_answer is None


def test_nothing_is_compared_before_there_is_an_answer(chat: ChatService) -> None:
    assert [*chat.compare(Thread(), Sampling(), model="tiny")] == []
    assert [*chat.compare(chat.ask(Thread(), "Where is it?", []), Sampling(), model="tiny")] == []
