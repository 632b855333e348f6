"""The engine: streams, the queue, adapters, limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from lamm_core.conversation import Media, Turn
from lamm_core.errors import ConfigError, EngineBusyError, EngineStoppedError, MediaError, PromptTooLongError
from lamm_core.inference.engine import Generation, LocalEngine
from lamm_core.inference.protocol import Load

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


def test_answers_computed_together_are_those_computed_alone(
    engine: LocalEngine, other_picture: Callable[[int], Path]
) -> None:
    pictures = [other_picture(shade) for shade in (0, 90, 200)]
    asked = [(shown(path), name) for path in pictures for name in ("image", "second", "")] + [(PLAIN, None)] * 2
    alone = [engine.answer(turns, SHORT, adapter=name) for turns, name in asked]
    streams = [engine.stream(turns, SHORT, adapter=name) for turns, name in asked]
    assert ["".join(piece.text for piece in stream) for stream in streams] == alone
    assert len(set(alone)) > 4


def test_a_short_answer_does_not_wait_for_a_long_one(engine: LocalEngine) -> None:
    long = engine.stream(PLAIN, ENDLESS)
    next(long)
    assert engine.answer(PLAIN, SHORT)
    assert engine.load().running == 1
    long.close()


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


def test_a_full_queue_refuses_and_says_when_to_try_again(engine: LocalEngine) -> None:
    release = threading.Event()
    engine._queue.most = 2
    engine._worker.submit(release.wait, 10)
    waiting = [engine.stream(PLAIN, SHORT) for _ in range(2)]
    with pytest.raises(EngineBusyError, match="Try again in about") as refused:
        engine.stream(PLAIN, SHORT)
    assert refused.value.retry_seconds > 0
    assert engine.load() == Load(running=0, waiting=2, most_running=16, most_waiting=2)
    release.set()
    assert all(list(stream)[-1].done for stream in waiting)


def test_who_stops_waiting_leaves_the_line_at_once(engine: LocalEngine) -> None:
    release = threading.Event()
    engine._worker.submit(release.wait, 10)
    engine.stream(PLAIN, SHORT).close()
    dropped = engine.stream(PLAIN, SHORT)
    del dropped
    assert engine.load().waiting == 0
    release.set()


def test_no_more_answers_are_computed_at_once_than_allowed(engine: LocalEngine) -> None:
    engine._most_running = 2
    streams = [engine.stream(PLAIN, ENDLESS) for _ in range(3)]
    next(streams[0]), next(streams[1])
    assert (engine.load().running, engine.load().waiting) == (2, 1)
    streams[0].close()
    assert next(streams[2]).tokens > 0
    for stream in streams:
        stream.close()


def test_the_last_piece_says_how_the_answer_ended(engine: LocalEngine) -> None:
    *_, cut = engine.stream(PLAIN, Generation(1))
    assert cut.ended == "length"
    stop = threading.Event()
    stop.set()
    *_, stopped = engine.stream(PLAIN, ENDLESS, stop=stop)
    assert (stopped.ended, stopped.tokens) == ("cancelled", 0)
    engine._stop_ids = set(range(1000))
    *_, ended = engine.stream(PLAIN, SHORT)
    assert (ended.ended, ended.tokens, ended.text) == ("stop", 0, "")


def test_closing_the_engine_ends_every_answer_and_refuses_new_ones(engine: LocalEngine) -> None:
    running = engine.stream(PLAIN, ENDLESS)
    next(running)
    engine.close()
    *_, last = running
    assert last.ended == "cancelled"
    with pytest.raises(EngineStoppedError, match="put away"):
        engine.stream(PLAIN, SHORT)


def test_a_failure_while_computing_reaches_everybody_concerned_and_nobody_else(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = [engine.stream(PLAIN, ENDLESS) for _ in range(2)]
    next(streams[0]), next(streams[1])

    def broken(tokens: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine._tables[0].group, "advance", broken)
    for stream in streams:
        with pytest.raises(RuntimeError, match="out of memory"):
            list(stream)
    assert engine.answer(PLAIN, SHORT)


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
    assert told == list(range(1, 12))
    assert engine.answer_many([], SHORT) == []
