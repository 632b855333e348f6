"""A run asks every sample once, records every answer, goes on where it was killed, and its baselines show no or another
picture."""

from __future__ import annotations

import dataclasses
import json
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lamm_core.conversation import Media, Sample
from lamm_core.errors import ConfigError, MediaError, TaskError
from lamm_core.evaluation.predictions import PredictionCache
from lamm_core.evaluation.records import last_records, read_records
from lamm_core.evaluation.respondent import Reply
from lamm_core.evaluation.run_folder import read_manifest, read_state, read_summary
from lamm_core.evaluation.runner import Plan, Stopped, blind, run, shuffled, without_duplicates
from lamm_core.run_files import claimed

Named = Callable[..., list[Sample]]


def test_shuffling_gives_every_sample_the_picture_of_another(named: Named) -> None:
    own = named(20, each=2)
    for seed in range(5):
        for mine, other in zip(own, shuffled(own, seed=seed), strict=True):
            assert mine.media != other.media and len(other.media) == 1
            assert (mine.id, mine.target, mine.turns[0].text) == (other.id, other.target, other.turns[0].text)


def test_shuffling_one_picture_is_refused(named: Named) -> None:
    with pytest.raises(TaskError, match="two pictures"):
        shuffled(named(2, each=2))


def test_blind_samples_show_nothing(named: Named) -> None:
    assert all(sample.media == () for sample in blind(named(4)))


