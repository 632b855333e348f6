"""Roles are checked in the services: every request here is a direct POST, as anybody with a cookie could send it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access import DESK_RULES, Access, Asker, Quota
from app.audit import Audit
from app.login import asker_of, current_asker
from app.scripted import ScriptedEngine, scripted_services
from app.services import Services
from app.settings import Settings
from app.ui import build_ui, launch_options
from lamm_core.deploy.people import People, Person, Role, hashed
from lamm_core.errors import ConfigError, NotAllowedError

WORDS = "a long password"
ROLES: tuple[Role, ...] = ("viewer", "reviewer", "admin")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Services]]:
    """A running page that three people may sign in to, named after their roles, and at most 2 MB may be uploaded to."""
    folder = tmp_path_factory.mktemp("shared")
    people = {role: Person(role, role, hashed(WORDS)) for role in ROLES}
    People.write(folder / "people.yaml", people)
    services = scripted_services(
        folder,
        ScriptedEngine({"Where": "There."}),
        who=current_asker,
        environment={"LAMM_PEOPLE": str(folder / "people.yaml"), "LAMM_UPLOAD_MB": "1", "LAMM_UPLOAD_SPACE_MB": "2"},
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        page = build_ui(services).queue()
        options = {**launch_options(services), "server_port": None}
        _, address, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
        yield address.rstrip("/"), services
        page.close()


@pytest.fixture
def sign_in(shared: tuple[str, Services]) -> Iterator[Callable[[str], httpx.Client]]:
    """Opens a client with somebody's cookies; with none for an empty name."""
    clients = []

    def signed(name: str) -> httpx.Client:
        client = httpx.Client(base_url=shared[0], timeout=60)
        clients.append(client)
        if name:
            assert client.post("/login", data={"username": name, "password": WORDS}).is_success
        return client

    yield signed
    for client in clients:
        client.close()


def review(client: httpx.Client, act: str, **values: Any) -> dict[str, Any]:
    """What the review desk answers to one act."""
    parts = client.get("/config").json()["components"]
    desk = next(part["id"] for part in parts if part["props"].get("elem_id") == "review")
    body = {"component_id": desk, "fn_name": "review", "session_hash": "x", "data": {"act": act, **values}}
    answer = client.post("/gradio_api/component_server/", json=body)
    answer.raise_for_status()
    return dict(answer.json())


def press(client: httpx.Client, element: str, data: list[Any], *, session: str = "s") -> str:
    """Carry out what pressing an element would, by its function's number; everything that the server says."""
    config = client.get("/config").json()
    target = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == element)
    number = next(one["id"] for one in config["dependencies"] if [target, "click"] in one["targets"])
    body = {"fn_index": number, "data": data, "session_hash": session}
    client.post("/gradio_api/queue/join", json=body).raise_for_status()
    said = ""
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as lines:
        for line in lines.iter_lines():
            said += line
            if "process_completed" in line:
                return said
    return said


def test_nobody_gets_in_without_a_name(sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("")
    assert client.post("/gradio_api/queue/join", json={"fn_index": 0, "data": []}).status_code == 401
    assert client.post("/gradio_api/upload", files={"files": ("a.png", b"x")}).status_code == 401
    assert client.post("/gradio_api/component_server/", json={"data": {"act": "open"}}).status_code == 401
    assert client.post("/login", data={"username": "admin", "password": "guess guess"}).status_code == 400


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("act", "least"), [("search", "viewer"), ("open", "reviewer"), ("example", "reviewer"), ("import", "admin")]
)
def test_acts_of_the_desk_need_their_role(
    sign_in: Callable[[str], httpx.Client], role: Role, act: str, least: Role
) -> None:
    told = review(sign_in(role), act, who="admin", form="lamm", path="nowhere.json")
    words = json.dumps(told)
    assert ("needs the role" in words) == (ROLES.index(role) < ROLES.index(least)), words


def test_a_name_that_the_page_says_counts_for_nothing(
    sign_in: Callable[[str], httpx.Client], shared: tuple[str, Services]
) -> None:
    client = sign_in("reviewer")
    review(client, "example")
    item = review(client, "open", who="admin", have=[], resume=True)["items"][0]
    seen = {"id": item["id"], "version": item["version"], "second": item["second"]}
    assert "done" in review(client, "decide", who="admin", action="skip", have=[], **seen)
    actors = {event.actor for event in shared[1].desk._reviews.store.history(item["id"])}
    assert "reviewer" in actors and "admin" not in actors


@pytest.mark.parametrize("role", ROLES)
def test_only_an_admin_deletes_a_run(
    sign_in: Callable[[str], httpx.Client], shared: tuple[str, Services], role: Role
) -> None:
    services = shared[1]
    folder = services.settings.training / f"run-of-{role}"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(services.training.preset("lamm-mini"))
    (folder / "launch.json").write_text(json.dumps({"title": "a run", "created": 0, "command": ["true"], "cwd": "."}))
    (folder / "state.json").write_text(json.dumps({"state": "stopped", "step": 0}))
    client = sign_in(role)
    press(client, "train-really", [None, []])
    said = press(client, "train-really", [folder.name, []])
    assert folder.exists() == (role != "admin"), said
    line = services.access.audit.read()[-1]
    assert (line["who"], line["what"], line["on"]) == (role, "training.delete", folder.name)
    assert line["outcome"] == ("done" if role == "admin" else "refused")


