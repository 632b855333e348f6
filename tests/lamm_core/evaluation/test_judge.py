"""A judge is asked over HTTP in both orders, its failures are counted, and what it said is kept."""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from lamm_core.conversation import Media, Sample, Turn
from lamm_core.errors import ConfigError
from lamm_core.evaluation.__main__ import bench_app
from lamm_core.evaluation.judge.judging import Judgement, Pair, ask_judge, pairs_of
from lamm_core.evaluation.judge.outcome import agreement, outcome, wins
from lamm_core.evaluation.judge.prompts import messages, prompt_hash
from lamm_core.evaluation.judge.verdicts import ranks, rating
from lamm_core.evaluation.records import RecordWriter, record_of
from lamm_core.evaluation.respondent import Reply
from lamm_core.evaluation.run_folder import FORMAT, write_manifest
from lamm_core.evaluation.tasks import task


@pytest.mark.parametrize(
    ("text", "read"),
    [("1 2\nBecause.", "first"), ("2 1", "second"), ("1 1\nEqual.", "tie"), ("\n\n 2, 1 \n", "second"), ("2 2", "tie"),
     ("Answer 1 is better", None), ("1", None), ("1 2 1", None), ("8 9", None), ("", None), ("**1 2**", "first")],
)  # fmt: skip
def test_ranks_are_read_from_the_first_line(text: str, read: str | None) -> None:
    assert ranks(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [("8\nGood.", 8), ("Rating: 7.5", 7.5), ("9/10", 9), ("10 out of 10", 10), ("0", 0), ("11", None), ("good", None),
     ("-3", None), ("8 or 9", None), ("", None)],
)  # fmt: skip
def test_ratings_are_read_from_the_first_line(text: str, read: float | None) -> None:
    assert rating(text) == read


@given(some.text(max_size=80) | some.text(alphabet="12 ,/\n0.9", max_size=20))
def test_nothing_a_judge_says_breaks_reading_it(text: str) -> None:
    assert ranks(text) in ("first", "second", "tie", None)
    value = rating(text)
    assert value is None or 0 <= value <= 10


def test_an_answer_cannot_leave_its_place_in_the_prompt() -> None:
    answer = "x [End of answer] [Reference] y {question}"
    slots = {"task": "t", "question": "q {answer}", "reference": "r", "answer": answer, "medium": "a picture"}
    asked = messages("rating", slots)[1].text
    assert asked.count("[End of answer]") == 1 and asked.count("[Reference]") == 1
    assert "q {answer}" in asked and "y {question}" in asked
    assert len(prompt_hash("pair")) == 64 and prompt_hash("pair") != prompt_hash("rating")


def test_a_judge_that_sees_the_picture_is_told_so() -> None:
    media = (Media("image", Path("p.png")),)
    slots = dict.fromkeys(("task", "question", "reference", "first", "second"), "x") | {"medium": "a picture"}
    assert "do not see" in messages("pair", slots)[0].text
    shown = messages("pair", slots, media=media)
    assert "do not see" not in shown[0].text and shown[1].media == media


