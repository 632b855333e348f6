"""Starts the page: settings from the environment, services from the settings, the page from the services.

Knows nothing else; `make run` and `python app.py` come here.
"""

from __future__ import annotations

from app.login import current_asker
from app.services import build_services
from app.settings import Settings
from app.ui import launch

if __name__ == "__main__":
    launch(build_services(Settings.from_environment(), who=current_asker))
