"""Image classification: MobileNetV2 in ONNX Runtime on one CPU thread.

Kind of work: one long native call that releases the GIL for all of its duration.
"""

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from harness.workload import Task

VARIANTS = 4
TOP = 5
PATCHES = 6


class MobileNet:
    """One session shared by all threads (``run`` is thread-safe); images (1, 3, side, side)."""

    variants = VARIANTS

    def __init__(self, model: bytes, wait_ms: float) -> None:
        self._wait_s = wait_ms / 1e3
        self._session = ort.InferenceSession(
            model, _single_threaded(), providers=["CPUExecutionProvider"]
        )
        model_input = self._session.get_inputs()[0]
        self._input = model_input.name
        height, width = model_input.shape[2:]
        self._images = [_image(height, width, seed) for seed in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Waits for an image; returns its best classes, best first."""
        yield self._wait_s
        (scores,) = self._session.run(None, {self._input: self._images[index % VARIANTS]})
        return tuple(int(i) for i in np.argsort(-scores[0], kind="stable")[:TOP])


def _image(height: int, width: int, seed: int) -> NDArray[np.float32]:
    """A normalised image of coloured patches and noise, shape (1, 3, height, width)."""
    rng = np.random.default_rng(seed)
    patches = rng.standard_normal((1, 3, PATCHES, PATCHES), dtype=np.float32)
    rows = np.arange(height) * PATCHES // height
    columns = np.arange(width) * PATCHES // width
    noise = rng.standard_normal((1, 3, height, width), dtype=np.float32)
    return patches[:, :, rows[:, None], columns] + np.float32(0.1) * noise


def _single_threaded() -> ort.SessionOptions:
    """One thread, no spinning: the harness owns the concurrency, the pin owns the cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def setup(model_path: str, model_sha256: str, wait_ms: float) -> MobileNet:
    """Load the model at ``model_path``; ``ValueError`` when its sha256 is another."""
    model = Path(model_path).read_bytes()
    digest = hashlib.sha256(model).hexdigest()
    if digest != model_sha256.lower():
        raise ValueError(f"{model_path}: sha256 is {digest}, expected {model_sha256}")
    return MobileNet(model, wait_ms)
