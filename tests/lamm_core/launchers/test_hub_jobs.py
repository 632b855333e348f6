"""Runs as Hugging Face Jobs, against a small server that answers as the hub's endpoint does."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from lamm_core.errors import ConfigError
from lamm_core.launchers import hub_jobs
from lamm_core.launchers.hub_jobs import HubJobSettings, HubJobsLauncher
from lamm_core.launchers.run import create_run, read_launch
from lamm_core.launchers.status import look
from lamm_core.launchers.told import hear, tell
from lamm_core.training.progress import RunFiles, read_events, read_state
from lamm_core.training.recipe import TrainingRecipe

SETTINGS = HubJobSettings(bucket="ann/runs", image="hf.co/spaces/ann/lamm-studio", flavor="l4x1", timeout="2h")
ON_THE_HUB = TrainingRecipe.from_dict({"model": "some-model", "data": [{"path": "hub:ann/pairs"}]})


class Hub(ThreadingHTTPServer):
    """Jobs of one user, as far as the launcher asks for them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.spec: dict[str, Any] = {}
        self.stage, self.message = "SCHEDULING", None
        self.lines: list[str] = []
        self.refuses = False

    @property
    def job(self) -> dict[str, Any]:
        return {
            "id": "j1",
            "owner": {"id": "1", "name": "ann", "type": "user"},
            "status": {"stage": self.stage, "message": self.message},
        }


class Answers(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        if self.path == "/api/whoami-v2":
            self.answer({"name": "ann"})
        elif self.path.split("?")[0] == "/api/jobs/ann/j1/logs":
            stamp = "2026-01-01T00:00:00.000Z"
            events = [json.dumps({"data": line, "timestamp": stamp}) for line in self.server.lines]
            self.answer("".join(f"data: {event}\n\n" for event in events), "text/event-stream")
        else:
            assert self.path == "/api/jobs/ann/j1", self.path
            self.answer(self.server.job)

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"] or 0))
        if self.server.refuses:
            self.send_error(402)
        elif self.path == "/api/jobs/ann":
            self.server.spec = json.loads(content)
            self.answer(self.server.job)
        else:
            assert self.path == "/api/jobs/ann/j1/cancel", self.path
            self.server.stage = "CANCELED"
            self.answer({})

    def answer(self, values: object, kind: str = "application/json") -> None:
        content = (values if isinstance(values, str) else json.dumps(values)).encode()
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub_jobs, "LOOK_SECONDS", 0.0)
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def jobs(hub: Hub, tmp_path: Path) -> HubJobsLauncher:
    api = HfApi(endpoint=f"http://127.0.0.1:{hub.server_port}", token="hf_none")
    return HubJobsLauncher(tmp_path / "runs", SETTINGS, api=api)


def test_a_job_is_followed_from_its_queue_to_its_end(hub: Hub, jobs: HubJobsLauncher) -> None:
    run = create_run(jobs.runs, ON_THE_HUB, title="first", launcher="hub")
    assert jobs.submit(run).state == "queued"
    image = {"spaceId": "ann/lamm-studio"}
    assert hub.spec.items() >= {"flavor": "l4x1", "timeoutSeconds": 7200, **image}.items()
    assert hub.spec["command"][:4] == ["python", "-m", "lamm_core.launchers.told", "/runs/first"]
    assert hub.spec["command"][4] == (run / "recipe.yaml").read_text()
    (volume,) = hub.spec["volumes"]
    assert volume.items() >= {"type": "bucket", "source": "ann/runs", "mountPath": "/runs"}.items()

    hub.stage = "RUNNING"
    assert jobs.status(run).state == "preparing"
    event = {"step": 1, "loss": 2.0, "seconds": 0.5}
    said = {"state": "running", "step": 1, "total_steps": 2, "process": {"pid": 9, "began": "b 1", "host": "far"}}
    hub.lines = ["Reading pairs", f"@event {json.dumps(event)}", f"@state {json.dumps(said)}"]
    status = jobs.status(run)
    assert (status.state, status.step, status.eta_seconds) == ("running", 1, 0.5)
    assert list(read_events(run)) == [event]
    assert jobs.logs(run)[0] == "Reading pairs\n"
    assert jobs.submit(run).attempt == 1  # it runs already

    hub.stage = "COMPLETED"
    hub.lines.append(f"@state {json.dumps(said | {'state': 'done', 'step': 2})}")
    assert jobs.status(run).state == "completed"


