"""Small language model: the forward pass of a few transformer layers over a short prompt.

Kind of work: float32 matrix products that release the GIL for most of the task; almost no
waiting. The weights are random: the arithmetic is a transformer's, the words mean nothing.
"""

import numpy as np
from numpy.typing import NDArray

from harness.workload import Task

Array = NDArray[np.float32]

LAYERS = 4
HEADS = 4
VARIANTS = 4
PREDICTIONS = 4


class Layer:
    """Self-attention and feed-forward block with residuals, normalised on entry."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        self._qkv = _weights(rng, width, 3 * width)
        self._out = _weights(rng, width, width)
        self._up = _weights(rng, width, 4 * width)
        self._down = _weights(rng, 4 * width, width)

    def forward(self, x: Array) -> Array:
        """Maps (tokens, width) to the same shape."""
        x = x + self._attention(_normalise(x)) @ self._out
        hidden = np.maximum(_normalise(x) @ self._up, 0)
        output: Array = x + hidden @ self._down
        return output

    def _attention(self, x: Array) -> Array:
        tokens, width = x.shape
        heads = (x @ self._qkv).reshape(tokens, 3, HEADS, width // HEADS)
        q, k, v = heads.transpose(1, 2, 0, 3)  # each (heads, tokens, width / heads)
        scores = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(width // HEADS))
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        context: Array = (scores @ v).transpose(1, 0, 2).reshape(tokens, width)
        return context


class SmallLanguageModel:
    """Prompts of shape (tokens, width), already embedded."""

    variants = VARIANTS

    def __init__(self, tokens: int, width: int, wait_ms: float) -> None:
        rng = np.random.default_rng(0)
        self._wait_s = wait_ms / 1e3
        self._layers = [Layer(width, rng) for _ in range(LAYERS)]
        self._prompts = [
            rng.standard_normal((tokens, width), dtype=np.float32) for _ in range(VARIANTS)
        ]

    def task(self, index: int) -> Task:
        """Waits for a prompt; returns the strongest feature of each of the last tokens."""
        yield self._wait_s
        x = self._prompts[index % VARIANTS]
        for layer in self._layers:
            x = layer.forward(x)
        return tuple(int(i) for i in x[-PREDICTIONS:].argmax(axis=1))


def _weights(rng: np.random.Generator, rows: int, columns: int) -> Array:
    return rng.standard_normal((rows, columns), dtype=np.float32) / np.float32(np.sqrt(rows))


def _normalise(x: Array) -> Array:
    """Layer normalisation without gain and bias."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance: Array = (centred**2).mean(axis=-1, keepdims=True)
    normalised: Array = centred / np.sqrt(variance + np.float32(1e-5))
    return normalised


def setup(tokens: int, width: int, wait_ms: float) -> SmallLanguageModel:
    """Prompts of ``tokens`` tokens; ``width`` features a token, divisible by the heads."""
    return SmallLanguageModel(tokens, width, wait_ms)