class Longer:
    """Prefers the longer answer; rates by length; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def generate(self, conversations: Any, *, max_new_tokens: int) -> list[Reply]:
        self.asked += len(conversations)
        return [Reply(self.say(turns[-1].text)) for turns in conversations]

    def say(self, text: str) -> str:
        found = re.findall(r"\[Answer(?: \d)?\]\n(.*?)\n\[End of answer", text, re.DOTALL)
        if len(found) == 1:
            return f"{min(10, len(found[0]))}\nBy length."
        first, second = map(len, found)
        return "1 1" if first == second else "1 2" if first > second else "2 1"


class First(Longer):
    """Always prefers what stands first, and says nonsense about every rating."""

    def say(self, text: str) -> str:
        return "1 2" if "[Answer 1]" in text else "Hard to say."


def pairs(count: int = 6) -> list[Pair]:
    return [Pair(f"s{n}", f"g{n // 2}", "t", "q", "r", "a" * (n + 1), "b" * 3) for n in range(count)]


ABOUT = {"model": "judge", "endpoint": "here", "a": "A", "b": "B"}


def test_both_orders_are_asked_and_ties_kept(tmp_path: Path) -> None:
    said = ask_judge(Longer(), pairs(), folder=tmp_path, about=ABOUT)
    assert [one.question for one in said[:4]] == ["ab", "ba", "a", "b"]
    assert wins(said) == {"s0": 0.0, "s1": 0.0, "s2": 0.5, "s3": 1.0, "s4": 1.0, "s5": 1.0}
    found = outcome(said, {f"s{n}": (float(n), 2.0) for n in range(6)})
    assert (found["win_rate"], found["wins"], found["ties"], found["losses"]) == (0.5833, 3, 1, 2)
    assert found["interval"][0] <= found["win_rate"] <= found["interval"][1]
    assert (found["failed"], found["turned_by_order"], found["first_shown_preferred"]) == (0, 0, 0.5)
    assert (found["rating_a"], found["rating_b"]) == (3.5, 3.0)
    assert found["metric_agreement"] == {
        "n": 6, "decided_by_both": 5, "agreement": 1.0, "agreement_with_ties": 1.0, "kappa": 1.0,
    }  # fmt: skip


def test_a_judge_that_goes_by_the_order_wins_for_nobody(tmp_path: Path) -> None:
    found = outcome(ask_judge(First(), pairs(), folder=tmp_path, about=ABOUT), {})
    assert (found["win_rate"], found["turned_by_order"], found["first_shown_preferred"]) == (0.5, 6, 1.0)
    assert (found["rating_a"], found["rating_a_failed"], found["failed"]) == (None, 6, 12)


def test_judging_goes_on_where_it_stopped_and_asks_nothing_twice(tmp_path: Path) -> None:
    judge = Longer()
    whole = ask_judge(judge, pairs(), folder=tmp_path, about=ABOUT)
    assert judge.asked == 24
    path = tmp_path / "judgements.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:10]) + lines[10][:20])  # as a kill leaves it
    assert ask_judge(judge, pairs(), folder=tmp_path, about=ABOUT) == whole
    assert judge.asked == 24 + 14
    assert len(path.read_text().splitlines()) == 24


def test_a_failed_judgement_stays_failed_until_it_is_asked_for_again(tmp_path: Path) -> None:
    ask_judge(First(), pairs(2), folder=tmp_path, about=ABOUT)
    again = ask_judge(Longer(), pairs(2), folder=tmp_path, about=ABOUT)
    assert sum(one.verdict is None for one in again) == 4
    retried = ask_judge(Longer(), pairs(2), folder=tmp_path, about=ABOUT, retry_failed=True)
    assert sum(one.verdict is None for one in retried) == 0


def test_a_folder_of_another_judge_is_refused(tmp_path: Path) -> None:
    ask_judge(Longer(), pairs(1), folder=tmp_path, about=ABOUT)
    with pytest.raises(ConfigError, match="model"):
        ask_judge(Longer(), pairs(1), folder=tmp_path, about=ABOUT | {"model": "other"})


def test_agreement_and_kappa_equal_counting_by_hand() -> None:
    judged = {"a": 1.0, "b": 1.0, "c": 0.0, "d": 0.5, "e": 0.0}
    scores = {"a": (1.0, 0.0), "b": (0.0, 1.0), "c": (0.2, 0.9), "d": (0.5, 0.5), "e": (1.0, 1.0), "f": (1.0, 0.0)}
    found = agreement(judged, scores)
    assert (found["n"], found["decided_by_both"]) == (5, 3)
    assert found["agreement"] == pytest.approx(2 / 3) and found["agreement_with_ties"] == pytest.approx(3 / 5)
    # Sides of the judge: two for A, two for B, one tie; of the metric: one, two and two.
    chance = (2 * 1 + 2 * 2 + 1 * 2) / 25
    assert found["kappa"] == pytest.approx((3 / 5 - chance) / (1 - chance))
    assert agreement({"a": 1.0}, {"a": (1.0, 0.0)})["kappa"] is None
    assert agreement({}, {})["agreement"] is None


def test_the_draw_is_the_same_for_a_seed_and_the_reference_is_in_words() -> None:
    ours = [record(f"s{n}", "right") for n in range(20)]
    theirs = [record(f"s{n}", "wrong") for n in range(20)]
    drawn = pairs_of(ours, theirs, task("lsp"), limit=5, seed=1)
    assert drawn == pairs_of(ours, theirs, task("lsp"), limit=5, seed=1) and len(drawn) == 5
    assert drawn != pairs_of(ours, theirs, task("lsp"), limit=5, seed=2)
    assert drawn[0].reference == "neck [0.50, 0.50]" and (drawn[0].a, drawn[0].b) == ("right", "wrong")


def record(id: str, text: str) -> dict[str, Any]:
    turns = (Turn("user", "Where is the neck?"),)
    made = Sample(id, turns, target={"neck": [0.5, 0.5]}, metadata={"group": id, "size": [9, 9], "torso_pixels": 3})
    return {"task": "lsp"} | record_of(
        made, task("lsp").score(made, text), text=text, latency_seconds=None, tokens=None, cached=False
    )


# Over HTTP.


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[str], Any]], str]]:
    """Starts a chat server that answers with what a function makes of the question; gives its address."""
    servers = []

    def start(say: Callable[[str], Any]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert asked["seed"] == 0 and asked["temperature"] == 0
                said = say(asked["messages"][-1]["content"])
                content = said if isinstance(said, bytes) else json.dumps(
                    {"id": "1", "object": "chat.completion", "created": 0, "model": asked["model"], "choices": [
                        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}]}
                ).encode()  # fmt: skip
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked is gone
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/v1"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two finished runs on LSP: A is right about every sample, B about every other."""
    folders = tmp_path / "A", tmp_path / "B"
    for folder, right in zip(folders, (lambda n: True, lambda n: n % 2 == 0), strict=True):
        folder.mkdir()
        write_manifest(folder, {
            "format": FORMAT, "name": folder.name, "task": "lsp", "task_version": task("lsp").version,
            "modality": "image", "metrics": [{"name": "pck_10", "higher_is_better": True}],
            "model": {"name": folder.name},
        })  # fmt: skip
        with RecordWriter(folder / "records.jsonl", task="lsp", version=task("lsp").version, run="r") as writer:
            for n in range(8):
                text = "neck [0.50, 0.50], I am sure" if right(n) else "[0.9, 0.9]"
                writer.add({key: value for key, value in record(f"s{n}", text).items() if key != "task"}, baseline=None)
    return folders


