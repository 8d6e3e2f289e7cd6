"""Sensor fusion: a Kalman filter over position, velocity and acceleration in space.

Kind of work: hundreds of NumPy calls on 9 x 9 matrices. Each lasts about a microsecond, so
the interpreter around them, and with it the GIL, is busy nearly all the time.
"""

import numpy as np
from numpy.typing import NDArray

from harness.workload import Task

AXES = 3
STATES = 3 * AXES
"""Position, velocity and acceleration along each axis, in this order."""
VARIANTS = 4
POSITION_NOISE_M = 0.5


class SensorFusion:
    """Tracks a body from rare position fixes; between fixes the motion model predicts."""

    variants = VARIANTS

    def __init__(self, steps: int, fixes: int, step_s: float, wait_ms: float) -> None:
        self._wait_s = wait_ms / 1e3
        self._steps_per_fix = steps // fixes
        self._transition = _constant_acceleration(step_s)
        self._process_noise = 1e-3 * step_s * np.eye(STATES)
        self._observation = np.eye(AXES, STATES)
        self._fix_noise = POSITION_NOISE_M**2 * np.eye(AXES)
        self._tracks = [_fixes(fixes, self._steps_per_fix * step_s, s) for s in range(VARIANTS)]

    def task(self, index: int) -> Task:
        """Waits for the fixes; returns the final position in millimetres, rounded."""
        yield self._wait_s
        state = np.zeros(STATES)
        covariance = 10 * np.eye(STATES)
        f, h = self._transition, self._observation
        for fix in self._tracks[index % VARIANTS]:
            for _ in range(self._steps_per_fix):
                state = f @ state
                covariance = f @ covariance @ f.T + self._process_noise
            innovation = h @ covariance @ h.T + self._fix_noise
            gain = covariance @ h.T @ np.linalg.inv(innovation)
            state = state + gain @ (fix - h @ state)
            covariance = covariance - gain @ h @ covariance
        return tuple(round(1e3 * float(x)) for x in state[:AXES])


def _constant_acceleration(step_s: float) -> NDArray[np.float64]:
    """Transition matrix of a body whose acceleration does not change within a step."""
    one_axis = np.array([[1, step_s, step_s**2 / 2], [0, 1, step_s], [0, 0, 1]])
    return np.kron(one_axis, np.eye(AXES))


def _fixes(fixes: int, interval_s: float, seed: int) -> NDArray[np.float64]:
    """Noisy positions in metres, shape (fixes, 3), of a body on a parabola."""
    rng = np.random.default_rng(seed)
    velocity, acceleration = rng.normal(0, 3, AXES), rng.normal(0, 1, AXES)
    times = interval_s * np.arange(1, fixes + 1)[:, None]
    exact = velocity * times + acceleration * times**2 / 2
    return exact + rng.normal(0, POSITION_NOISE_M, exact.shape)


def setup(steps: int, fixes: int, step_s: float, wait_ms: float) -> SensorFusion:
    """``steps`` predictions of ``step_s`` seconds, interrupted by ``fixes`` updates."""
    return SensorFusion(steps, fixes, step_s, wait_ms)
