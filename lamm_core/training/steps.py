"""Which batches each optimiser step takes, which of them are this process's, and a thread that has them ready.

Does not know the model, losses or the optimiser.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from queue import Queue
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lamm_core.data.collate import Batch, Example, collate, plan_batches
from lamm_core.data.features import FeatureCache
from lamm_core.training.recipe import TrainingRecipe

__all__ = ["Plan", "Step", "prefetch"]

EVALUATION_EPOCH = 2**31  # of the held-apart side; no epoch of training comes this far
PREFETCHED = 4  # steps


class OwnBatch(NamedTuple):
    """A batch with its place in the step. One that does not count is another's, computed to keep step with it."""

    place: int
    batch: Batch
    counts: bool


class Step(NamedTuple):
    """One optimiser step: totals over all processes, and what this process computes of it."""

    number: int
    label_tokens: int
    tokens: int
    samples: int
    own: list[OwnBatch]


class Plan:
    """All steps of a run. They follow from recipe and examples alone, so any process finds its place in them.

    With ``even`` each process has as many batches as the others, some of which may not count.
    """

    def __init__(
        self,
        recipe: TrainingRecipe,
        caches: dict[str, FeatureCache],
        *,
        pad_id: int,
        process: int = 0,
        processes: int = 1,
        even: bool = False,
    ) -> None:
        self.recipe = recipe
        self.caches = caches
        self.pad_id = pad_id
        self.process = process
        self.processes = processes
        self.even = even

    def count(self, examples: Sequence[Example]) -> int:
        """How many steps the run has."""
        if self.recipe.max_steps is not None:
            return self.recipe.max_steps
        epochs = (self._batches(examples, epoch) for epoch in range(self.recipe.epochs))
        return sum(math.ceil(len(batches) / self.recipe.accumulation) for batches in epochs)

    def steps(self, examples: Sequence[Example], *, after: int, last: int) -> Iterator[Step]:
        """The steps ``after + 1`` to ``last``, going through the examples as often as that takes."""
        number, epoch = 0, 0
        while number < last:
            batches = self._batches(examples, epoch)
            for start in range(0, len(batches), self.recipe.accumulation):
                number += 1
                if number > last:
                    return
                if number > after:
                    yield self._step(number, examples, batches[start : start + self.recipe.accumulation])
            epoch += 1

    def evaluation(self, examples: Sequence[Example]) -> Iterator[OwnBatch]:
        """This process's part of the held-apart side."""
        yield from self._own(examples, self._batches(examples, EVALUATION_EPOCH))

    def one(self, example: Example) -> Batch:
        """A batch of this example alone."""
        return self._collate([example], np.zeros(1, dtype=np.int64))

    def _step(self, number: int, examples: Sequence[Example], batches: list[NDArray[np.int64]]) -> Step:
        chosen = [examples[index] for batch in batches for index in batch]
        return Step(
            number,
            sum(int(example.learned[1:].sum()) for example in chosen),
            sum(len(example.input_ids) for example in chosen),
            len(chosen),
            list(self._own(examples, batches)),
        )

    def _batches(self, examples: Sequence[Example], epoch: int) -> list[NDArray[np.int64]]:
        return plan_batches(
            [len(example.input_ids) for example in examples],
            [example.modalities for example in examples],
            seed=self.recipe.seed,
            epoch=epoch,
            batch_tokens=self.recipe.batch_tokens,
            batch_size=self.recipe.batch_size,
        )

    def _own(self, examples: Sequence[Example], batches: list[NDArray[np.int64]]) -> Iterator[OwnBatch]:
        places = range(self.process, len(batches), self.processes)
        for place in places:
            yield OwnBatch(place, self._collate(examples, batches[place]), True)
        if self.even and batches and len(places) < math.ceil(len(batches) / self.processes):
            yield OwnBatch(len(batches) - 1, self._collate(examples, batches[-1]), False)

    def _collate(self, examples: Sequence[Example], indexes: NDArray[np.int64]) -> Batch:
        chosen = [examples[index] for index in indexes]
        return collate(chosen, self.pad_id, lambda modality, keys: self.caches[modality].gather(keys))


def prefetch(steps: Iterator[Step]) -> Iterator[Step]:
    """The same steps, made ready by a thread while the model computes."""
    ready: Queue[Step | BaseException | None] = Queue(maxsize=PREFETCHED)
    left = threading.Event()

    def work() -> None:
        try:
            for step in steps:
                ready.put(step)
                if left.is_set():
                    return
            ready.put(None)
        except BaseException as error:  # raised again where the steps are used
            ready.put(error)

    threading.Thread(target=work, name="prefetch", daemon=True).start()
    try:
        while (step := ready.get()) is not None:
            if isinstance(step, BaseException):
                raise step
            yield step
    finally:
        left.set()
        while not ready.empty():
            ready.get_nowait()
