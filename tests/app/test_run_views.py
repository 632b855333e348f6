"""How measurements, exports and the first steps look: figures with intervals, links, escaped texts."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from app import run_views as view
from app.inspection.run_shelf import Run
from app.run_models import Beside
from app.training import LeftOut

EVIL = "<script>alert(1)</script>"
METRICS = [{"name": "accuracy", "higher_is_better": True}]


def run(name: str, **values: Any) -> Run:
    manifest = {"task": "animals", "title": EVIL, "metrics": METRICS}
    return Run(name, Path(name), manifest=manifest, **{"state": {"state": "completed"}, **values})


def test_scores_stand_with_their_interval_and_lead_to_their_samples() -> None:
    done = run("a", summary={"n": 40, "accuracy": 0.5, "intervals": {"accuracy": [0.35, 0.65]}})
    going = run("b", state={"state": "running", "done": 3, "total": 9, "eta_seconds": 30})
    shown = view.measured_view([done, going], [])
    assert "50.0 (35.0–65.0)" in shown and "3 of 9 30 s left" in shown and "runs=a" in shown
    assert "<script>" not in shown
    assert view.measured_view([], []) == ""


def test_a_difference_stands_with_its_interval_and_what_may_be_claimed() -> None:
    found = SimpleNamespace(
        metric="accuracy", higher_is_better=True, difference=0.1, low=-0.02, high=0.22, a=0.6, b=0.5,
        sentence=f"no difference {EVIL}", notes=(EVIL,),
    )  # fmt: skip
    one = run("a", summary={"n": 40, "accuracy": 0.6})
    pairs = [(EVIL, Beside(one, run("c"), cast(Any, found))), ("d", Beside(one, run("d"), trouble=EVIL))]
    shown = view.measured_view([one], pairs)
    assert "+10.0 (−2.0 to +22.0)" in shown and "no difference" in shown and "runs=a~c" in shown
    assert "<script>" not in shown


def test_the_guide_says_what_is_here_and_that_training_is_off() -> None:
    shown = view.guide_view([(EVIL, "x")] * 7, EVIL)
    assert "and 2 more" in shown and "run-off" in shown and "<script>" not in shown
    assert "decide about some pairs" in view.guide_view([], "") and "run-off" not in view.guide_view([], "")


def test_jobs_tell_their_command_and_how_they_ended() -> None:
    shown = view.jobs_view([{"title": EVIL, "state": "failed", "command": EVIL, "said": EVIL}])
    assert "✗ failed" in shown and shown.count("&lt;script&gt;") == 3 and "<script>" not in shown
    assert view.jobs_view([]) == ""


def test_samples_left_out_are_counted_and_the_first_say_why() -> None:
    assert view.left_out_view(LeftOut(0, ())) == ""
    shown = view.left_out_view(LeftOut(1200, ({"id": EVIL, "reason": "a.png is damaged"},)))
    assert "1,200 samples were left out" in shown and "a.png is damaged" in shown and "dropped.jsonl" in shown
    assert "<script>" not in shown
