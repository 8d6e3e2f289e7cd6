"""Vision pipeline: smooth a camera frame, normalise it and find the brightest spot.

Kind of work: one-dimensional convolutions and element-wise arithmetic over whole float32
planes. NumPy runs each of these few long calls without the GIL.
"""

import numpy as np
from numpy.typing import NDArray

from harness.workload import Task

CHANNELS = 3
VARIANTS = 4
KERNEL = np.array([1, 4, 6, 4, 1], dtype=np.float32) / np.float32(16)
"""Binomial smoothing kernel; repeated rounds approach a Gaussian blur."""


class Vision:
    """Frames of shape (side, side, 3), bytes, as a camera driver hands them over."""

    variants = VARIANTS

    def __init__(self, side: int, rounds: int, wait_ms: float) -> None:
        self._rounds = rounds
        self._wait_s = wait_ms / 1e3
        self._frames = [_frame(side, seed) for seed in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Waits for a frame; returns (channel, row, column) of the brightest spot and its extent.

        The extent is the number of values above the mean, over all channels.
        """
        yield self._wait_s
        frame = self._frames[index % VARIANTS]
        response = np.stack([self._smooth(frame[..., c]) for c in range(CHANNELS)])
        response -= response.mean(axis=(1, 2), keepdims=True)
        response /= response.std(axis=(1, 2), keepdims=True)
        np.maximum(response, 0, out=response)
        peak = np.unravel_index(int(response.argmax()), response.shape)
        return *(int(i) for i in peak), int(np.count_nonzero(response))

    def _smooth(self, plane: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Blur one channel along rows and columns in turn; rows are convolved end to end."""
        smoothed = plane.astype(np.float32) / np.float32(255)
        for _ in range(self._rounds):
            line = np.convolve(smoothed.ravel(), KERNEL, mode="same")
            smoothed = line.reshape(smoothed.shape).T
        return smoothed if self._rounds % 2 == 0 else smoothed.T


def _frame(side: int, seed: int) -> NDArray[np.uint8]:
    """Sensor noise with one bright disc, so that there is something to find."""
    rng = np.random.default_rng(seed)
    frame = rng.integers(0, 96, size=(side, side, CHANNELS))
    row, column = rng.integers(side // 4, 3 * side // 4, size=2)
    y, x = np.ogrid[:side, :side]
    frame[(y - row) ** 2 + (x - column) ** 2 < (side / 12) ** 2] += 128
    return frame.astype(np.uint8)


def setup(side: int, rounds: int, wait_ms: float) -> Vision:
    """Frames of ``side`` x ``side`` pixels, ``rounds`` convolutions per channel."""
    return Vision(side, rounds, wait_ms)
