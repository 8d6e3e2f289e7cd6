"""What a notebook's cell can end in: a note, a table or a picture. Markup in texts is escaped."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import pandas as pd
from matplotlib.figure import Figure

from harness.analysis.tables.writing import number


@dataclass(frozen=True)
class Note:
    """A sentence for the reader, such as what is missing."""

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<p><em>{escape(self.text)}</em></p>"


@dataclass(frozen=True)
class Grid:
    """A table of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def frame(self) -> pd.DataFrame:
        """The same as a frame."""
        return pd.DataFrame(list(self.rows), columns=list(self.columns), dtype=object)

    def __repr__(self) -> str:
        return "\n".join(part for part in (self.frame().to_string(index=False), self.note) if part)

    def _repr_html_(self) -> str:
        with pd.option_context("display.max_colwidth", None):
            table = self.frame().to_html(index=False, border=0)
        note = f"<p>{escape(self.note)}</p>" if self.note else ""
        return f'<div class="scroll">{table}</div>{note}'


@dataclass(frozen=True)
class Tables:
    """Several tables, each under its title."""

    items: tuple[tuple[str, Note | Grid], ...]

    def __repr__(self) -> str:
        return "\n\n".join(f"{title}\n{item!r}" for title, item in self.items)

    def _repr_html_(self) -> str:
        return "".join(
            f"<h4>{escape(title)}</h4>{item._repr_html_()}" for title, item in self.items
        )


@dataclass(frozen=True)
class Picture:
    """A figure as PNG."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png


def grid(frame: pd.DataFrame, note: str = "") -> Grid:
    """A frame with numbers made texts; a dash for what is missing."""
    rows = frame.astype(object).itertuples(index=False, name=None)
    return Grid(
        tuple(str(name) for name in frame.columns),
        tuple(tuple(number(value) for value in row) for row in rows),
        note,
    )


def picture(figure: Figure) -> Picture:
    """A drawn figure, at a resolution for screens."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=160)
    return Picture(stream.getvalue())


def not_there(what: str, why: Sequence[str] = ()) -> Note:
    """The note in place of something that the results do not hold."""
    return Note(" ".join([f"{what}: not in these results.", *why]))