def test_cancelled_and_broken_jobs_say_so(hub: Hub, jobs: HubJobsLauncher) -> None:
    stopped, broken = (create_run(jobs.runs, ON_THE_HUB, title=name, launcher="hub") for name in ("stopped", "broken"))
    jobs.submit(stopped)
    assert jobs.cancel(stopped).state == "stopped" and hub.stage == "CANCELED"
    hub.stage = "SCHEDULING"
    jobs.submit(broken)
    hub.stage, hub.message = "ERROR", "Job failed with exit code: 137. Reason: OOMKilled, out of memory"
    jobs.advance()
    status = look(broken)
    assert (status.state, status.kind) == ("failed", "memory") and "OOMKilled" in status.reason
    assert look(stopped).state == "stopped"
    hub.stage = "SCHEDULING"
    assert jobs.submit(broken).state == "queued"
    hub.stage = "RUNNING"
    assert (jobs.status(broken).state, jobs.status(broken).attempt) == ("preparing", 2)  # not what the last one said


def test_what_the_job_could_not_read_and_what_the_hub_refuses_is_said(hub: Hub, jobs: HubJobsLauncher) -> None:
    here = TrainingRecipe.from_dict({"model": "some-model", "data": [{"path": __file__}]})
    with pytest.raises(ConfigError, match="Push it as a data set"):
        jobs.submit(create_run(jobs.runs, here, title="here", launcher="hub"))
    local_model = TrainingRecipe.from_dict({"model": str(Path(__file__).parent), "data": [{"path": "hub:ann/pairs"}]})
    with pytest.raises(ConfigError, match="Push it to the Hub"):
        jobs.submit(create_run(jobs.runs, local_model, title="model", launcher="hub"))
    hub.refuses = True
    run = create_run(jobs.runs, ON_THE_HUB, title="refused", launcher="hub")
    with pytest.raises(ConfigError, match="hf auth login"):
        jobs.submit(run)
    launch = read_launch(run)
    assert launch is not None and launch.job == {}
    with pytest.raises(ConfigError, match="bucket"):
        HubJobSettings()


CHILD = """
import sys, time
from pathlib import Path
from lamm_core.training.progress import RunFiles
files = RunFiles(Path(sys.argv[1]))
print("Reading")
for step in (1, 2):
    files.event({"step": step, "loss": 1.0 / step, "seconds": 0.1})
    files.state("running", step=step, total_steps=2)
    time.sleep(0.2)
files.state("done", step=2, total_steps=2)
sys.exit(3)
"""


def test_what_is_told_there_is_put_together_here(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    said: list[str] = []
    code = tell(there, [sys.executable, "-u", "-c", CHILD, str(there)], say=said.append, seconds=0.05)
    hear([*said[:2], *said], here)  # the beginning twice, as after a retry
    assert code == 3
    assert list(read_events(here)) == list(read_events(there)) and read_state(here) == read_state(there)
    assert "Reading" in (here / "log.txt").read_text()


def test_a_run_that_went_back_to_a_checkpoint_is_told_again(tmp_path: Path) -> None:
    from lamm_core.launchers.told import _News

    files, said = RunFiles(tmp_path), []
    news = _News(tmp_path, said.append)
    for step in (1, 2, 3):
        files.event({"step": step, "loss": 1.0, "seconds": 0.1})
    news.look()
    files.rewind(1)
    files.event({"step": 2, "loss": 9.0, "seconds": 0.1})
    news.look()
    hear(said, tmp_path)
    assert {event["step"]: event["loss"] for event in read_events(tmp_path)} == {1: 1.0, 2: 9.0, 3: 1.0}
