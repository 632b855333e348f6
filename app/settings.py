"""What a person can set from outside: folders, address, device; the only reader of the environment.

Does not know what the settings are used for.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from lamm_core.errors import ConfigError

__all__ = ["REPOSITORY", "VARIABLES", "Settings"]

REPOSITORY = Path(__file__).resolve().parent.parent

VARIABLES: Mapping[str, str] = {
    "LAMM_CACHE": "folder of fetched base weights and of what the page keeps while it runs",
    "LAMM_MODELS": "folder whose sub-folders are models of yours",
    "LAMM_RUNS": "folder of runs: training in its training, benchmarks in its benchmark",
    "LAMM_HOST": "address to listen on; 0.0.0.0 lets other machines in",
    "PORT": "port of the page; GRADIO_SERVER_PORT means the same",
    "GRADIO_SERVER_PORT": "port of the page when PORT is not set",
    "GRADIO_TEMP_DIR": "folder that receives uploads",
    "LAMM_MODEL": "name of the model to load first",
    "LAMM_DEVICE": "cpu, cuda, cuda:1, mps; empty: the best there is",
    "LAMM_QUANTIZE": "nf4 loads language models in 4 bits",
    "LAMM_KEEP_MODELS": "how many models stay in memory, the chosen one included; 1 where memory is short",
    "LAMM_THREADS": "threads of the processor to compute with; empty: one a core",
    "LAMM_REVIEW_DATA": "folder to import from; empty: your home, or nothing while LAMM_HOST lets others in",
    "HF_TOKEN": "token of the Hugging Face Hub, to push models; nothing else reads it here",  # nosec B105 - words
    "SPACE_ID": "set by a Space of the Hub, where the page trains nothing itself",
    "LAMM_REVIEW_DB": "database of reviews: sqlite:///FILE or postgresql://HOST/NAME; empty: SQLite in the cache",
}

_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")


@dataclass(frozen=True)
class Settings:
    """Everything the page is told from outside."""

    cache: Path
    models: Path
    uploads: Path
    runs: Path
    typed_runs: Path
    host: str = "127.0.0.1"
    port: int = 7860
    model: str = "lamm-mini"
    device: str | None = None
    quantize: Literal["nf4"] | None = None
    keep_models: int = 2
    threads: int | None = None
    review_url: str = ""
    review_data: Path | None = None
    hub_token: str | None = field(default=None, repr=False)
    space: str = ""
    shipped_models: Path = REPOSITORY / "assets"
    demo: Path = REPOSITORY / "assets" / "demo"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the variables of VARIABLES. Raises ConfigError naming the variable that is wrong."""
        values = os.environ if environ is None else environ
        cache = _folder(values, "LAMM_CACHE", Path.home() / ".cache" / "lamm-studio")
        port_name = "PORT" if values.get("PORT") else "GRADIO_SERVER_PORT"
        device = values.get("LAMM_DEVICE") or None
        if device is not None and not _DEVICE.fullmatch(device):
            raise ConfigError(f"LAMM_DEVICE is {device!r}; use cpu, cuda, cuda:0 or mps.")
        quantize = values.get("LAMM_QUANTIZE")
        if quantize not in (None, "", "nf4"):
            raise ConfigError(f"LAMM_QUANTIZE is {quantize!r}; the only value is nf4, or leave it empty.")
        return cls(
            cache=cache,
            typed_runs=Path("runs", "evaluation").absolute(),  # where `lamm bench run` puts them, typed here
            runs=_folder(values, "LAMM_RUNS", cache / "runs"),
            models=_folder(values, "LAMM_MODELS", cache / "models"),
            # The same rule as Gradio's, which puts uploads there before we see them.
            uploads=_folder(values, "GRADIO_TEMP_DIR", Path(tempfile.gettempdir()) / "gradio"),
            host=values.get("LAMM_HOST") or cls.host,
            port=_number(values, port_name, low=1, high=65535) or cls.port,
            model=values.get("LAMM_MODEL") or cls.model,
            device=device,
            quantize="nf4" if quantize == "nf4" else None,
            keep_models=_number(values, "LAMM_KEEP_MODELS", low=1, high=64) or cls.keep_models,
            threads=_number(values, "LAMM_THREADS", low=1, high=1024),
            review_url=values.get("LAMM_REVIEW_DB") or "",
            review_data=_folder(values, "LAMM_REVIEW_DATA", Path()) if values.get("LAMM_REVIEW_DATA") else None,
            hub_token=values.get("HF_TOKEN") or None,
            space=values.get("SPACE_ID") or "",
        )

    @property
    def sessions(self) -> Path:
        """Where the pictures of open conversations lie, one folder for each."""
        return self.cache / "sessions"

    @property
    def benchmarks(self) -> Path:
        """Where benchmark runs that the page starts lie, one folder for each."""
        return self.runs / "benchmark"

    @property
    def training(self) -> Path:
        """Where runs of training lie, one folder for each."""
        return self.runs / "training"

    @property
    def reviews(self) -> Path:
        """Where what people marked for review waits for the annotation queue."""
        return self.cache / "reviews"

    @property
    def import_roots(self) -> tuple[Path, ...]:
        """The folders that people may import from: what they upload, what the page keeps, and one of the machine's."""
        alone = self.host in ("127.0.0.1", "localhost", "::1")
        own = self.review_data or (Path.home() if alone else None)
        return (*((own,) if own else ()), self.uploads, self.reviews, self.demo)

    @property
    def review_database(self) -> str:
        """Where the review queue is kept."""
        return self.review_url or f"sqlite:///{self.reviews / 'reviews.db'}"


def _folder(values: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(values.get(name) or default).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{name} is {path}, which is a file; name a folder.")
    return path


def _number(values: Mapping[str, str], name: str, *, low: int, high: int) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ConfigError(f"{name} is {text!r}; use a whole number from {low} to {high}.")
    return int(text)