def test_uploads_have_a_limit_for_each_person(sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("viewer")

    def send(size: int) -> httpx.Response:
        return client.post("/gradio_api/upload", files={"files": ("a.bin", bytes(size))})

    assert send(600_000).is_success
    assert send(600_000).status_code == 429
    assert sign_in("reviewer").post("/gradio_api/upload", files={"files": ("b", bytes(600_000))}).is_success
    assert sign_in("admin").post("/gradio_api/upload", files={"files": ("c", bytes(900_000))}).status_code == 507
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    unsized = client.post("/gradio_api/upload", content=iter([b"--x"]), headers=headers)
    assert unsized.status_code == 411


def test_sign_ins_are_written_down_and_guessing_ends(
    sign_in: Callable[[str], httpx.Client], shared: tuple[str, Services]
) -> None:
    client = sign_in("")
    for _ in range(12):
        assert client.post("/login", data={"username": "nobody", "password": "wrong wrong"}).status_code == 400
    tried = [line for line in shared[1].access.audit.read() if line["who"] == "nobody"]
    assert len(tried) == 12 and {line["outcome"] for line in tried} == {"refused"}


def access(tmp_path: Path, name: str = "", **options: Any) -> Access:
    return Access(lambda: Asker(name, "10.0.0.1"), audit=Audit(tmp_path / "audit.jsonl"), **options)


class Machine:
    """A service."""

    size = 3

    def look(self) -> str:
        return "seen"

    def list(self) -> str:
        return "listed"

    def burn(self, what: str) -> str:
        raise ValueError(what)


def test_what_no_table_names_only_an_admin_may_do(tmp_path: Path) -> None:
    guarded = access(tmp_path, guests="viewer").guard("training", Machine())
    assert guarded.list() == "listed" and guarded.size == 3
    with pytest.raises(NotAllowedError, match="role admin"):
        guarded.look()


def test_a_failure_is_written_down_with_its_kind(tmp_path: Path) -> None:
    may = access(tmp_path, "ann", role_of=lambda name: "admin")
    with pytest.raises(ValueError):
        may.guard("training", Machine()).burn("the run")
    (line,) = may.audit.read()
    assert (line["who"], line["on"], line["outcome"]) == ("ann", "the run", "failed: ValueError")


def test_every_rule_of_the_desk_is_about_an_act_there_is(services: Services) -> None:
    assert set(DESK_RULES) <= set(services.desk._acts)


def test_questions_are_counted_for_each_person(tmp_path: Path) -> None:
    now = [0.0]
    may = access(tmp_path, "ann", questions=Quota(2, 3600, clock=lambda: now[0]))
    may.question()
    may.question()
    with pytest.raises(NotAllowedError, match="2 questions an hour"):
        may.question()
    now[0] = 3601.0
    may.question()


def test_the_name_of_hugging_face_comes_from_the_signed_session() -> None:
    scope = {"type": "http", "headers": [], "client": ("10.0.0.1", 1), "session": {
        "oauth_info": {"userinfo": {"preferred_username": "ann"}}}}  # fmt: skip
    from starlette.requests import Request

    assert asker_of(Request(scope)) == Asker("ann", "10.0.0.1")
    assert asker_of(Request({**scope, "session": {}})).name == ""
    scope["session"]["oauth_info"]["expires_at"] = 1  # type: ignore[index]
    assert asker_of(Request(scope)).name == ""


def test_people_are_read_anew_when_the_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    People.write(file, {"ann": Person("ann", "viewer", hashed(WORDS))})
    people = People(file)
    assert people.check("ann", WORDS) and not people.check("ann", "another one") and not people.check("bob", WORDS)
    assert people.role("ann", otherwise="none") == "viewer" and people.role("bob", otherwise="none") == "none"
    file.write_text("people: {ann: admin}")
    assert people.role("ann", otherwise="none") == "admin"
    assert not people.check("ann", "") and oct(file.stat().st_mode)[-3:] == "600"


@pytest.mark.parametrize("text", ["[", "people: 3", "people: {ann: king}", "people: {ann: {role: admin, password: x}}"])
def test_a_file_of_people_that_says_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"people\.yaml"):
        People(file)


@pytest.mark.parametrize(
    ("environment", "guests"),
    [({}, "admin"), ({"LAMM_PEOPLE": "p.yaml"}, "viewer"), ({"SPACE_ID": "a/b"}, "reviewer"),
     ({"SPACE_ID": "a/b", "LAMM_LOGIN": "huggingface"}, "viewer"), ({"LAMM_GUESTS": "none"}, "none")],
)  # fmt: skip
def test_who_has_not_signed_in_may_do_what_fits_the_place(environment: dict[str, str], guests: Role) -> None:
    assert Settings.from_environment(environment).guests == guests
