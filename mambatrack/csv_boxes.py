"""Boxes in CSV with a header, which tells by their names what its columns hold.

Read are the columns that mambatrack, supervision, pandas and spreadsheets with MOT's columns write;
what else there is does not matter.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mambatrack.class_names import MOST_CLASSES
from mambatrack.column_names import (
    FRAMES,
    FROM_ZERO,
    IDS,
    IMAGES,
    LABELS,
    NAMES,
    SCORES,
    as_corners,
    box_columns,
    named,
)
from mambatrack.errors import MambatrackError, reason_of, shown
from mambatrack.files import regular

NOTHING = ("", "None", "nan", "NaN")  # of a cell
SEEN = "observed"
HIGHEST = 2**31  # of frames, ids and labels
FARTHEST = 1e7  # pixels
SHARES = 1.0  # a file without any larger side has shares of the picture
HEADER = re.compile(r'\s*,?(?!nan|inf)"?[^\W\d]\w*"?\s*[,;\t]', re.I)  # pandas' index has no name


@dataclass(frozen=True)
class CsvBox:
    """A row: frame as it is numbered there; identity -1 where it has none; box x1, y1, x2, y2;
    state as in JSON Lines, "observed" where none is told."""

    frame: int
    identity: int
    box: list[float]
    score: float
    label: int
    state: str = SEEN
    gap: int = 0
    time_s: float | None = None

    @property
    def detected(self) -> bool:
        """Whether the box was found in the picture."""
        return self.state != "predicted"


@dataclass
class CsvTable:
    """The rows of a file in its order, frames from 0, and the names of the classes where it tells
    them."""

    rows: list[CsvBox] = field(default_factory=list)
    names: tuple[str, ...] = ()


class CsvReader:
    """Rows below a header. first: number of the first frame as far as the header tells it, None
    where the rows do; names: of the classes so far."""

    def __init__(self, header: str):
        """Raises MambatrackError where the header has no frames or boxes."""
        self._mark = next((each for each in ";\t" if each in header), ",")
        try:
            cells = next(self._cells([header.lstrip("\ufeff")]))
        except csv.Error as error:
            raise MambatrackError(f"line 1: {error}") from None
        self._header = [name.casefold() for name in cells]
        frame, sides = named(FRAMES + IMAGES, self._header), box_columns(self._header)
        if frame is None or sides is None:
            lacks = "frames" if frame is None else "boxes"
            raise MambatrackError(
                f"line 1: no columns of {lacks} among {shown(', '.join(cells))}; expected a header "
                "with frame or frame_index (from 0), and x1,y1,x2,y2 or left,top,width,height, as "
                f"--csv writes it{_ambiguous(self._header)}"
            )
        self._frame, (self._kind, self._sides) = frame, sides
        self.first = 0 if frame == FROM_ZERO else None
        self._labels = _Labels()

    @property
    def names(self) -> tuple[str, ...]:
        return self._labels.names()

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, CsvBox]]:
        """(line, row). Raises MambatrackError, with the line, for what is no box."""
        for number, cells in enumerate(self._cells(lines), start=2):
            if any(cells):
                yield number, self.row(number, cells)

    def row(self, number: int, cells: Sequence[str] | str) -> CsvBox:
        """Of line ``number``, which may be split already."""
        try:
            if isinstance(cells, str):
                cells = next(self._cells([cells]))
            if len(cells) != len(self._header):
                raise ValueError(f"{len(cells)} cells below {len(self._header)} names")
            return self._box(dict(zip(self._header, cells, strict=True)))
        except (ValueError, csv.Error) as error:
            raise MambatrackError(f"line {number}: {error}") from None

    def _cells(self, lines: Iterable[str]) -> Iterator[list[str]]:
        for cells in csv.reader(lines, delimiter=self._mark, skipinitialspace=True):
            yield [cell.strip() for cell in cells]

    def _box(self, row: Mapping[str, str]) -> CsvBox:
        sides = np.array([_number(row[side], side) for side in self._sides])
        if np.abs(sides).max() >= FARTHEST:
            raise ValueError(f"a side of a box is {np.abs(sides).max():g}, which no picture has")
        score, time_s = _cell(row, SCORES), _cell(row, ("time_s",))
        return CsvBox(
            _frame(row[self._frame], self._frame),
            _whole(_cell(row, IDS) or "-1", "id", -1),
            as_corners(self._kind, sides).tolist(),
            1.0 if score is None else _number(score, "score"),
            self._labels.number(_cell(row, LABELS), _cell(row, NAMES)),
            _cell(row, ("state",)) or SEEN,
            _whole(_cell(row, ("gap",)) or "0", "gap"),
            None if time_s is None else _number(time_s, "time_s"),
        )


def is_csv(start: str) -> bool:
    """Whether a text begins with names of columns."""
    return HEADER.match(start.lstrip("\ufeff")) is not None


def as_table(reader: CsvReader, rows: Sequence[CsvBox]) -> CsvTable:
    """Frames count from 0 where the header says so or any is 0, else from 1. Raises MambatrackError
    for shares of the picture."""
    if rows and all(max(map(abs, each.box)) <= SHARES for each in rows):
        raise MambatrackError(
            "no side of a box is larger than 1: these look like shares of the picture; multiply "
            "them by its width and height"
        )
    first = reader.first if reader.first is not None else min((1, *(each.frame for each in rows)))
    found = [replace(each, frame=each.frame - first) for each in rows] if first else list(rows)
    return CsvTable(found, reader.names)


def read_csv_table(path: Path) -> CsvTable:
    """See as_table. Raises MambatrackError, with the line, for what is no box."""
    try:
        with regular(path).open(encoding="utf-8-sig", newline="") as file:
            reader = CsvReader(file.readline())
            return as_table(reader, [row for _, row in reader.rows(file)])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MambatrackError(f"{path} cannot be read as CSV: {reason_of(error)}") from None
    except MambatrackError as error:
        raise MambatrackError(f"{path}, {error}") from None


class _Labels:
    """Numbers of classes, and their names; a class without a number is numbered as it comes."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}

    def number(self, label: str | None, name: str | None) -> int:
        if label is not None and re.fullmatch(r"\d+(\.0*)?", label):
            number = _whole(label, "class")
            if name is not None:
                self._names[number] = name
            return number
        text = name if label is None else label
        if text is None:
            return 0
        number = self._numbers.setdefault(text, len(self._numbers))
        self._names[number] = text
        return number

    def names(self) -> tuple[str, ...]:
        last = min(max(self._names, default=-1), MOST_CLASSES)
        return tuple(self._names.get(number, str(number)) for number in range(last + 1))


def _cell(row: Mapping[str, str], names: Sequence[str]) -> str | None:
    name = named(names, row)
    text = None if name is None else row[name]
    return None if text is None or text in NOTHING else text


def _ambiguous(header: Sequence[str]) -> str:
    """What to do about x and y, which are a corner to some and the centre to others."""
    if not {"x", "y"} <= set(header):
        return ""
    return "; x and y may be a corner or the centre: name them left,top or cx,cy"


def _frame(text: str, column: str) -> int:
    """The frame of a row, in a column of pictures' names the last number in the name."""
    if column in IMAGES:
        digits = re.findall(r"\d+", Path(text.replace("\\", "/")).stem)
        text = digits[-1] if digits else text
    return _whole(text, "frame")


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name} is {shown(text)}; expected a number")
    return value


def _whole(text: str, name: str, low: int = 0) -> int:
    value = _number(text, name)
    if not (value.is_integer() and low <= value < HIGHEST):
        raise ValueError(f"{name} is {shown(text)}; expected a whole number from {low} on")
    return int(value)
