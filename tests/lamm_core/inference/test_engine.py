"""The engine: streams, the queue, adapters, limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lamm_core.conversation import Media, Turn
from lamm_core.errors import ConfigError, MediaError, PromptTooLongError
from lamm_core.inference.engine import Generation, LocalEngine

SHORT = Generation(max_new_tokens=12)
ENDLESS = Generation(max_new_tokens=400)
PLAIN = [Turn("user", "How many cells are there?")]


def shown(path: Path, text: str = "What is this?") -> list[Turn]:
    return [Turn("user", text, (Media("image", path),))]


def test_the_pieces_of_a_stream_are_the_answer(engine: LocalEngine, picture: Path) -> None:
    pieces = list(engine.stream(shown(picture), SHORT))
    assert "".join(piece.text for piece in pieces) == engine.answer(shown(picture), SHORT) != ""
    assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    last = pieces[-1]
    assert 1 < last.tokens <= 12
    assert last.prompt_tokens > 16  # the picture alone has 16
    assert last.first_token_seconds is not None and last.first_token_seconds > 0
    assert last.tokens_per_second is not None and last.tokens_per_second > 0


def test_an_answer_depends_on_the_picture(engine: LocalEngine, other_picture: Callable[[int], Path]) -> None:
    assert len({engine.answer(shown(other_picture(shade)), SHORT) for shade in (0, 120, 255)}) > 1


def test_temperature_and_seed_have_an_effect(engine: LocalEngine) -> None:
    drawn = [engine.answer(PLAIN, Generation(12, temperature=1.5, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_adapter_follows_the_media_or_the_request(engine: LocalEngine, picture: Path) -> None:
    names = (None, "image", "second", "")
    with_picture = {name: engine.answer(shown(picture), SHORT, adapter=name) for name in names}
    assert with_picture[None] == with_picture["image"]
    assert len(set(with_picture.values())) == 3
    assert engine.answer(PLAIN, SHORT) == engine.answer(PLAIN, SHORT, adapter="")
    with pytest.raises(ConfigError, match="third"):
        engine.answer(PLAIN, SHORT, adapter="third")


def test_two_threads_with_two_adapters_get_their_own_answers(engine: LocalEngine, picture: Path) -> None:
    names = ("image", "second")
    expected = {name: engine.answer(shown(picture), SHORT, adapter=name) for name in names}
    wrong: list[str] = []

    def ask(name: str) -> None:
        wrong.extend(name for _ in range(5) if engine.answer(shown(picture), SHORT, adapter=name) != expected[name])

    threads = [threading.Thread(target=ask, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_stop_ends_the_stream_with_a_last_piece(engine: LocalEngine) -> None:
    stop = threading.Event()
    pieces = []
    for piece in engine.stream(PLAIN, ENDLESS, stop=stop):
        pieces.append(piece)
        stop.set()
    assert pieces[-1].done
    assert pieces[-1].tokens < 400


def test_closing_a_stream_lets_the_next_one_in(engine: LocalEngine) -> None:
    first = engine.stream(PLAIN, ENDLESS)
    next(first)
    first.close()
    # Were the first one still computing, it would take hundreds of tokens before this one's first.
    assert engine.answer(PLAIN, SHORT)


def test_a_stream_may_be_read_from_another_thread_each_time(engine: LocalEngine) -> None:
    stream = engine.stream(PLAIN, SHORT)
    texts: list[str] = []
    while True:
        found: list[str | None] = []
        reader = threading.Thread(target=lambda found=found: found.append(getattr(next(stream, None), "text", None)))
        reader.start()
        reader.join()
        if found[0] is None:
            break
        texts.append(found[0])
    assert "".join(texts) == engine.answer(PLAIN, SHORT)


def test_a_request_that_waits_can_be_stopped_while_another_runs(engine: LocalEngine) -> None:
    running, release = threading.Event(), threading.Event()

    def occupy() -> None:
        running.set()
        release.wait(10)

    engine._worker.submit(occupy)
    running.wait(10)
    stop = threading.Event()
    stop.set()
    pieces = list(engine.stream(PLAIN, SHORT, stop=stop))
    release.set()
    assert [(piece.text, piece.done, piece.tokens) for piece in pieces] == [("", True, 0)]


def test_requests_are_served_in_the_order_they_came(engine: LocalEngine) -> None:
    release = threading.Event()
    engine._worker.submit(release.wait, 10)
    served: list[int] = []
    threads = []
    for number in range(4):
        queued = engine._worker._work_queue.qsize()
        thread = threading.Thread(target=lambda number=number: (engine.answer(PLAIN, SHORT), served.append(number)))
        thread.start()
        threads.append(thread)
        while engine._worker._work_queue.qsize() == queued:
            thread.join(0.001)
    release.set()
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3]


def test_an_error_leaves_the_engine_usable(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone\.png"):
        engine.answer(shown(tmp_path / "gone.png"), SHORT)
    assert engine.answer(PLAIN, SHORT)


def test_a_prompt_beyond_the_context_is_refused_with_both_numbers_before_the_model_runs(engine: LocalEngine) -> None:
    engine._decoder = None  # type: ignore[assignment]  # touching it would fail
    with pytest.raises(PromptTooLongError) as caught:
        engine.answer([Turn("user", "many words " * 400)], SHORT)
    assert caught.value.context_tokens == 512 < caught.value.prompt_tokens


def test_an_answer_ends_where_the_context_does(engine: LocalEngine) -> None:
    words = "dog " * 20
    while (last := list(engine.stream([Turn("user", words)], Generation(1)))[-1]).prompt_tokens < 500:
        words += "dog " * 5
    last = list(engine.stream([Turn("user", words)], ENDLESS))[-1]
    assert last.tokens <= 512 - last.prompt_tokens + 1


def test_a_picture_is_encoded_once_by_its_content(
    engine: LocalEngine, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []
    encode = engine.model.encode
    monkeypatch.setattr(engine.model, "encode", lambda media: (encoded.append(len(media)), encode(media))[1])
    same = picture.with_name("copy.png")
    same.write_bytes(picture.read_bytes())
    engine.answer([Turn("user", "Two:", (Media("image", picture), Media("image", same)))], SHORT)
    engine.answer(shown(same), SHORT)
    assert encoded == [1]


def test_many_answers_are_the_single_answers_in_order(
    engine: LocalEngine, other_picture: Callable[[int], Path]
) -> None:
    conversations = [
        shown(other_picture(shade), "What is this? " * (1 + shade % 3)) if shade % 4 else PLAIN
        for shade in range(0, 110, 10)
    ]
    told: list[int] = []
    answers = engine.answer_many(conversations, SHORT, batch=4, progress=told.append)
    assert [one.text for one in answers] == [engine.answer(turns, SHORT) for turns in conversations]
    assert all(0 < one.tokens <= 12 and one.seconds > 0 for one in answers)
    assert told == [4, 8, 11]
    assert engine.answer_many([], SHORT) == []