def test_a_run_records_each_answer_and_scores_above_its_baselines(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    told: list[tuple[str, int, int]] = []
    asked = reader()
    result = run(tmp_path / "run", Plan(naming, batch=1), named(10), asked, progress=lambda *step: told.append(step))
    assert (result["right"], result["share"], result["blind"]["right"]) == (1.0, 1.0, 0.3)
    assert result["shuffled"]["right"] < 0.6 and result["n"] == result["blind"]["n"] == 10
    assert result["unparsed"] == result["failed"] == result["broken"] == result["duplicates"] == 0
    assert result["right_unseen_wordings"] == 1.0 and len(result["interval"]) == 2
    assert [len(call) for call in asked.calls] == [4, 4, 2] * 3 and set(asked.limits) == {7}
    assert ("model", 10, 10) in told and ("shuffled", 10, 10) in told
    records = list(read_records(tmp_path / "run" / "records.jsonl"))
    assert [record["baseline"] for record in records[::10]] == [None, "blind", "shuffled"]
    first = records[0]
    assert first["prompt"] == "Question 0?" and first["text"] == "It is CAT." and first["score"] == 1.0
    assert first["media"][0]["modality"] == "image" and first["group"] == "CAT-0.findings"
    assert (first["extraction"], first["parsed"], first["latency_seconds"], first["tokens"]) == (
        "first word", "CAT", 0.5, 2)  # fmt: skip
    assert first["detail"] == {"hit": 1.0, "options": ["CAT", "DOG", "OWL", "BEE"]}
    manifest = read_manifest(tmp_path / "run")
    assert manifest["inference"] == {"mode": "direct", "max_new_tokens": 7, "decoding": "greedy"}
    assert [metric["name"] for metric in manifest["metrics"]] == ["right", "share"]
    assert read_state(tmp_path / "run")["state"] == "completed" and read_summary(tmp_path / "run") == result


def test_a_finished_run_asks_nothing_again(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    first = run(tmp_path / "run", Plan(naming), named(6), reader())
    again = reader()
    assert run(tmp_path / "run", Plan(naming), named(6), again) == first
    assert again.asked == 0


def test_baselines_can_be_added_to_a_run(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    run(tmp_path / "run", Plan(naming, kinds=(None,)), named(6), reader())
    later = reader()
    assert "blind" in run(tmp_path / "run", Plan(naming), named(6), later)
    assert later.asked == 12


def test_a_folder_of_another_run_is_refused_with_what_differs(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    run(tmp_path / "run", Plan(naming), named(6), reader())
    with pytest.raises(ConfigError, match=r"seed was 0 and is 1.*--out"):
        run(tmp_path / "run", Plan(naming, seed=1), named(6), reader())
    with pytest.raises(ConfigError, match="adapter_sha256 was 'reader' and is 'other'"):
        run(tmp_path / "run", Plan(naming), named(6), reader(name="other"))
    with pytest.raises(ConfigError, match="n was 6 and is 5"):
        run(tmp_path / "run", Plan(naming), named(5), reader())
    assert read_state(tmp_path / "run")["state"] == "completed"


def test_one_folder_is_written_by_one_run_at_a_time(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    with claimed(tmp_path / "run", another=""), pytest.raises(ConfigError, match="being written"):
        run(tmp_path / "run", Plan(naming), named(6), reader())


def test_duplicate_ids_are_counted_and_asked_once(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    doubled = [*named(6), *named(2)]
    assert without_duplicates(doubled).samples == named(6)
    result = run(tmp_path / "run", Plan(naming), doubled, reader())
    assert (result["n"], result["duplicates"]) == (6, 2)


def test_a_picture_that_is_missing_or_damaged_is_broken_and_no_zero(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    samples = named(6)
    samples[1].media[0].path.unlink()
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n no picture")
    turns = (dataclasses.replace(samples[4].turns[0], media=(Media("image", damaged),)),)
    samples[4] = dataclasses.replace(samples[4], turns=turns)
    result = run(tmp_path / "run", Plan(naming), samples, reader())
    assert (result["n"], result["broken"], result["right"], result["unparsed"]) == (4, 2, 1.0, 0)
    assert (result["blind"]["broken"], result["shuffled"]["broken"]) == (2, 2)
    records = last_records(tmp_path / "run" / "records.jsonl")
    assert records[None, "s1"]["extraction"] == "broken" and records[None, "s1"]["score"] is None
    assert "damaged.png" in records["blind", "s4"]["reason"]


def test_answers_that_never_came_are_failed_and_can_be_asked_again(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    class SometimesSilent(reader):  # type: ignore[misc]
        silent = True

        def generate(self, conversations: Any, **options: Any) -> list[Reply]:
            replies = super().generate(conversations, **options)
            return [Reply("", trouble="HTTP 500") if self.silent and place % 3 == 0 else reply
                    for place, reply in enumerate(replies)]  # fmt: skip

    asked = SometimesSilent()
    plan = Plan(naming, kinds=(None,))
    cache = PredictionCache(tmp_path / "cache.sqlite")
    result = run(tmp_path / "run", plan, named(6), asked, cache=cache)
    assert (result["n"], result["failed"], result["right"]) == (4, 2, 1.0)
    assert run(tmp_path / "run", plan, named(6), asked, cache=cache)["failed"] == 2
    asked.silent = False
    result = run(tmp_path / "run", dataclasses.replace(plan, retry_failed=True), named(6), asked, cache=cache)
    assert (result["n"], result["failed"], asked.asked) == (6, 0, 8)


def test_unparsed_answers_gain_nothing_and_are_counted(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    result = run(tmp_path / "run", Plan(naming, kinds=(None,)), named(8), reader(wrong_from=6))
    assert (result["n"], result["unparsed"], result["right"]) == (8, 2, 0.75)


def test_a_second_run_of_the_same_model_takes_its_answers_from_the_cache(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    cache = PredictionCache(tmp_path / "cache.sqlite")
    first = run(tmp_path / "one", Plan(naming), named(8), reader(), cache=cache)
    second, other, longer = reader(), reader(name="other"), reader()
    again = run(tmp_path / "two", Plan(naming), named(8), second, cache=cache)
    assert second.asked == 0 and again["right"] == first["right"]
    assert all(record["cached"] for record in read_records(tmp_path / "two" / "records.jsonl"))
    run(tmp_path / "three", Plan(naming), named(8), other, cache=cache)
    run(tmp_path / "four", Plan(naming, max_new_tokens=9), named(8), longer, cache=cache)
    assert other.asked == longer.asked == 24


def test_another_picture_under_the_same_name_is_asked_again(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    cache = PredictionCache(tmp_path / "cache.sqlite")
    plan = Plan(naming, kinds=(None,))
    run(tmp_path / "one", plan, named(8), reader(), cache=cache)
    named(8)[3].media[0].path.write_text("changed")
    second = reader()
    run(tmp_path / "two", plan, named(8), second, cache=cache)
    assert second.asked == 1


def test_a_damaged_cache_says_how_to_go_on(tmp_path: Path) -> None:
    (tmp_path / "cache.sqlite").write_text("no database " * 500)
    with pytest.raises(TaskError, match="--no-cache"):
        PredictionCache(tmp_path / "cache.sqlite")


def test_a_stop_is_seen_between_groups_and_loses_nothing(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    class Wish:
        requested = False

    def progress(what: str, done: int, total: int) -> None:
        Wish.requested = what == "model" and done == 8

    asked = reader()
    with pytest.raises(Stopped):
        run(tmp_path / "run", Plan(naming, batch=1), named(12), asked, progress=progress, stop=Wish())
    state = read_state(tmp_path / "run")
    assert (state["state"], state["done"], state["total"]) == ("stopped", 8, 36)
    result = run(tmp_path / "run", Plan(naming, batch=1), named(12), asked)
    assert result["n"] == 12 and asked.asked == 36


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """A disk that takes no more than so many bytes a file; the last write is cut in its middle, as on a full one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_and_the_run_goes_on_later(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    samples, asked = named(20), reader()
    plan = Plan(naming, batch=1, kinds=(None,))
    with no_file_over(4000), pytest.raises(TaskError, match=r"cannot be written.*type the same command again"):
        run(tmp_path / "run", plan, samples, asked)
    content = (tmp_path / "run" / "records.jsonl").read_bytes()
    kept = content.count(b"\n")
    assert content.endswith(b"\n") and 0 < kept < 20
    assert read_state(tmp_path / "run")["state"] == "failed"
    assert run(tmp_path / "run", plan, samples, asked)["n"] == 20
    records = list(read_records(tmp_path / "run" / "records.jsonl"))
    assert [record["id"] for record in records] == [f"s{number}" for number in range(20)]


def test_whose_answers_do_not_round_with_their_batch_is_asked_only_what_is_missing(
    tmp_path: Path, named: Named, naming: Any, reader: Any
) -> None:
    asked, plan, path = reader(), Plan(naming, kinds=(None,), batch=3), tmp_path / "run" / "records.jsonl"
    asked.batches_round = False
    run(tmp_path / "run", plan, named(5), asked)
    assert [len(call) for call in asked.calls] == [3, 2]
    whole = path.read_text()
    path.write_text(whole[:-40])
    run(tmp_path / "run", plan, named(5), asked)
    assert path.read_text() == whole and asked.asked == 6


def test_a_torn_line_is_cut_and_a_damaged_one_is_named(tmp_path: Path, named: Named, naming: Any, reader: Any) -> None:
    plan, path = Plan(naming, kinds=(None,)), tmp_path / "run" / "records.jsonl"
    run(tmp_path / "run", plan, named(5), reader())
    whole = path.read_text()
    path.write_text(whole[:-40])
    asked = reader()
    run(tmp_path / "run", plan, named(5), asked)
    assert path.read_text() == whole and asked.asked == 5  # the whole group, so that batches round the same way
    path.write_text('{"torn": \n' + whole)
    with pytest.raises(TaskError, match="line 1"):
        list(read_records(path))


SCRIPT = """
import hashlib, sys, time
from pathlib import Path
import importlib.util
spec = importlib.util.spec_from_file_location("parts", sys.argv[1])
parts = importlib.util.module_from_spec(spec)
spec.loader.exec_module(parts)
from lamm_core.evaluation.predictions import PredictionCache
from lamm_core.evaluation.respondent import Reply
from lamm_core.evaluation.runner import Plan, run

class Slow(parts.ReadsNames):
    # What it says depends on who else is in the batch, as rounding does.
    def generate(self, conversations, *, max_new_tokens, progress=None):
        time.sleep(0.03)
        mark = hashlib.sha256("".join(turn.text for one in conversations for turn in one).encode()).hexdigest()[:8]
        with Path(sys.argv[4]).open("a") as file:
            file.write("asked\\n")
        return [Reply(self.said(one) + mark) for one in conversations]

cache = PredictionCache(Path(sys.argv[5])) if len(sys.argv) > 5 else None
samples = parts.make_samples(Path(sys.argv[2]), 60, each=2)
run(Path(sys.argv[3]), Plan(parts.Naming(), batch=2), samples, Slow(), cache=cache)
"""


@pytest.mark.slow
@pytest.mark.parametrize("cached", [False, True])
def test_killed_at_random_moments_a_run_ends_as_if_unbroken(tmp_path: Path, cached: bool) -> None:
    rng = random.Random(7)

    def start(name: str) -> subprocess.Popen[bytes]:
        places = [
            Path(__file__).with_name("naming.py"),
            tmp_path / "files",
            tmp_path / name,
            tmp_path / f"{name}.log",
        ]
        cache = [tmp_path / f"{name}.sqlite"] if cached else []
        return subprocess.Popen([sys.executable, "-c", SCRIPT, *map(str, [*places, *cache])])

    unbroken = start("unbroken")
    kills = 0
    while True:
        process = start("broken")
        records = tmp_path / "broken" / "records.jsonl"
        before = records.stat().st_size if records.exists() else -1
        while process.poll() is None and (not records.exists() or records.stat().st_size == before):
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.2))
        if kills == 4:
            process.wait()
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
    assert unbroken.wait() == process.returncode == 0 and kills >= 2

    def content(name: str) -> list[dict[str, Any]]:
        return [
            {key: value for key, value in record.items() if key not in ("run", "cached")}
            for record in read_records(tmp_path / name / "records.jsonl")
        ]

    assert content("broken") == content("unbroken")
    assert len(content("broken")) == 180
    summaries = [json.loads((tmp_path / name / "summary.json").read_text()) for name in ("broken", "unbroken")]
    assert {**summaries[0], "records": ""} == {**summaries[1], "records": ""}
    groups = (tmp_path / "unbroken.log").read_text().count("asked")
    assert (tmp_path / "broken.log").read_text().count("asked") <= groups + kills


def test_a_run_whose_process_is_gone_reads_as_stopped(tmp_path: Path) -> None:
    state = {"state": "running", "done": 3, "total": 9, "pid": 2**22 + 1, "pid_started": 1.0, "eta_seconds": 4.0}
    (tmp_path / "state.json").write_text(json.dumps(state))
    assert read_state(tmp_path)["state"] == "stopped" and read_state(tmp_path)["done"] == 3


def test_one_sample_that_cannot_be_asked_does_not_spoil_its_batch() -> None:
    from lamm_core.conversation import Turn
    from lamm_core.evaluation.respondent import LocalModel

    class Answered:
        text, tokens, seconds = "yes", 1, 0.1

    class Choosy:
        def answer_many(self, conversations: Sequence[Any], *_: Any, **__: Any) -> list[Any]:
            if any("bad" in turns[0].text for turns in conversations):
                raise MediaError("bad.png is cut short")
            return [Answered() for _ in conversations]

    engine: Any = Choosy()
    model = LocalModel(engine, adapter=None, batch=4, identity={})
    replies = model.generate([[Turn("user", "good")], [Turn("user", "bad")]], max_new_tokens=3)
    assert [(reply.text, reply.broken) for reply in replies] == [("yes", False), ("", True)]
