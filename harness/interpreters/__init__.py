"""Interpreters to be measured: found on the machine or provisioned, verified, equipped.

wanted  interpreters.yaml                   config.py, model.py
found   user's path, PATH, pyenv, uv, conda find.py, probe.py
else    uv, or the source package           provision.py, source_build.py, apt_sources.py
then    pinned libraries in the cache       environment.py, cache.py
"""

from harness.interpreters.cli import main
from harness.interpreters.model import Interpreter, InterpreterError
from harness.interpreters.obtain import build_differences, ensure

__all__ = ["Interpreter", "InterpreterError", "build_differences", "ensure", "main"]
