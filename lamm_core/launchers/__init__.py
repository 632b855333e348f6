"""Launchers: where a run is carried out, and the folder by which whoever watches knows how it stands."""
