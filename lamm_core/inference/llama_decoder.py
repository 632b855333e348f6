"""The fast decoder: a Llama forward pass with few operations, a preallocated cache, reuse of common prefixes, and
guessed continuations computed beside the next token.

Does not know prompts, adapters or text. Every rounding is that of transformers' Llama in the same order, so greedy
tokens are the same. Legend: B rows, L new positions, N = B·L, H hidden width, D head width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lamm_core.inference.llama_weights import LlamaWeights, WeightStore
from lamm_core.inference.loop import Group, StopSignal, decode_one
from lamm_core.inference.sampling import Generation

__all__ = ["LlamaDecoder"]

CACHE_STEP = 256  # positions by which a cache grows
PREFILL_STEP = 1024  # positions of a prompt between two looks at the stop signal
KEPT_CONVERSATIONS = 4
# A step is bound by reading the weights: five positions cost 5 to 10 % more than one (measured, SmolLM2-135M in bf16).
GUESSES = 4
MOST_ROWS = 16  # computed together
EXACT_POSITIONS = 512  # up to here attention is computed as transformers does, to the bit


class KeyValueCache:
    """Keys and values of all layers for B rows, in one tensor that grows."""

    def __init__(self, layers: int, rows: int, heads: int, width: int, dtype: torch.dtype) -> None:
        self.heads = heads
        self.length = 0
        self.data = torch.empty(layers, rows, 0, 2 * heads, width, dtype=dtype)

    def reserve(self, length: int) -> None:
        """Make room for ``length`` positions."""
        if length <= self.data.shape[2]:
            return
        layers, rows, _, heads, width = self.data.shape
        capacity = -(-length // CACHE_STEP) * CACHE_STEP
        grown = torch.empty(layers, rows, capacity, heads, width, dtype=self.data.dtype)
        grown[:, :, : self.length] = self.data[:, :, : self.length]
        self.data = grown

    def views(self, start: int, stop: int) -> zip[tuple[Tensor, Tensor, Tensor, Tensor]]:
        """For each layer: where new keys and values go (B, L, heads, D), all keys and values (B, heads, L, D)."""
        new, seen = self.data[:, :, start:stop], self.data[:, :, :stop].transpose(2, 3)
        key, value = slice(0, self.heads), slice(self.heads, None)
        parts = (new[:, :, :, key], new[:, :, :, value], seen[:, :, key], seen[:, :, value])
        return zip(*(part.unbind(0) for part in parts), strict=True)


class Network:
    """The forward pass."""

    def __init__(self, language_model: nn.Module) -> None:
        self.store = WeightStore(language_model)
        base = self.store.base
        config = base.config
        self.embedding: Tensor = base.get_input_embeddings().weight.detach()
        self.heads: int = config.num_attention_heads
        self.key_heads: int = config.num_key_value_heads
        self.width: int = base.model.layers[0].self_attn.head_dim
        self.epsilon: float = config.rms_norm_eps
        self._rotary: Any = base.model.rotary_emb
        self._cosine = self._sine = torch.empty(0, 1, self.width)

    def cache(self, rows: int) -> KeyValueCache:
        """An empty cache."""
        layers = len(self.store.base.model.layers)
        return KeyValueCache(layers, rows, self.key_heads, self.width, self.embedding.dtype)

    def rotation(self, positions: slice | Tensor) -> tuple[Tensor, Tensor]:
        """Cosine and signed sine (.., 1, D) of positions: rotating halves is then swapping them."""
        needed = int(positions.stop if isinstance(positions, slice) else positions.max() + 1)
        if needed > len(self._cosine):
            every = torch.arange(-(-needed // PREFILL_STEP) * PREFILL_STEP)[None]
            cosine, sine = self._rotary(self.embedding, every)
            sine = sine.clone()
            sine[..., : self.width // 2].neg_()
            self._cosine, self._sine = cosine[0][:, None], sine[0][:, None]
        return self._cosine[positions], self._sine[positions]

    def forward(
        self,
        weights: LlamaWeights,
        hidden: Tensor,
        cache: KeyValueCache,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor | None,
        *,
        every: bool = False,
    ) -> Tensor:
        """Append hidden states (B, L, H), which are overwritten, to the cache; logits (B, V) after the last one.

        With ``every``, for one row: logits (L, V) after each position, bit-equal to appending one after the other.
        """
        rows, length, hidden_width = hidden.shape
        start, stop = cache.length, cache.length + length
        cache.reserve(stop)
        cosine, sine = rotation
        heads, turned = self.heads, self.heads + self.key_heads
        causal = mask is None and length > 1
        grouped = heads != self.key_heads
        flat = hidden.view(-1, hidden_width)  # (N, H)
        for layer, (new_key, new_value, key, value) in zip(weights.layers, cache.views(start, stop), strict=True):
            mixed = layer.query_key_value(self._normed(flat, layer.attention_norm)).view(rows, length, -1, self.width)
            plain = mixed[:, :, :turned]
            swapped = plain.unflatten(-1, (2, -1)).flip(-2).flatten(-2)
            rotated = (plain * cosine).add_(swapped.mul_(sine))
            new_key.copy_(rotated[:, :, heads:])
            new_value.copy_(mixed[:, :, turned:])
            query = rotated[:, :, :heads].transpose(1, 2)  # (B, heads, L, D)
            if every:  # one query at a time: the masked kernel rounds differently
                attended = torch.cat(
                    [
                        attention_of_one(
                            query[:, :, new : new + 1],
                            key[:, :, : start + new + 1],
                            value[:, :, : start + new + 1],
                        )
                        for new in range(length)
                    ],
                    dim=2,
                )
            elif length == 1:
                attended = attention_of_one(query, key, value)
            else:
                attended = functional.scaled_dot_product_attention(
                    query, key, value, attn_mask=mask, is_causal=causal, enable_gqa=grouped
                )
            flat.add_(layer.output(attended.transpose(1, 2).reshape(rows * length, -1)))
            gate, up = layer.gate_up(self._normed(flat, layer.mlp_norm)).chunk(2, dim=-1)
            flat.add_(layer.down(functional.silu(gate).mul_(up)))
        cache.length = stop
        return weights.head(self._normed(flat if every else hidden[:, -1], weights.norm))

    def forward_each(self, weights: LlamaWeights, hidden: Tensor, caches: Sequence[KeyValueCache]) -> Tensor:
        """Append hidden states (B, H), which are overwritten, each to its own cache; logits (B, V).

        In bf16 bit-equal to appending each by itself.
        """
        rows = len(hidden)
        starts = [cache.length for cache in caches]
        for cache in caches:
            cache.reserve(cache.length + 1)
        views = [list(cache.views(start, start + 1)) for cache, start in zip(caches, starts, strict=True)]
        cosine, sine = self.rotation(torch.tensor(starts))
        heads, turned = self.heads, self.heads + self.key_heads
        attended = hidden.new_empty(rows, heads, self.width)
        for number, layer in enumerate(weights.layers):
            mixed = layer.query_key_value.each(self._normed(hidden, layer.attention_norm)).view(rows, -1, self.width)
            plain = mixed[:, :turned]
            swapped = plain.unflatten(-1, (2, -1)).flip(-2).flatten(-2)
            rotated = (plain * cosine).add_(swapped.mul_(sine))
            for row in range(rows):
                new_key, new_value, key, value = views[row][number]
                new_key.copy_(rotated[row, heads:])
                new_value.copy_(mixed[row, turned:])
                query = rotated[row, :heads][None, :, None]  # (1, heads, 1, D)
                attended[row] = attention_of_one(query, key, value)[0, :, 0]
            hidden.add_(layer.output.each(attended.view(rows, -1)))
            gate, up = layer.gate_up.each(self._normed(hidden, layer.mlp_norm)).chunk(2, dim=-1)
            hidden.add_(layer.down.each(functional.silu(gate).mul_(up)))
        for cache in caches:
            cache.length += 1
        return weights.head.each(self._normed(hidden, weights.norm))

    def _normed(self, flat: Tensor, weight: Tensor) -> Tensor:
        # Without a weight torch rounds to the input's type before the weight is applied, as transformers does.
        return functional.rms_norm(flat, (flat.shape[-1],), None, self.epsilon).mul_(weight)


def attention_of_one(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What one position (B, heads, 1, D) takes from all positions (B, key heads, T, D): (B, heads, 1, D).

    Few positions are taken in as transformers does, to the bit, so that greedy answers are the same. Where there are
    many, queries that share a key head are given as positions of it: products of one row are slow in bf16, 0.4 ms a
    layer at 522 positions, and these take 0.06 ms; they add up in another order.
    """
    if key.shape[2] <= EXACT_POSITIONS:
        return functional.scaled_dot_product_attention(query, key, value, enable_gqa=key.shape[1] != query.shape[1])
    shared = query.reshape(len(query), key.shape[1], -1, query.shape[-1])
    return functional.scaled_dot_product_attention(shared, key, value).view(query.shape)


