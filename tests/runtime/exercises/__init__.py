"""What the executor promises, as plain functions that any interpreter can run.

Standard library only: interpreters other than the one that runs the tests have no pytest.
``python -m tests.runtime.exercises`` runs all of them and names those that fail; pytest runs
each as a test (``test_executor_behaviour.py``).
"""

from tests.runtime.exercises import calls, contexts, lifetime, nesting, size, stress
from tests.runtime.exercises.support import EXERCISES

__all__ = ["EXERCISES", "calls", "contexts", "lifetime", "nesting", "size", "stress"]
