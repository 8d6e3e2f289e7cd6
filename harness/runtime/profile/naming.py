"""What a submitted call is called in the report."""

import functools
from collections.abc import Callable
from contextvars import Context
from types import FunctionType
from typing import Any

#: wrappers around wrappers deeper than this are named as they are
_DEEPEST = 16


def name_of(fn: Any, args: tuple[Any, ...]) -> str:
    """``module.qualname`` of what ``fn(*args)`` is about.

    Partials are unwrapped, and so is ``Context.run``, in which ``asyncio.to_thread`` and
    others wrap what they are given. Methods go by the class of their object, objects that
    can be called by their own class.
    """
    if type(fn) is FunctionType:
        return f"{fn.__module__}.{fn.__qualname__}"
    return _plain_name(_unwrapped(fn, args))


def _unwrapped(fn: Any, args: tuple[Any, ...]) -> Any:
    for _ in range(_DEEPEST):
        if isinstance(fn, functools.partial):
            fn, args = fn.func, fn.args + args
        elif args and isinstance(getattr(fn, "__self__", None), Context):
            fn, args = args[0], args[1:]
        else:
            break
    return fn


def _plain_name(fn: Callable[..., Any]) -> str:
    name = getattr(fn, "__qualname__", None)
    owner = getattr(fn, "__self__", None)
    if name is not None and owner is not None and not _is_module(owner):
        owner = owner if isinstance(owner, type) else type(owner)
        return f"{_of_type(owner)}.{fn.__name__}"
    if name is None:
        return _of_type(type(fn))
    module = getattr(fn, "__module__", None)
    return f"{module}.{name}" if module else str(name)


def _is_module(owner: Any) -> bool:
    return isinstance(owner, type(functools))


def _of_type(kind: type) -> str:
    prefix = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return f"{prefix}{kind.__qualname__}"
