"""The page's shell: its tabs, its look, its chips."""

from __future__ import annotations

import re

import pytest

from app.examples import EXAMPLES
from app.header import KEYS, model_chip
from app.services import Services
from app.settings import REPOSITORY
from app.shelf import Status
from app.tabs import TABS
from app.theme import TOKENS, css_variables
from app.ui import build_ui, launch_options


def test_every_tab_is_on_the_page_in_order(services: Services) -> None:
    config = build_ui(services).get_config_file()
    labels = [part["props"]["label"] for part in config["components"] if part["type"] == "tabitem"]
    assert labels == [title for title, _ in TABS]


def test_events_of_the_page_are_private(services: Services) -> None:
    dependencies = build_ui(services).get_config_file()["dependencies"]
    public = {one["api_name"] for one in dependencies if one["api_visibility"] == "public"}
    assert public == {"chat", "chat3d", "models"}


def test_nothing_is_fetched_from_elsewhere(services: Services) -> None:
    options = launch_options(services)
    for text in (options["css"], options["head"], str(options["theme"]._stylesheets)):
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


def test_the_page_is_served_to_this_machine_without_ways_around(services: Services) -> None:
    options = launch_options(services)
    assert options["server_name"] == "127.0.0.1" and options["share"] is False
    assert all(path.endswith(("sessions", "demo")) for path in options["allowed_paths"])


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status("mini", "loading", "fetching", 0.42), "fetching 42%"),
        (Status("mini", "ready", device="CPU", precision="bf16"), "bf16 · CPU · ready"),
        (Status("mini", "failed", "no weights"), "could not be loaded"),
        (Status(""), "no model"),
    ],
)
def test_the_chip_says_what_the_model_is_doing(status: Status, words: str) -> None:
    assert words in model_chip(status)


def test_the_chip_escapes_names() -> None:
    assert "<script>" not in model_chip(Status("<script>", "failed", '"><script>'))


def test_every_key_of_the_list_is_handled_by_the_script() -> None:
    script = (REPOSITORY / "assets" / "js" / "studio.js").read_text()
    for key, _ in KEYS:
        forms = (f'"{key}', f" {key.lower()}: ")  # as a name in quotes (Esc opens "Escape"), or as a bare one
        assert key == "Enter" or any(form in script for form in forms), key


def test_every_example_is_shipped_and_its_licence_told() -> None:
    terms = (REPOSITORY / "assets" / "LICENSES.md").read_text()
    for example in EXAMPLES:
        assert (REPOSITORY / "assets" / "demo" / example.file).is_file()
        assert f"demo/{example.file}" in terms


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("words", ["ink", "muted", "accent"])
@pytest.mark.parametrize("ground", ["paper", "panel", "sunken"])
@pytest.mark.parametrize("look", [0, 1])
def test_words_can_be_read_in_light_and_dark(words: str, ground: str, look: int) -> None:
    bright, dim = sorted((luminance(TOKENS[words][look]), luminance(TOKENS[ground][look])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= 4.5


def test_the_style_sheets_use_no_colour_that_is_not_a_variable() -> None:
    known = css_variables()
    for file in (REPOSITORY / "assets" / "css").glob("*.css"):
        for name in re.findall(r"var\((--lamm-[a-z-]+)\)", file.read_text()):
            assert f"{name}:" in known, f"{file.name}: {name}"
