"""What a person can set from outside: folders, address, device; the only reader of the environment.

Does not know what the settings are used for.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from lamm_core.deploy.people import ROLES, Role
from lamm_core.errors import ConfigError

__all__ = ["REPOSITORY", "VARIABLES", "Settings"]

REPOSITORY = Path(__file__).resolve().parent.parent

VARIABLES: Mapping[str, str] = {
    "LAMM_CACHE": "folder of fetched base weights and of what the page keeps while it runs",
    "LAMM_MODELS": "folder whose sub-folders are models of yours",
    "LAMM_RUNS": "folder of runs: training in its training, benchmarks in its benchmark",
    "LAMM_HOST": "address to listen on; 0.0.0.0 lets other machines in",
    "GRADIO_SERVER_NAME": "address to listen on when LAMM_HOST is not set; Spaces set it",
    "PORT": "port of the page; GRADIO_SERVER_PORT means the same",
    "GRADIO_SERVER_PORT": "port of the page when PORT is not set",
    "GRADIO_TEMP_DIR": "folder that receives uploads",
    "LAMM_UPLOAD_MINUTES": "how long an upload stays in that folder; a day when empty",
    "LAMM_MODEL": "name of the model to load first",
    "LAMM_DEVICE": "cpu, cuda, cuda:1, mps; empty: the best there is",
    "LAMM_QUANTIZE": "nf4 loads language models in 4 bits",
    "LAMM_KEEP_MODELS": "how many models stay in memory, the chosen one included; 1 where memory is short",
    "LAMM_THREADS": "threads of the processor to compute with; empty: one a core",
    "LAMM_REVIEW_DATA": "folder to import from; empty: your home, or nothing while LAMM_HOST lets others in",
    "HF_TOKEN": "token of the Hugging Face Hub, to push models and reviewed data",  # nosec B105 - words
    "LAMM_PEOPLE": "file of who may sign in and what each may do, written by lamm people; empty: nobody has to",
    "LAMM_LOGIN": "huggingface: people sign in with Hugging Face, where the host offers that, as Spaces do",
    "LAMM_GUESTS": "what those may do who have not signed in or stand in no file: none, viewer, reviewer or admin",
    "LAMM_QUESTIONS": "questions an hour for each person; empty: any number",
    "LAMM_UPLOAD_MB": "megabytes a day that each person may upload; empty: any number",
    "LAMM_UPLOAD_SPACE_MB": "megabytes that the folder of uploads may hold; 20000 when empty",
    "LAMM_REVIEW_KEEP": "where decisions are kept when the disk is not: hf:OWNER/DATASET or a folder that lasts",
    "SPACE_ID": "set by Hugging Face Spaces, whose disk is lost at a restart: the page trains nothing there",
    "SPACES_ZERO_GPU": "set by Hugging Face Spaces on ZeroGPU: each answer is computed on a card lent for it, in bf16",
    "LAMM_REVIEW_DB": "database of reviews: sqlite:///FILE or postgresql://HOST/NAME; empty: SQLite in the cache",
}

_DEVICE = re.compile(r"cpu|mps|cuda(:\d+)?")
_ON = ("1", "t", "true")  # as the package `spaces` reads what is set


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
    upload_minutes: int = 24 * 60
    session_seconds: float = 300.0  # how long what a visitor had open outlives their leaving
    upload_mb: int | None = None
    upload_space_mb: int = 20_000
    people: Path | None = None
    login: Literal["huggingface"] | None = None
    guests: Role = "admin"
    questions: int | None = None
    keep: str = ""
    space: str = ""
    zero_gpu: bool = False
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
        quantize = _one_of(values, "LAMM_QUANTIZE", ("nf4",))
        zero_gpu = (values.get("SPACES_ZERO_GPU") or "").lower() in _ON
        if zero_gpu and quantize:
            raise ConfigError("On ZeroGPU models compute in bf16. Leave LAMM_QUANTIZE empty, or choose another card.")
        return cls(
            cache=cache,
            typed_runs=Path("runs", "evaluation").absolute(),  # where `lamm bench run` puts them, typed here
            runs=_folder(values, "LAMM_RUNS", cache / "runs"),
            models=_folder(values, "LAMM_MODELS", cache / "models"),
            # The same rule as Gradio's, which puts uploads there before we see them.
            uploads=_folder(values, "GRADIO_TEMP_DIR", Path(tempfile.gettempdir()) / "gradio"),
            host=values.get("LAMM_HOST") or values.get("GRADIO_SERVER_NAME") or cls.host,
            port=_number(values, port_name, low=1, high=65535) or cls.port,
            model=values.get("LAMM_MODEL") or cls.model,
            device=device,
            quantize="nf4" if quantize else None,
            keep_models=_number(values, "LAMM_KEEP_MODELS", low=1, high=64) or cls.keep_models,
            threads=_number(values, "LAMM_THREADS", low=1, high=1024),
            review_url=values.get("LAMM_REVIEW_DB") or "",
            upload_mb=_number(values, "LAMM_UPLOAD_MB", low=1, high=10**9),
            upload_space_mb=_number(values, "LAMM_UPLOAD_SPACE_MB", low=1, high=10**9) or cls.upload_space_mb,
            questions=_number(values, "LAMM_QUESTIONS", low=1, high=10**9),
            people=Path(values["LAMM_PEOPLE"]).expanduser().absolute() if values.get("LAMM_PEOPLE") else None,
            login="huggingface" if _one_of(values, "LAMM_LOGIN", ("huggingface",)) else None,
            guests=_guests(values),
            keep=values.get("LAMM_REVIEW_KEEP") or "",
            upload_minutes=_number(values, "LAMM_UPLOAD_MINUTES", low=1, high=525_600) or cls.upload_minutes,
            review_data=_folder(values, "LAMM_REVIEW_DATA", Path()) if values.get("LAMM_REVIEW_DATA") else None,
            hub_token=values.get("HF_TOKEN") or None,
            space=values.get("SPACE_ID") or "",
            zero_gpu=zero_gpu,
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
    def audit(self) -> Path:
        """Where it is written who started or deleted what."""
        return self.cache / "audit.jsonl"

    @property
    def signs_in_here(self) -> bool:
        """Whether people come in by a name and a password of this page."""
        return self.people is not None and self.login is None

    @property
    def disk_lasts(self) -> bool:
        """Whether what is decided here is there after a restart without being kept elsewhere."""
        return not self.space or self.review_url.startswith("postgresql")

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


def _one_of(values: Mapping[str, str], name: str, known: Sequence[str]) -> str:
    value = values.get(name) or ""
    if value and value not in known:
        raise ConfigError(f"{name} is {value!r}; use {' or '.join(known)}, or leave it empty.")
    return value


def _guests(values: Mapping[str, str]) -> Role:
    """On a machine of one's own everybody may do everything; where people sign in, who has not may look and ask."""
    signing_in = values.get("LAMM_PEOPLE") or values.get("LAMM_LOGIN")
    otherwise = "viewer" if signing_in else "reviewer" if values.get("SPACE_ID") else "admin"
    return cast(Role, _one_of(values, "LAMM_GUESTS", ROLES) or otherwise)


def _number(values: Mapping[str, str], name: str, *, low: int, high: int) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ConfigError(f"{name} is {text!r}; use a whole number from {low} to {high}.")
    return int(text)
