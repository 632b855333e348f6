"""Settings come from the environment alone and say which variable is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import REPOSITORY, VARIABLES, Settings
from lamm_core.errors import ConfigError


def test_defaults_listen_on_this_machine_only() -> None:
    settings = Settings.from_environment({})
    assert (settings.host, settings.port, settings.model) == ("127.0.0.1", 7860, "lamm-mini")
    assert settings.cache == Path.home() / ".cache" / "lamm-studio"


def test_port_wins_over_the_port_of_gradio() -> None:
    assert Settings.from_environment({"PORT": "8000", "GRADIO_SERVER_PORT": "9000"}).port == 8000
    assert Settings.from_environment({"GRADIO_SERVER_PORT": "9000"}).port == 9000


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "70000"),
        ("PORT", "eighty"),
        ("GRADIO_SERVER_PORT", "-1"),
        ("LAMM_THREADS", "0"),
        ("LAMM_DEVICE", "gpu"),
        ("LAMM_QUANTIZE", "int3"),
        ("LAMM_CACHE", __file__),
    ],
)
def test_a_wrong_value_names_its_variable(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable):
        Settings.from_environment({variable: value})


def test_importing_the_package_switches_telemetry_off() -> None:
    code = "import app, os; print(os.environ['GRADIO_ANALYTICS_ENABLED'], os.environ['DO_NOT_TRACK'])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, env={})
    assert ran.stdout.split() == ["False", "1"]


def test_every_variable_that_is_read_is_described() -> None:
    source = (REPOSITORY / "app" / "settings.py").read_text()
    read = set(re.findall(r'(?:values\.get\(|values, )"([A-Z_]+)"', source)) | {"PORT", "GRADIO_SERVER_PORT"}
    assert read == set(VARIABLES)


def test_no_other_file_reads_the_environment() -> None:
    for file in (REPOSITORY / "app").rglob("*.py"):
        if file.relative_to(REPOSITORY).as_posix() not in ("app/settings.py", "app/__init__.py"):
            assert "os.environ" not in file.read_text(), file
