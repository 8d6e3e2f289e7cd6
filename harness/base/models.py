"""The parts that models of configuration files are made of, and how a file is held against one.

Models are strict: no text passes for a number, no 2.0 for a count, no unknown key for a known
one. Numbers stay as they are written: 60 and 60.0 are equal, but not the same plan.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from harness.base.errors import ConfigError
from harness.base.strict_yaml import load

#: so many errors of a file are told, and how many more there are
MOST_ERRORS = 5
MOST_CHARACTERS = 300


class Entry(BaseModel):
    """A mapping in a configuration file."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    #: optional keys that may be written as null
    nullable: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _has_known_keys(cls, data: Any) -> Any:
        """Pydantic would refuse an unknown key too, but not say which ones are known."""
        if not isinstance(data, Mapping):
            return data
        for key, value in data.items():
            about = {"key": key, "known": ", ".join(sorted(cls.model_fields))}
            if key not in cls.model_fields:
                raise PydanticCustomError("unknown_key", "not known", about)
            optional = not cls.model_fields[key].is_required()
            if value is None and optional and key not in cls.nullable:
                raise PydanticCustomError("null", "null has no meaning; leave the key out", about)
        return data

    @classmethod
    def empty(cls) -> Self:
        """One that says nothing, where everything may be left open."""
        return cls.model_validate({})

    def said(self) -> dict[str, Any]:
        """What the file says, without what it leaves open."""
        return {key: getattr(self, key) for key in self.model_fields_set}


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PydanticCustomError("number", "a finite number is expected")
    return value


def as_tuple(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise PydanticCustomError("list", "a list is expected")
    return tuple(value)


T = TypeVar("T", bound=Sequence[Any])


def _once(values: T) -> T:
    if len({*map(repr, values)}) < len(values):
        raise PydanticCustomError("twice", "something stands there twice")
    return values


#: finite, and kept as it is written
Number = Annotated[int | float, BeforeValidator(_number)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
InterpreterName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
ParameterName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
#: one line that any terminal and any page shows as it is
Title = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u{2028}-\u{202e}\u{2066}-\u{2069}\u{feff}]+$",
    ),
]
Names = Annotated[
    tuple[Name, ...], BeforeValidator(as_tuple), Field(min_length=1), AfterValidator(_once)
]
InterpreterNames = Annotated[
    tuple[InterpreterName, ...],
    BeforeValidator(as_tuple),
    Field(min_length=1),
    AfterValidator(_once),
]
Cores = Annotated[int, Field(ge=1, le=4096)]
Pinnings = Annotated[
    tuple[Cores, ...], BeforeValidator(as_tuple), Field(min_length=1), AfterValidator(_once)
]
Seconds = Annotated[Number, Field(ge=0, le=3600)]
Window = Annotated[Number, Field(gt=0, le=3600)]
PoolSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65_536)], ...],
    BeforeValidator(as_tuple),
    Field(min_length=1),
    AfterValidator(_once),
]

M = TypeVar("M", bound=BaseModel)


def read_model(path: Path, model: type[M]) -> M:
    """Read a YAML file; raises ``ConfigError`` naming file, key, value and reason."""
    return check(load(path), model, path)


def check(data: Any, model: type[M], path: Path, at: str = "") -> M:
    """Plain data as the model says; raises ``ConfigError`` naming file, key, value and reason.

    ``at``: the key at which the data stand in the file.
    """
    try:
        return model.model_validate(data)
    except ValidationError as refused:
        errors = sorted(refused.errors(include_url=False), key=lambda e: list(map(str, e["loc"])))
    reasons: dict[str, list[str]] = {}
    for error in errors:
        place, reason = _told(error, data, at)
        reasons.setdefault(place, []).append(reason)
    # Where a value may be one thing or another, each of them says why it is not.
    lines = [f"{path}: {place}{'; or '.join(several)}" for place, several in reasons.items()]
    if len(lines) > MOST_ERRORS:
        lines[MOST_ERRORS:] = [f"{path}: and {len(lines) - MOST_ERRORS} more"]
    raise ConfigError("\n".join(lines))


def _told(error: ErrorDetails, data: Any, at: str) -> tuple[str, str]:
    """Key and value, and the reason. What is wrong with a key itself is told at its parent."""
    kind, loc, value, about = error["type"], error["loc"], error["input"], error.get("ctx", {})
    if loc[-1:] == ("[key]",):
        loc = loc[:-2]
    if kind == "missing":
        return f"{_place(loc[:-1], data, at)}: ", f"{loc[-1]!r} is missing"
    if kind == "null":
        return f"{_place((*loc, about['key']), data, at)}: ", error["msg"]
    if kind == "unknown_key":
        return (
            f"{_place(loc, data, at)}: {about['key']!r:.90} ",
            f"is not known; known are {about['known']}",
        )
    place = f"{_place(loc, data, at)}: {_shorten(repr(value))}"
    if kind == "string_pattern_mismatch":
        return f"{place} ", f"does not match {about['pattern']!r}"
    return f"{place}: ", _shorten(error["msg"][0].lower() + error["msg"][1:])


def _place(loc: Sequence[int | str], data: Any, at: str) -> str:
    """The dotted key. What is not in the data, such as the name of a variant, is passed over."""
    found = [at] if at else []
    for part in loc:
        listed = isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data)
        if listed or (isinstance(data, Mapping) and part in data):
            data = data[part]
            found.append(str(part))
    return ".".join(found) or "(top level)"


def _shorten(text: str) -> str:
    """The text, cut in the middle: the value stands first, the reason last."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS // 2]} … {text[-MOST_CHARACTERS // 2 :]}"


def require_known(names: Iterable[str], known: Mapping[str, object], path: Path, key: str) -> None:
    """Raise ``ConfigError`` when one of ``names``, found in ``path`` at ``key``, is not known."""
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {key}: {name!r} is not known; known are {', '.join(sorted(known))}"
            )
