"""Places where runs are carried out: found by name, with the settings of launchers.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from lamm_core.errors import ConfigError
from lamm_core.launchers.hub_jobs import HubJobsLauncher
from lamm_core.launchers.places import PLACES, SETTINGS, launcher_at, launcher_of
from lamm_core.launchers.run import create_run
from lamm_core.launchers.slurm import SlurmLauncher
from lamm_core.training.recipe import TrainingRecipe

RECIPE = TrainingRecipe.from_dict({"model": "some-model", "data": [{"path": "hub:ann/pairs"}]})
SECTIONS = "slurm: {minutes: 90, partition: long}\nhub: {bucket: ann/runs, image: python, flavor: a10g-small}\n"


@pytest.mark.parametrize("place", PLACES)
def test_every_place_has_its_launcher_and_a_run_remembers_it(place: str, tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(SECTIONS)
    assert launcher_at(place, tmp_path).name == place
    assert launcher_of(create_run(tmp_path, RECIPE, title="one", launcher=place)).name == place


def test_settings_are_those_of_the_file(tmp_path: Path) -> None:
    slurm = launcher_at("slurm", tmp_path)
    assert isinstance(slurm, SlurmLauncher) and slurm.settings.minutes == 24 * 60
    (tmp_path / SETTINGS).write_text(SECTIONS)
    slurm, hub = launcher_at("slurm", tmp_path), launcher_at("hub", tmp_path)
    assert isinstance(slurm, SlurmLauncher) and (slurm.settings.minutes, slurm.settings.partition) == (90, "long")
    assert isinstance(hub, HubJobsLauncher) and hub.settings.flavor == "a10g-small"


@pytest.mark.parametrize(
    ("place", "text", "said"),
    [
        ("slrum", "", "Did you mean 'slurm'"),
        ("hub", "", "give bucket"),
        ("slurm", "slurm: {hours: 3}", "no setting 'hours'"),
        ("local", "k8s: {}", "section 'k8s'"),
    ],
)
def test_what_does_not_fit_is_said(place: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / SETTINGS).write_text(text or "{}")
    with pytest.raises(ConfigError, match=said):
        launcher_at(place, tmp_path)
