"""Boxes in CSV with a header, which tells by their names what its columns hold.

Read are the columns that mambatrack, supervision, pandas and spreadsheets with MOT's columns write;
what else there is does not matter.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mambatrack.errors import MambatrackError, reason_of, shown
from mambatrack.files import regular

CORNERS, SIZES, CENTRES = "corners", "sizes", "centres"  # x1 y1 x2 y2; left top width height
BOXES = (
    (CORNERS, ("x_min", "y_min", "x_max", "y_max")),
    (CORNERS, ("xmin", "ymin", "xmax", "ymax")),
    (CORNERS, ("x1", "y1", "x2", "y2")),
    (CORNERS, ("left", "top", "right", "bottom")),
    (SIZES, ("left", "top", "width", "height")),
    (SIZES, ("bb_left", "bb_top", "bb_width", "bb_height")),
    (CENTRES, ("x_center", "y_center", "width", "height")),
    (CENTRES, ("cx", "cy", "w", "h")),
)
FROM_ZERO = "frame_index"
FRAMES = (FROM_ZERO, "frame", "frame_id", "frame_number")
IDS = ("tracker_id", "track_id", "id")
SCORES = ("confidence", "conf", "score")
LABELS = ("class_id", "class", "label", "category_id")
NAMES = ("class_name", "name")
NOTHING = ("", "None", "nan", "NaN")  # of a cell
SEEN = "observed"
HIGHEST = 2**31  # of frames, ids and labels
FARTHEST = 1e7  # pixels
SHARES = 1.0  # a file without any larger side has shares of the picture
HEADER = re.compile(r'\s*,?(?!nan|inf)"?[^\W\d]\w*"?\s*[,;\t]', re.I)  # pandas' index has no name


@dataclass(frozen=True)
class CsvBox:
    """A row: frame from 0; identity -1 where it has none; box x1, y1, x2, y2; state as in JSON
    Lines, "observed" where none is told."""

    frame: int
    identity: int
    box: list[float]
    score: float
    label: int
    state: str = SEEN
    gap: int = 0
    time_s: float | None = None


@dataclass
class CsvTable:
    """The rows of a file in its order, and the names of the classes where it tells them."""

    rows: list[CsvBox] = field(default_factory=list)
    names: tuple[str, ...] = ()


def is_csv(start: str) -> bool:
    """Whether a text begins with names of columns."""
    return HEADER.match(start.lstrip("\ufeff")) is not None


def read_csv_table(path: Path) -> CsvTable:
    """Frames count from 0 under frame_index and where any is 0, else from 1. Raises
    MambatrackError, with the line, for what is no box."""
    try:
        with regular(path).open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            mark = next((each for each in ";\t" if each in first), ",")
            file.seek(0)
            return _table(csv.reader(file, delimiter=mark, skipinitialspace=True), path)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MambatrackError(f"{path} cannot be read as CSV: {reason_of(error)}") from None


def _table(lines: Iterator[list[str]], path: Path) -> CsvTable:
    header = [name.strip().casefold() for name in next(lines, [])]
    columns = _Columns(header, path)
    numbers = _Labels()
    found = []
    for number, cells in enumerate(lines, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            if len(cells) != len(header):
                raise ValueError(f"{len(cells)} cells below {len(header)} names")
            found.append(
                columns.box(dict(zip(header, map(str.strip, cells), strict=True)), numbers)
            )
        except ValueError as error:
            raise MambatrackError(f"{path}, line {number}: {error}") from None
    if found and all(max(map(abs, each.box)) <= SHARES for each in found):
        raise MambatrackError(
            f"{path}: no side of a box is larger than 1: these look like shares of the picture; "
            "multiply them by its width and height"
        )
    if columns.frame != FROM_ZERO and all(each.frame > 0 for each in found):
        found = [CsvBox(**{**vars(each), "frame": each.frame - 1}) for each in found]
    return CsvTable(found, numbers.names())


class _Columns:
    """Which of the columns of a header hold what."""

    def __init__(self, header: Sequence[str], path: Path):
        def named(names: Sequence[str]) -> str | None:
            return next((name for name in names if name in header), None)

        kinds = [(kind, names) for kind, names in BOXES if set(names) <= set(header)]
        frame = named(FRAMES)
        if frame is None or not kinds:
            lacks = "frames" if frame is None else "boxes"
            raise MambatrackError(
                f"{path}, line 1: no columns of {lacks} among {shown(', '.join(header))}; expected "
                "a header with frame or frame_index (from 0), and x1,y1,x2,y2 or "
                "left,top,width,height, as --csv writes it"
            )
        self.frame = frame
        self._kind, self._sides = kinds[0]
        self._id, self._score = named(IDS), named(SCORES)
        self._label, self._name = named(LABELS), named(NAMES)

    def box(self, row: Mapping[str, str], labels: "_Labels") -> CsvBox:
        score = 1.0 if (text := _cell(row, self._score)) is None else _number(text, "score")
        time_s = None if (text := _cell(row, "time_s")) is None else _number(text, "time_s")
        identity = -1 if (text := _cell(row, self._id)) is None else _whole(text, "id", -1)
        return CsvBox(
            _whole(row[self.frame], "frame"), identity,
            self._box([_number(row[side], side) for side in self._sides]), score,
            labels.number(_cell(row, self._label), _cell(row, self._name)),
            _cell(row, "state") or SEEN, _whole(_cell(row, "gap") or "0", "gap"), time_s,
        )  # fmt: skip

    def _box(self, sides: list[float]) -> list[float]:
        if max(map(abs, sides)) >= FARTHEST:
            raise ValueError(f"a side of a box is {max(sides, key=abs):g}, which no picture has")
        x, y, right, low = sides
        if self._kind == SIZES:
            return [x, y, x + right, y + low]
        if self._kind == CENTRES:
            return [x - right / 2, y - low / 2, x + right / 2, y + low / 2]
        return sides


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
        last = max(self._names, default=-1)
        return tuple(self._names.get(number, str(number)) for number in range(last + 1))


def _cell(row: Mapping[str, str], name: str | None) -> str | None:
    text = row.get(name or "")
    return None if text in NOTHING else text


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
