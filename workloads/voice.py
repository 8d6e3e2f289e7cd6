"""Voice assistant: log-mel features of an utterance for several vocal-tract lengths.

Kind of work: batches of short real FFTs, matrix products and logarithms over arrays of about
a megabyte; NumPy runs them in a few dozen long calls without the GIL. The warped filter
banks are those of vocal-tract length normalisation (Lee and Rose 1998); the warp whose
features vary most over time is kept.
"""

import numpy as np
from numpy.typing import NDArray

from harness.workload import Task

RATE_HZ = 16_000
FRAME = 400
HOP = 160
FFT_SIZE = 512
"""Frames of 25 ms every 10 ms, padded to a power of two."""
BANDS = 40
WARPS = (0.88, 0.94, 1.0, 1.06, 1.12)
VARIANTS = 4


class Voice:
    """Utterances of ``samples`` float64 values at 16 kHz."""

    variants = VARIANTS

    def __init__(self, samples: int, wait_ms: float) -> None:
        self._wait_s = wait_ms / 1e3
        self._window = np.hanning(FRAME)
        self._banks = [_mel_bank(warp) for warp in WARPS]
        self._utterances = [_utterance(samples, seed) for seed in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Waits for the audio; returns the best warp and the loudest band under each warp."""
        yield self._wait_s
        utterance = self._utterances[index % VARIANTS]
        frames = np.lib.stride_tricks.sliding_window_view(utterance, FRAME)[::HOP]
        spectrum = np.fft.rfft(frames * self._window, n=FFT_SIZE)
        power = spectrum.real**2 + spectrum.imag**2
        features = np.stack([np.log(power @ bank + 1e-10) for bank in self._banks])
        best = int(features.std(axis=1).sum(axis=1).argmax())
        return WARPS[best], *(int(band) for band in features.mean(axis=1).argmax(axis=1))


def _utterance(samples: int, seed: int) -> NDArray[np.float64]:
    """A voiced sound: harmonics of a gliding pitch under a syllable-like envelope, and noise."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(samples) / RATE_HZ
    pitch_hz = rng.uniform(90, 240) * (1 + 0.1 * np.sin(2 * np.pi * seconds))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    strengths = rng.uniform(0.2, 1, size=12)
    voiced = sum(a * np.sin(k * phase) for k, a in enumerate(strengths, start=1))
    envelope = np.sin(np.pi * 4 * seconds) ** 2
    return np.asarray(voiced * envelope + 0.05 * rng.standard_normal(samples))


def _mel_bank(warp: float) -> NDArray[np.float64]:
    """Triangular filters of shape (FFT_SIZE // 2 + 1, BANDS), equally spaced in mel.

    mel = 2595 log10(1 + f / 700) (O'Shaughnessy 1987); the warp scales the edges in hertz.
    """
    top_mel = 2595 * np.log10(1 + 0.4 * RATE_HZ / 700)
    edges_hz = warp * 700 * (10 ** (np.linspace(0, top_mel, BANDS + 2) / 2595) - 1)
    bins_hz = np.fft.rfftfreq(FFT_SIZE, 1 / RATE_HZ)[:, None]
    low, centre, high = (edges_hz[i : i + BANDS] for i in range(3))
    rising = (bins_hz - low) / (centre - low)
    falling = (high - bins_hz) / (high - centre)
    return np.clip(np.minimum(rising, falling), 0, None)


def setup(samples: int, wait_ms: float) -> Voice:
    """Utterances of ``samples`` values (16,000 are one second)."""
    return Voice(samples, wait_ms)
