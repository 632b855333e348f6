"""How runs and checks look: states, curves, escaped texts."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from app import training_view as view
from app.training import ViewedRun
from lamm_core.conversation import Media, Sample, Turn
from lamm_core.launchers.status import RunStatus
from lamm_core.training.preflight import CheckReport, Piece, SeenSample

EVIL = "<script>alert(1)</script>"


def run(state: str, **values: object) -> ViewedRun:
    return ViewedRun(Path("one"), RunStatus(**{"state": state, "title": EVIL, **values}))  # type: ignore[arg-type]


def test_the_list_and_the_chip_say_how_far_a_run_is() -> None:
    running = run("running", step=42, total_steps=100, eta_seconds=360.0)
    assert "▶" in view.choices([running])[0][0] and "42% · 6 min left" in view.choices([running])[0][0]
    chip = view.run_chip([running, run("queued")])
    assert "42% · 6 min left · 1 queued" in chip and "<script>" not in chip
    assert view.run_chip([run("completed"), run("failed")]) == ""


def test_a_failure_says_why_and_what_to_do() -> None:
    shown = view.status_view(run("failed", reason="No space left", kind="disk", remedy="Make room."))
    assert "No space left" in shown and "Make room." in shown and "<script>" not in shown
    assert "choose a preset" in view.status_view(None)


def test_long_curves_are_thinned_and_none_of_their_parts_is_cut_off() -> None:
    events = [{"step": step, "loss": float(step), "learning_rate": 1.0} for step in range(1, 10_001)]
    events[4999]["eval_loss"] = 2.0
    figure = view.curves_figure(events)
    loss = figure.data[0]
    assert len(loss.x) <= view.MOST_POINTS and loss.x[-1] == 10_000 and loss.y[0] < 20
    assert next(trace for trace in figure.data if trace.name == "held apart").x == (5000.0,)


def test_compared_runs_have_curves_of_their_own_and_their_differences_listed() -> None:
    events = {"a": [{"step": 1, "loss": 1.0}], "b<": [{"step": 1, "loss": 2.0}]}
    names = {trace.name for trace in view.compared_figure(events).data if trace.showlegend}
    assert names == {"a", "b‹"}
    shown = view.differences({"a": {"x": 1, "y": {"z": 2}, "out": "a"}, "b": {"x": 1, "y": {"z": EVIL}, "out": "b"}})
    assert "y.z" in shown and ">x<" not in shown and "out" not in shown and "<script>" not in shown
    told = view.differences({"a": {"x": None, "y": ["p", "q"]}, "b": {"x": 1, "y": ["p"]}})
    assert "<td>–</td><td>1</td>" in told and "<td>p, q</td><td>p</td>" in told
    assert "the same" in view.differences({"a": {"x": 1}, "b": {"x": 1}})


def test_a_report_shows_what_is_learned_and_escapes_everything(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    pieces = (Piece(EVIL, learned=True), Piece("asked"), Piece("", medium=str(tmp_path / "a.png"), tokens=16))
    report = CheckReport(problems=[EVIL], first_batch=[SeenSample(EVIL, pieces)], text_tokens=[3, 9], media_tokens=[16])
    shown = view.report_view(report)
    assert "<script>" not in shown and "<mark>&lt;script&gt;" in shown
    assert "16 media tokens" in shown and "data:image/jpeg" in shown and "to put right" in shown
    assert view.report_view(None) == ""


def test_previews_answers_and_logs_are_text(tmp_path: Path) -> None:
    sample = Sample(EVIL, (Turn("user", EVIL, (Media("image", tmp_path / "<gone>.png"),)), Turn("assistant", EVIL)))
    answer = {"step": 3, "id": EVIL, "question": EVIL, "target": EVIL, "answer": EVIL, "loss": 0.5}
    for shown in (view.preview_view([sample], 0), view.samples_view([answer]), view.log_view(EVIL)):
        assert "<script>" not in shown and "&lt;script&gt;" in shown
    assert "&lt;gone&gt;" in view.preview_view([sample], 0)
    assert "no sample 8" in view.preview_view([], 8)


def test_answers_show_the_worst_the_best_and_what_was_said_at_first() -> None:
    answers = [
        {"step": step, "id": name, "question": f"{name}?", "target": "t", "answer": f"{name} at {step}", "loss": loss}
        for step, losses in ((5, (0.9, 0.8)), (10, (0.1, 0.7)))
        for name, loss in zip("ab", losses, strict=True)
    ]
    shown = view.samples_view(answers)
    assert shown.index("<td>worst</td><td>b?") < shown.index("<td>best</td><td>a?")
    assert "step 10" in shown and "a at 5" in shown and "a at 10" in shown
    assert "worst</td>" not in view.samples_view(answers[:1])


def test_memory_is_marked_as_an_estimate() -> None:
    report = CheckReport(memory={"language model": 2.0**30}, memory_device="cuda", memory_batch="4 tokens")
    assert "about 1.0 GiB" in view.memory_view(report) and "estimate" in view.memory_view(report)
    report.probed_bytes, report.probed_seconds = 2**31, 0.5
    assert "2.00 GiB at the peak" in view.memory_view(report)
    assert "No estimate" in view.memory_view(CheckReport())
