"""Signing in with Hugging Face: Gradio's real routes and Authlib against a server that stands for the provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import gradio.oauth
import httpx
import pytest

from app.login import current_asker
from app.scripted import ScriptedEngine, scripted_services
from app.ui import build_ui, launch_options
from lamm_core.deploy.people import People, Person
from lamm_core.errors import ConfigError
from tests.app.test_access import review
from tests.fake_oauth import CLIENT, SECRET, FakeOAuth, running_oauth


class Place(NamedTuple):
    """A page in a Space, and who lets people in."""

    address: str
    provider: FakeOAuth


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A page as in a Space; ann is an admin by the file, and who stands in no file may look and ask."""
    folder = tmp_path_factory.mktemp("space")
    People.write(folder / "people.yaml", {"ann": Person("ann", "admin")})
    environment = {
        "LAMM_LOGIN": "huggingface", "SPACE_ID": "me/lamm", "LAMM_PEOPLE": str(folder / "people.yaml"),
    }  # fmt: skip
    services = scripted_services(
        folder, ScriptedEngine({"Where": "There."}), who=current_asker, environment=environment
    )
    with pytest.MonkeyPatch.context() as patch, running_oauth() as provider:
        patch.setenv("SYSTEM", "spaces")
        patch.setenv("SPACE_ID", "me/lamm")
        patch.setenv("GRADIO_TEMP_DIR", str(services.settings.uploads))
        given = {"CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "SCOPES": "openid profile"}
        for name, value in given.items():
            patch.setattr(gradio.oauth, f"OAUTH_{name}", value)
        patch.setattr(gradio.oauth, "OPENID_PROVIDER_URL", provider.address)
        patch.setattr("gradio.http_server.get_space", lambda: None)  # it would watch the app's files by `spaces`
        page = build_ui(services).queue()
        options = {**launch_options(services), "server_port": None}
        _, address, _ = page.launch(**options, prevent_thread_lock=True, quiet=True)
        yield Place(address.rstrip("/"), provider)
        page.close()


def client(place: Place, cookie: str = "") -> httpx.Client:
    """Somebody's browser. The cookie is for https alone, so it is handed over by hand."""
    return httpx.Client(base_url=place.address, headers={"Cookie": cookie} if cookie else {}, timeout=60)


def signed_in(place: Place, name: str) -> str:
    """The cookie of whoever went to Hugging Face and said yes."""
    place.provider.person = name
    with client(place) as before:
        begun = before.get("/login/huggingface")
    consented = httpx.get(begun.headers["location"])
    with client(place, begun.headers["set-cookie"].split(";")[0]) as back:
        done = back.get(consented.headers["location"])
    assert done.is_redirect, done.text
    return str(done.headers["set-cookie"].split(";")[0])


def test_the_name_at_hugging_face_decides_how_far_somebody_may_go(place: Place) -> None:
    def said(cookie: str) -> str:
        with client(place, cookie) as somebody:
            return json.dumps(review(somebody, "import", who="ann", form="lamm", path="nowhere.json"))

    ann = signed_in(place, "ann")
    assert "needs the role" not in said(ann)
    assert "ben is viewer" in said(signed_in(place, "ben"))
    assert "you have not signed in" in said("")
    name, value = ann.split("=", 1)
    assert "you have not signed in" in said(f"{name}=x{value}"), "a cookie that the page did not sign"
    with client(place, ann) as leaving:
        labels = [part["props"].get("logout_value") for part in leaving.get("/config").json()["components"]]
        assert "Sign out" in labels
        left = leaving.get("/logout")
    assert "you have not signed in" in said(left.headers["set-cookie"].split(";")[0])


def test_a_code_without_the_cookie_it_was_asked_with_lets_nobody_in(place: Place) -> None:
    with client(place) as first:
        begun = first.get("/login/huggingface")
    consented = httpx.get(begun.headers["location"])
    with client(place) as other:
        back = other.get(consented.headers["location"])
    assert "/login/huggingface" in back.headers["location"]


def test_outside_a_space_where_everybody_would_be_the_owner_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SYSTEM", raising=False)
    environment = {"LAMM_LOGIN": "huggingface", "SPACE_ID": "me/lamm"}
    services = scripted_services(tmp_path, ScriptedEngine({}), environment=environment)
    with pytest.raises(ConfigError, match="in a Space of the Hugging Face Hub alone"):
        build_ui(services)
