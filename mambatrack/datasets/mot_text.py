"""Reads MOTChallenge text: ground truth, detections and results share one table.

Columns: frame, id, left, top, width, height, then score (or "is considered"), class, visibility;
MOT15 files and results have ten. Frames count from 1, ids from 0 or 1, detections have id -1.
"""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.mot_layouts import described, field_hint, key_hint
from mambatrack.errors import MambatrackError, complain, counted, reason_of
from mambatrack.files import regular

MIN_COLUMNS, MAX_COLUMNS = 6, 10
EXACT = 2**53  # frames and ids from here on are not told apart in float64
FARTHEST = 1e7  # pixels; a coordinate that is larger is a mistake
SMALLEST_SIDE = 1.0  # pixels; a file without any larger side has shares of the picture
ENOUGH = 20  # boxes, to see by them what the columns hold
ALONG = 0.7  # correlation of places and widths, from which on the widths are places themselves
NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|nan|inf(inity)?)", re.I | re.ASCII)

Table = NDArray[np.float64]


def read_mot(path: str | Path) -> Table:
    """-> [R, C] float64, 6 <= C <= 10, rows in the file's order; an empty file gives [0, 10].

    Columns are separated by commas, semicolons or white space. Blank lines, quotes around a number
    and separators at the end of a line are tolerated. Raises MambatrackError with file, line and
    reason for too few, too many or varying columns, no number, or a frame or id that is not whole.
    """
    path = Path(path)
    lines = _read_lines(path)
    table = _parse_fast(lines)
    if table is None or not MIN_COLUMNS <= table.shape[1] <= MAX_COLUMNS or not _keys_fit(table):
        table = _parse_lines(lines, path)
    return table


def line_of(path: str | Path, row: int) -> int:
    """The line, from 1, that holds row ``row`` of what read_mot gave."""
    lines = _read_lines(Path(path))
    return [number for number, line in enumerate(lines, start=1) if line.strip()][row]


class Refusal:
    """Raises for the first row of a table that a mask marks, with its line in the file.

    lined: whether rows are lines of MOT text
    """

    def __init__(self, path: Path, table: Table, lined: bool = True):
        self._path, self._table, self.lined = path, table, lined

    def __call__(self, wrong: Any, message: str) -> None:
        """``message`` may name the row's columns, as {0:.0f} for the frame."""
        if wrong.any():
            row = int(np.argmax(wrong))
            place = f"{self._path}, line {line_of(self._path, row)}" if self.lined else self._path
            raise MambatrackError(f"{place}: {message.format(*self._table[row])}")


def check_layout(path: Path, table: Table) -> Refusal:
    """Refuses a file that does not count frames from 1 or has no boxes in pixels, and returns the
    Refusal for further checks."""
    refuse = Refusal(path, table)
    refuse(
        table[:, 0] < 1,
        "frame {0:.0f}; MOT frames count from 1. If this file counts from 0, add 1 to its first "
        "column",
    )
    boxes = table[:, 2:6]
    if len(boxes) and (np.abs(boxes) <= SMALLEST_SIDE).all() and boxes.any():
        refuse(
            np.ones(len(boxes), bool),
            "a box at {2:g},{3:g} of {4:g} x {5:g}, and no side in the file is larger than 1: "
            "these look like shares of the picture; multiply them by its width and height",
        )
    if _are_corners(boxes):
        complain(
            f"{path}: columns 5 and 6 look like the right and lower edges of boxes; expected "
            "left,top,width,height: subtract columns 3 and 4 from them"
        )
    return refuse


def _are_corners(boxes: Table) -> bool:
    """Whether x2, y2 stand where sizes do: they are beyond x1, y1 in every row, and x2 goes along
    with x1, as widths of boxes in different places do not."""
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if len(boxes) < ENOUGH or not (boxes[:, 2:] > boxes[:, :2]).all():
        return False
    left, width = boxes[:, 0] - boxes[:, 0].mean(), boxes[:, 2] - boxes[:, 2].mean()
    return bool(left @ width > ALONG * np.sqrt((left @ left) * (width @ width)))