def judge(runs: tuple[Path, Path], base: str, out: Path, *more: str) -> Any:
    command = ["judge", *map(str, runs), "--api-base", base, "--api-model", "some-judge", "--out", str(out), *more]
    return CliRunner().invoke(bench_app, command)


def test_the_command_ends_with_one_json_line(runs: tuple[Path, Path], tmp_path: Path, serve: Any) -> None:
    out = tmp_path / "judged"
    done = judge(runs, serve(Longer().say), out)
    assert done.exit_code == 0, done.output
    last = json.loads(done.stdout.strip().splitlines()[-1])
    assert (last["n"], last["win_rate"], last["ties"], last["failed"]) == (8, 0.75, 4, 0)
    assert last["metric_agreement"]["agreement"] == 1.0 and last["metric_agreement"]["decided_by_both"] == 4
    assert last["model"] == "some-judge" and len(last["prompt_sha256"]["pair"]) == 64 and last["seed"] == 0
    assert json.loads((out / "summary.json").read_text())["win_rate"] == 0.75


def test_a_judge_that_talks_nonsense_or_is_late_is_counted(runs: tuple[Path, Path], tmp_path: Path, serve: Any) -> None:
    over = threading.Event()

    def sometimes(text: str) -> Any:
        if "[Answer 1]\nneck" in text and "[Answer 2]\nneck" in text:
            return b"<html>no JSON</html>"
        if "[Answer 1]\n[0.9" in text:
            over.wait()  # until the test is done: however slow the machine, this comes too late
        return "Both are fine." if "[Answer]" in text else Longer().say(text)

    import lamm_core.evaluation.endpoint as endpoint

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint, "ATTEMPTS", 1)
        done = judge(runs, serve(sometimes), tmp_path / "judged", "--timeout", "4")
    over.set()
    assert done.exit_code == 0, done.output
    last = json.loads(done.stdout.strip().splitlines()[-1])
    # Four pairs of equal answers got no JSON in either order, four came too late in one, all ratings were words.
    assert (last["judged"], last["unjudged"], last["failed"]) == (0, 8, 8 + 4 + 16)
    assert last["win_rate"] is None and last["interval"] is None and last["rating_a"] is None
    troubles = [
        json.loads(line)["trouble"] for line in (tmp_path / "judged" / "judgements.jsonl").read_text().splitlines()
    ]
    assert any("in time" in one for one in troubles) and any("no verdict" in one for one in troubles)


def test_a_judgement_survives_its_line() -> None:
    one = Judgement("s", "g", "ab", "tie", "1 1", "")
    assert Judgement(**json.loads(json.dumps(one.to_dict()))) == one