@dataclass(eq=False)
class Conversation:
    """What was computed of one sequence: its inputs (capacity, H) and their keys and values."""

    weights: LlamaWeights
    inputs: Tensor
    cache: KeyValueCache
    taken: bool = False  # by an answer in progress

    def common(self, prompt: Tensor) -> int:
        """How many leading positions of a prompt are computed already."""
        length = min(self.cache.length, len(prompt))
        differs = (self.inputs[:length] != prompt[:length]).any(dim=-1).nonzero()
        return int(differs[0, 0]) if len(differs) else length

    def append(self, inputs: Tensor) -> int:
        """Note inputs (L, H) that are about to be computed; how many positions there are with them."""
        start, stop = self.cache.length, self.cache.length + len(inputs)
        if stop > len(self.inputs):
            grown = inputs.new_empty(-(-stop // CACHE_STEP) * CACHE_STEP, inputs.shape[1])
            grown[:start] = self.inputs[:start]
            self.inputs = grown
        self.inputs[start:stop] = inputs
        return stop

    def guess(self, following: Tensor) -> Tensor:
        """What may come after ``following`` (H,): what came when it and the input before it stood here last."""
        seen = self.inputs[: self.cache.length]
        marks = marks_of(seen)
        found = ((marks[1:-1] == marks_of(following[None])) & (marks[:-2] == marks[-1])).nonzero()
        if not len(found):
            return seen[:0]
        longer = found[(found[:, 0] > 0) & (marks[(found[:, 0] - 1).clamp(min=0)] == marks[-2])]
        begin = int((longer if len(longer) else found)[-1, 0]) + 2
        return seen[begin : begin + GUESSES].clone()


def marks_of(inputs: Tensor) -> Tensor:
    """The first 8 bytes of each row (N, H) as a number (N,); rows that share them are all but surely equal."""
    return inputs[:, : 8 // inputs.element_size()].contiguous().view(torch.int64)[:, 0]


class OneRow:
    """A single sequence, continuing the conversation it shares the longest beginning with.

    What followed the last tokens where they stood before is computed beside the next token. If it then comes, its
    logits are known already; if not, they are dropped. Logits, and so tokens, are the same with and without guessing.
    """

    def __init__(self, network: Network, weights: LlamaWeights, kept: list[Conversation]) -> None:
        self._network, self._weights, self._kept = network, weights, kept
        self._guessed: list[tuple[Tensor, Tensor]] = []  # inputs (H,) and the logits (1, V) after them

    def start(self, prompt: Tensor, stop: StopSignal) -> Tensor | None:
        """The logits (1, V) after a prompt (L, H); None where stopped on the way."""
        self._conversation = self._resume(prompt)
        logits = None
        for begin in range(self._conversation.cache.length, len(prompt), PREFILL_STEP):
            if stop.is_set():
                return None
            logits = self._append(prompt[begin : begin + PREFILL_STEP])
        return logits

    def advance(self, token: int) -> Tensor:
        """The logits (1, V) after one more token."""
        inputs = self._network.embedding[token]
        cache = self._conversation.cache
        if (logits := self.guessed(inputs)) is not None:
            return logits
        guesses = self._conversation.guess(inputs)
        every = self._append(torch.cat([inputs[None], guesses]), every=True)
        cache.length -= len(guesses)
        self._guessed = list(zip(guesses, every[1:, None], strict=True))
        return every[:1]

    def guessed(self, inputs: Tensor) -> Tensor | None:
        """The logits (1, V) after an input (H,) if it is what was guessed; otherwise all guesses are dropped."""
        if self._guessed and torch.equal(self._guessed[0][0], inputs):
            self._conversation.cache.length += 1
            return self._guessed.pop(0)[1]
        self._guessed = []
        return None

    def note(self, inputs: Tensor) -> KeyValueCache:
        """Remember an input (H,) that is about to be computed; the cache it goes to."""
        self._conversation.append(inputs[None])
        return self._conversation.cache

    def end(self) -> None:
        """Let others continue what was computed."""
        self._conversation.taken = False

    def _resume(self, prompt: Tensor) -> Conversation:
        free = [one for one in self._kept if not one.taken]
        candidates = [(one.common(prompt), one) for one in free if one.weights is self._weights]
        length, best = max(candidates, key=lambda found: found[0], default=(0, None))
        # A short common beginning is the system text; taking it over would cost somebody else their conversation.
        if best is None or 2 * length < best.cache.length:
            best, length = Conversation(self._weights, prompt[:0].clone(), self._network.cache(1)), 0
            for oldest in free[: max(0, len(free) - KEPT_CONVERSATIONS + 1)]:
                self._kept.remove(oldest)
        else:
            self._kept.remove(best)
        self._kept.append(best)
        best.taken = True
        best.cache.length = min(length, len(prompt) - 1)  # the last position is computed again, for its logits
        return best

    def _append(self, inputs: Tensor, *, every: bool = False) -> Tensor:
        conversation, network = self._conversation, self._network
        start = conversation.cache.length
        stop = conversation.append(inputs)
        mask = None
        if start > 0 and len(inputs) > 1 and not every:
            mask = torch.ones(len(inputs), stop, dtype=torch.bool).tril(start)
        rotation = network.rotation(slice(start, stop))
        return network.forward(self._weights, inputs[None].clone(), conversation.cache, rotation, mask, every=every)


class LlamaGroup:
    """Sequences in progress, each with a cache of its own: products are of all rows, attention is of each.

    So nothing is padded, and an answer does not depend on which others are computed beside it: attention is the same
    call, and products are `Projection.each`.
    """

    def __init__(self, network: Network, weights: LlamaWeights, kept: list[Conversation]) -> None:
        self._network, self._weights, self._kept = network, weights, kept
        self._rows: list[OneRow] = []

    @property
    def full(self) -> bool:
        return len(self._rows) >= MOST_ROWS

    @torch.inference_mode()
    def join(self, prompt: Tensor, stop: StopSignal) -> Tensor | None:
        row = OneRow(self._network, self._weights, self._kept)
        logits = None
        try:
            logits = row.start(prompt.detach(), stop)
        finally:
            if logits is None:
                row.end()
        if logits is not None:
            self._rows.append(row)
        return logits

    @torch.inference_mode()
    def advance(self, tokens: Sequence[int]) -> Tensor:
        if len(tokens) == 1:
            return self._rows[0].advance(tokens[0])
        inputs = self._network.embedding[torch.tensor(tokens)]  # (B, H)
        known = [row.guessed(one) for row, one in zip(self._rows, inputs, strict=True)]
        unknown = [place for place, logits in enumerate(known) if logits is None]
        if unknown:
            caches = [self._rows[place].note(inputs[place]) for place in unknown]
            computed = self._network.forward_each(self._weights, inputs[unknown], caches)
            for place, logits in zip(unknown, computed.split(1), strict=True):
                known[place] = logits
        return torch.cat([logits for logits in known if logits is not None])

    def leave(self, row: int) -> None:
        self._rows.pop(row).end()


class LlamaDecoder:
    """Decodes plain Llama models on the CPU with the adapters active when it is called. One call at a time."""

    def __init__(self, language_model: nn.Module) -> None:
        self._network = Network(language_model)
        self._kept: list[Conversation] = []

    def generate(
        self, inputs_embeds: Tensor, settings: Generation, stop_ids: Collection[int], stop: StopSignal
    ) -> Iterator[int]:
        """Tokens after a prompt (L, H), computed as they are asked for."""
        return decode_one(self.group(), inputs_embeds, settings, stop_ids, stop)

    def group(self) -> Group:
        """A group without rows."""
        return LlamaGroup(self._network, self._network.store.current(), self._kept)

    @property
    def private_bytes(self) -> int:
        """Memory of packed and merged copies for the adapters active now."""
        return self._network.store.current().private_bytes
