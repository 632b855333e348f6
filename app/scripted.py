"""An engine that speaks from a script: it stands in for the real one in tests of the page.

Does not know models; it keeps the engine's manners: it streams, stops when told and refuses a long prompt.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from app.access import Asker
from app.services import Services, build_services
from app.settings import Settings
from app.shelf import Loaded, ModelCard, Progress
from lamm_core.conversation import Turn
from lamm_core.errors import PromptTooLongError
from lamm_core.inference.protocol import Load, Piece
from lamm_core.inference.sampling import Generation

__all__ = ["ScriptedEngine", "scripted_services"]


class ScriptedEngine:
    """Answers with the script whose key occurs in the newest question; ``steps`` counts the words computed so far.

    A key that begins with "none/" or the name of an adapter and a slash is for that adapter.
    """

    def __init__(
        self, scripts: Mapping[str, str], *, seconds_per_word: float = 0.0, context_tokens: int = 2048
    ) -> None:
        self._scripts = dict(scripts)
        self.seconds_per_word = seconds_per_word
        self._context_tokens = context_tokens
        self.steps = 0
        self.asked: list[tuple[Turn, ...]] = []
        self.settings: list[Generation] = []
        self.adapters: list[str | None] = []

    def stream(
        self,
        turns: Sequence[Turn],
        settings: Generation | None = None,
        *,
        stop: threading.Event | None = None,
        adapter: str | None = None,
        client: str = "",
    ) -> Generator[Piece, None, None]:
        """One word a piece, until the script, the longest answer or ``stop``."""
        settings = settings or Generation()
        prompt_tokens = sum(len(turn.text.split()) + 49 * len(turn.media) for turn in turns)
        if prompt_tokens > self._context_tokens:
            raise PromptTooLongError(prompt_tokens, self._context_tokens)
        self.asked.append(tuple(turns))
        self.settings.append(settings)
        self.adapters.append(adapter)
        began = time.perf_counter()
        first: float | None = None
        words = re.findall(r"\s*\S+", self._answer(turns[-1].text, adapter))[: settings.max_new_tokens]
        for count, word in enumerate(words, start=1):
            if (stop or threading.Event()).wait(self.seconds_per_word):
                break
            self.steps += 1
            elapsed = time.perf_counter() - began
            first = elapsed if first is None else first
            yield Piece(word, count == len(words), count, prompt_tokens, first, count / max(elapsed, 1e-9))

    def load(self) -> Load:
        """Never busy."""
        return Load(0, 0, most_running=1, most_waiting=1)

    def close(self) -> None:
        """There is nothing to give up."""

    def _answer(self, question: str, adapter: str | None) -> str:
        own = f"{adapter or 'none'}/"
        scripts = [(key.removeprefix(own), text) for key, text in self._scripts.items() if key.startswith(own)]
        scripts = [*(scripts if adapter is not None else ()), *self._scripts.items()]
        return next((text for key, text in scripts if key in question), "I do not know.")


def scripted_services(
    folder: Path,
    engine: ScriptedEngine,
    *,
    modalities: frozenset[str] = frozenset({"image", "pointcloud"}),
    who: Callable[[], Asker | None] = lambda: None,
    environment: Mapping[str, str] | None = None,
) -> Services:
    """The page's services with everything they write below ``folder`` and a model called "tiny" that is the script.

    ``environment`` adds variables to those that the settings are read from.
    """

    def load(card: ModelCard, progress: Progress) -> Loaded:
        return Loaded(engine, "CPU", "bf16", modalities)

    model = folder / "models" / "tiny"
    (model / "adapter-image").mkdir(parents=True, exist_ok=True)
    (model / "config.json").write_text("{}")
    settings = Settings.from_environment(
        {
            "LAMM_CACHE": str(folder / "cache"),
            "LAMM_MODELS": str(folder / "models"),
            "LAMM_MODEL": "tiny",
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            **(environment or {}),
        }
    )
    return build_services(replace(settings, typed_runs=folder / "typed"), load=load, who=who)
