"""What tokens cost, and the hard budget that stops before it is overdrawn.

Does not know requests. Money is in the currency of the price table, counted in millionths so that sums are exact.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from lamm_core.errors import ClientError, ConfigError
from lamm_core.registry import lookup

__all__ = ["Budget", "BudgetSpent", "Price", "load_prices", "money"]

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """Price of a million tokens in and out; ``batch`` is what the Batch API costs of it."""

    input: float
    output: float
    batch: float = 1.0

    def micros(self, input_tokens: int, output_tokens: int, *, batched: bool = False) -> int:
        """Cost in millionths, rounded up."""
        cost = input_tokens * self.input + output_tokens * self.output
        return int(-(-cost * (self.batch if batched else 1.0) // 1))


def load_prices(path: Path | None = None) -> dict[str, Price]:
    """Prices by model from a YAML file, by default the one shipped. Raises ConfigError naming what is wrong."""
    shipped = resources.files("annotation") / "recipes" / "prices.yaml"
    try:
        text = path.read_text(encoding="utf-8") if path else shipped.read_text(encoding="utf-8")
        table = yaml.safe_load(text)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(f"The price table {path or shipped} cannot be read: {error}.") from error
    models = table.get("models") if isinstance(table, Mapping) else None
    if not isinstance(models, Mapping):
        raise ConfigError(f"The price table {path or shipped} has no 'models:' with input and output prices.")
    return {str(name): _price(str(name), entry) for name, entry in models.items()}


def _price(name: str, entry: Any) -> Price:
    if not isinstance(entry, Mapping) or not {"input", "output"} <= set(entry) <= {"input", "output", "batch"}:
        raise ConfigError(f"The price of {name!r} needs input and output, a million tokens each, and at most batch.")
    if any(isinstance(value, bool) or not isinstance(value, int | float) or value < 0 for value in entry.values()):
        raise ConfigError(f"The price of {name!r} has a value that is no price: {dict(entry)}.")
    return Price(**{key: float(value) for key, value in entry.items()})


def price_of(model: str, prices: Mapping[str, Price]) -> Price:
    """The price of a model, by its name or the longest entry it begins with. Raises ConfigError."""
    fitting = [name for name in prices if model == name or model.startswith(f"{name}-")]
    return prices[max(fitting, key=len)] if fitting else lookup(prices, model, kind="price of a model")


class BudgetSpent(ClientError):
    """The next request might overdraw the budget, so it was not sent."""


class Budget:
    """Counts what is spent and what requests under way may still cost; refuses what might overdraw ``limit``.

    Money in millionths. Usable from any number of threads.
    """

    def __init__(self, limit: int | None = None, *, spent: int = 0) -> None:
        self.limit = limit
        self.spent = spent
        self.reserved = 0
        self._lock = threading.Lock()

    def reserve(self, most: int) -> None:
        """Set aside what a request may cost at most. Raises BudgetSpent where that is more than is left."""
        with self._lock:
            left = None if self.limit is None else self.limit - self.spent - self.reserved
            if left is not None and most > left:
                raise BudgetSpent(
                    f"The budget of {money(self.limit or 0)} is spent: {money(self.spent)} paid, "
                    f"{money(self.reserved)} under way, and the next request may cost {money(most)}. "
                    "Everything paid for is kept; run the same command with a larger --budget to go on."
                )
            self.reserved += most

    def settle(self, most: int, cost: int) -> None:
        """Replace a reservation by what was paid, 0 where nothing was."""
        with self._lock:
            self.reserved -= most
            self.spent += cost


def money(micros: int) -> str:
    """An amount as people read it."""
    return f"{micros / MILLION:,.4f}" if micros < MILLION else f"{micros / MILLION:,.2f}"
