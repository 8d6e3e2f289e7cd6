"""A task that only computes, with objects: particles that move between two walls.

Kind of work: bytecode of the everyday kind, a fixed amount of it and no wait: calls,
attributes, lists, a dictionary, floats. Counting (``cpu_only``) is one kind of instruction;
others may cost a build more.
"""

from harness.workload import Task

PARTICLES = 20
STEP_S = 0.01
VARIANTS = 3


class Particle:
    """A point on a line, between walls at 0 and 1."""

    __slots__ = ("name", "position", "velocity")

    def __init__(self, name: str, position: float, velocity: float) -> None:
        self.name = name
        self.position = position
        self.velocity = velocity

    def move(self) -> bool:
        """Move by one step; returns whether it hit a wall."""
        self.position += self.velocity * STEP_S
        if 0.0 <= self.position <= 1.0:
            return False
        self.velocity = -self.velocity
        self.position = min(max(self.position, 0.0), 1.0)
        return True


class CpuObjects:
    """Boxes of particles that differ in how fast these are."""

    variants = VARIANTS

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def task(self, index: int) -> Task:
        """Returns how many walls were hit, and by how many particles."""
        speed = 1 + index % VARIANTS
        box = [
            Particle(f"p{k}", (k + 0.5) / PARTICLES, speed * (k - PARTICLES / 2 + 0.25))
            for k in range(PARTICLES)
        ]
        hits: dict[str, int] = {}
        for _ in range(self._rounds):
            for particle in box:
                if particle.move():
                    hits[particle.name] = hits.get(particle.name, 0) + 1
        yield from ()
        return sum(hits.values()), len(hits)


def setup(rounds: int, wait_ms: float) -> CpuObjects:
    """Move all particles ``rounds`` times; ``wait_ms`` has to be 0."""
    if wait_ms != 0:
        raise ValueError(f"wait_ms: {wait_ms} is not 0, but these tasks never wait")
    return CpuObjects(rounds)
