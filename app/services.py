"""Builds what the page calls from the settings: the composition root.

Does not know the page. Heavy imports happen in the thread that loads the model, so that the page is up at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from annotation.review.store import ReviewStore
from app.access import Access, Asker, Quota
from app.audit import Audit
from app.chat import ChatService
from app.inspection.run_shelf import RunShelf
from app.inspection.run_starter import RunStarter
from app.inspection.service import Inspection
from app.marks import MarkBook
from app.reviews.desk import Desk
from app.reviews.edits import EditBook
from app.reviews.exchange import Exchange
from app.reviews.generating import Generating
from app.reviews.jobs import Jobs
from app.reviews.keeping import Keeper
from app.reviews.media import ReviewMedia
from app.reviews.overview import Overview
from app.reviews.service import Reviews
from app.reviews.shelter import shelter
from app.run_events import RunEvents
from app.run_models import RunModels
from app.scene3d import Scenes
from app.sessions import Sessions
from app.settings import Settings
from app.shelf import Loaded, ModelCard, Progress, Shelf
from app.training import Training
from app.viewer.shelf import CloudShelf
from lamm_core.deploy.people import People, Role
from lamm_core.errors import MissingDependencyError
from lamm_core.launchers.local import LocalLauncher

__all__ = ["Services", "build_services"]

_PATIENCE_SECONDS = 8.0  # no longer does a person wait for a locked database; what they did is tried again

_NOT_IN_A_SPACE = (
    "This page runs in a Space of the Hugging Face Hub, and a run would end with it: training is off here. Copy the "
    "recipe and start it on a machine of yours with lamm runs start recipe.yaml."
)


@dataclass(frozen=True)
class Services:
    """Everything a tab may call."""

    settings: Settings
    access: Access
    shelf: Shelf
    chat: ChatService
    clouds: CloudShelf
    scenes: Scenes
    marks: MarkBook
    inspection: Inspection
    reviews: Reviews
    review_media: ReviewMedia
    desk: Desk
    keeper: Keeper | None
    training: Training
    run_models: RunModels
    run_events: RunEvents


def build_services(
    settings: Settings,
    *,
    load: Callable[[ModelCard, Progress], Loaded] | None = None,
    who: Callable[[], Asker | None] = lambda: None,
) -> Services:
    """Wire the services; the chosen model begins to load. ``load`` is replaced in tests.

    ``who`` tells who asks now; what a page can call stands behind the rules of `Access`.
    """
    if settings.zero_gpu:
        _prepare_zero_gpu()
    access = _access(settings, who)
    sessions = Sessions(settings.sessions, (settings.uploads, settings.demo), _open_picture)
    sessions.sweep()
    shelf = Shelf((settings.models, settings.shipped_models), load or _loader(settings), keep=settings.keep_models)
    shelf.start(settings.model)
    clouds, marks = CloudShelf(), MarkBook(settings.reviews)
    measurements = RunShelf((settings.benchmarks, settings.typed_runs), shipped=settings.demo / "runs")
    inspection = Inspection(
        measurements,
        access.guard("starter", RunStarter(settings.benchmarks)),
        marks=access.guard("marks", marks),
        clouds=clouds,
    )
    training = Training(
        settings.training,
        LocalLauncher(settings.training),
        cache=settings.cache,
        models=settings.models,
        exports=(settings.reviews / "exports",),
        marks=marks.file,
        off=_NOT_IN_A_SPACE if settings.space else "",
    )
    place = shelter(settings.keep)
    keeper = None if place is None else Keeper(place)
    reviews = Reviews(lambda: _open_queue(settings, keeper), EditBook(settings.reviews / "edits"))
    review_media = ReviewMedia(_open_picture, clouds)
    jobs = Jobs()
    exchange = Exchange(
        reviews,
        jobs,
        marks,
        roots=settings.import_roots,
        exports=settings.reviews / "exports",
        demo=settings.demo,
        token=settings.hub_token,
    )
    generating = Generating(exchange, jobs, settings.reviews / "generated")
    more = {**Overview(reviews, review_media).acts, **exchange.acts, **generating.acts}
    return Services(
        settings=settings,
        access=access,
        shelf=access.guard("shelf", shelf),
        chat=ChatService(sessions, shelf, may_ask=access.question),
        clouds=clouds,
        scenes=Scenes(sessions, clouds),
        marks=access.guard("marks", marks),
        inspection=inspection,
        reviews=reviews,
        review_media=review_media,
        desk=Desk(
            reviews, review_media, more, allowed=access.desk, acted=lambda: None if keeper is None else keeper.acted()
        ),
        keeper=keeper,
        training=access.guard("training", training),
        run_models=access.guard(
            "run_models",
            RunModels(
                training,
                measurements,
                inspection.starter,
                exported=settings.runs / "exported",
                token=settings.hub_token,
            ),
        ),
        run_events=RunEvents(),
    )


def _access(settings: Settings, who: Callable[[], Asker | None]) -> Access:
    signing_in = settings.people is not None or settings.login is not None
    people = People(settings.people) if settings.people is not None else None
    guests = settings.guests

    def role_of(name: str) -> Role:
        return people.role(name, otherwise=guests) if people is not None else guests

    return Access(
        who,
        audit=Audit(settings.audit),
        role_of=role_of if signing_in else lambda name: "admin",
        guests=guests,
        questions=Quota(settings.questions, 3600),
    )


def _open_queue(settings: Settings, keeper: Keeper | None) -> ReviewStore:
    if not settings.review_url:
        settings.reviews.mkdir(parents=True, exist_ok=True)

    def opened() -> ReviewStore:
        return ReviewStore(settings.review_database, patience=_PATIENCE_SECONDS)

    return opened() if keeper is None else keeper.open(opened)


def _open_picture(path: Path) -> Image.Image:
    from lamm_core.modalities import modality

    picture: Image.Image = modality("image").load(path)
    return picture


def _prepare_zero_gpu() -> None:
    """Import what computes on ZeroGPU. The package `spaces` takes hold of torch and of the page's start, so it comes
    before both, in the main thread. Raises MissingDependencyError.
    """
    try:
        import app.zero_gpu  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "spaces":
            raise
        raise MissingDependencyError(
            "SPACES_ZERO_GPU is set and the package that lends the card is missing. Install it: pip install spaces"
        ) from error


def _loader(settings: Settings) -> Callable[[ModelCard, Progress], Loaded]:
    def load(card: ModelCard, progress: Progress) -> Loaded:
        progress("starting", None)
        import torch

        from lamm_core.backbones import BACKBONES, fetch
        from lamm_core.inference.engine import LocalEngine
        from lamm_core.model import checkpoint
        from lamm_core.model.lamm import LammModel

        if settings.threads is not None:
            torch.set_num_threads(settings.threads)

        def fetched(doing: str, done: int, total: int) -> None:
            progress(doing, done / total if total else None)

        # Fetched here and not only where they are needed, so that the header can say how far it is.
        config = checkpoint.read_record(card.folder).config
        for name in (config.language_model, *(modality.encoder for modality in config.modalities.values())):
            if name in BACKBONES:
                fetch(name, settings.cache, progress=fetched)
        progress("reading weights", None)
        if settings.zero_gpu:
            from app.zero_gpu import ZeroGpuEngine

            waiting = LammModel.from_pretrained(card.folder, cache=settings.cache, dtype=torch.bfloat16)
            return Loaded(ZeroGpuEngine(waiting), "ZeroGPU", "bf16", frozenset(config.modalities))
        device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
        model = LammModel.from_pretrained(
            card.folder, cache=settings.cache, device=device, dtype=torch.bfloat16, quantize=settings.quantize
        )
        precision = "4-bit" if settings.quantize else "bf16"
        name = "GPU" if device.startswith("cuda") else device.upper()
        return Loaded(LocalEngine(model), name, precision, frozenset(config.modalities))

    return load