def check_boxes(path: Path, table: Table) -> Refusal:
    """As check_layout, and each of the first seven columns is finite, each box within reach and of
    no negative size."""
    refuse = check_layout(path, table)
    boxes = table[:, 2:6]
    refuse(~np.isfinite(table[:, :7]).all(axis=1), "a number that is not finite")
    refuse(
        (np.abs(boxes) >= FARTHEST).any(axis=1),
        "a box at {2:g},{3:g} of {4:g} x {5:g} pixels, which no picture has",
    )
    refuse(
        (boxes[:, 2:] < 0).any(axis=1),
        "a box of {4:g} x {5:g} pixels; expected left,top,width,height",
    )
    return refuse


def tell_empty(path: Path, table: Table, what: str, strict: bool = False) -> None:
    """Warns of boxes without size; what: becomes of them."""
    empty = np.flatnonzero((table[:, 4:6] == 0).any(axis=1))
    if len(empty):
        width, height = table[empty[0], 4:6]
        complain(
            f"{path}, line {line_of(path, empty[0])}: a box of {width:g} x {height:g} pixels; "
            f"boxes without size {what} ({len(empty)} of {len(table)})",
            strict,
        )


def repeated(keys: Table) -> NDArray[np.bool_]:
    """[R] True where an earlier row has the same frame and id."""
    repeated = np.ones(len(keys), bool)
    repeated[np.unique(keys, axis=0, return_index=True)[1]] = False
    return repeated


def whole(column: Table) -> NDArray[np.bool_]:
    """Where the numbers are whole and told apart from their neighbours."""
    with np.errstate(invalid="ignore"):
        return (column == np.floor(column)) & (np.abs(column) < EXACT)


def _read_lines(path: Path) -> list[str]:
    try:
        raw = regular(path).read_bytes()
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise MambatrackError(
                f"{path} is not a readable MOT text file: it is UTF-16; save it as UTF-8"
            )
        if raw[:2] == b"\x1f\x8b":
            raise MambatrackError(f"{path} is a gzip file: unpack it (gunzip)")
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MambatrackError(
            f"{path} is not a readable MOT text file: {reason_of(error)}"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _parse_fast(lines: list[str]) -> Table | None:
    """The table of a well-formed file, None for any other."""
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        return np.zeros((0, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.loadtxt(lines, delimiter=_separator(first), ndmin=2, comments=None)
        except ValueError:
            return None


def _separator(line: str) -> str | None:
    """Of the columns; None stands for white space."""
    return next((each for each in ";," if each in line), None)


def _keys_fit(table: Table) -> bool:
    return bool(whole(table[:, :2]).all())


def _parse_lines(lines: list[str], path: Path) -> Table:
    """Line by line, to accept what is unambiguous and to name the line that is not."""
    rows: list[list[float]] = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            place = f"{path}, line {number}"
            row = _parse_line(line, place)
            if rows and len(row) != len(rows[0]):
                raise MambatrackError(
                    f"{place}: {counted(len(row), 'column')}, but {len(rows[0])} above it"
                )
            rows.append(row)
    return np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.zeros((0, 10))


def _parse_line(line: str, place: str) -> list[float]:
    separator = _separator(line)
    line = line.strip().rstrip(f"{separator or ''} \t")
    fields = [field.strip().strip("\"'").strip() for field in line.split(separator)]
    for column, field in enumerate(fields, start=1):
        if not NUMBER.fullmatch(field):
            raise MambatrackError(
                f"{place}: {field[:40]!r} in column {column} is no number"
                f"{described(line, fields) or field_hint(field, column)}"
            )
    if not MIN_COLUMNS <= len(fields) <= MAX_COLUMNS:
        raise MambatrackError(
            f"{place}: {counted(len(fields), 'column')}; expected at least "
            f"frame,id,left,top,width,height and at most {MAX_COLUMNS}{described(line, fields)}"
        )
    row = [float(field) for field in fields]
    if not _keys_fit(np.array([row])):
        raise MambatrackError(
            f"{place}: frame {fields[0]} and id {fields[1]} must be whole numbers below 2**53"
            f"{described(line, fields) or key_hint(fields)}"
        )
    return row
