"""Reads MOTChallenge text: ground truth, detections and results share one table.

Columns: frame, id, left, top, width, height, then score (or "is considered"), class, visibility;
MOT15 files and results have ten. Frames count from 1, ids from 0 or 1, detections have id -1.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError

MIN_COLUMNS = 6


def read_mot(path: str | Path) -> NDArray[np.float64]:
    """-> [R, C] float64, C >= 6, rows in the file's order; an empty file gives [0, 10].

    Blank lines, spaces, tabs and trailing commas are tolerated. Raises MambatrackError with file,
    line and reason for too few or varying columns, no number, or a frame or id that is not whole.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MambatrackError(f"{path} is not a readable MOT text file: {error}") from None
    table = _parse_fast(text)
    if table is None or table.shape[1] < MIN_COLUMNS or not _keys_are_whole(table):
        table = _parse_lines(text, path)
    return table


def line_of(path: str | Path, row: int) -> int:
    """The line, from 1, that holds row ``row`` of what read_mot gave."""
    lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    return [number for number, line in enumerate(lines, start=1) if line.strip()][row]


def _parse_fast(text: str) -> NDArray[np.float64] | None:
    """The table of a well-formed file, None for any other."""
    if not text.strip():
        return np.zeros((0, 10))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return np.loadtxt(text.splitlines(), delimiter=",", ndmin=2, comments=None)
        except ValueError:
            return None


def _keys_are_whole(table: NDArray[np.float64]) -> bool:
    keys = table[:, :2]
    return bool(np.isfinite(keys).all() and (keys == np.floor(keys)).all())


def _parse_lines(text: str, path: Path) -> NDArray[np.float64]:
    """Line by line, to accept what is unambiguous and to name the line that is not."""
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            row = _parse_line(line, f"{path}, line {number}")
            if rows and len(row) != len(rows[0]):
                raise MambatrackError(
                    f"{path}, line {number}: {len(row)} columns, but {len(rows[0])} above it"
                )
            rows.append(row)
    return np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.zeros((0, 10))


def _parse_line(line: str, place: str) -> list[float]:
    fields = line.rstrip(", \t\r").split(",") if "," in line else line.split()
    try:
        row = [float(field) for field in fields]
    except ValueError as error:
        raise MambatrackError(f"{place}: {error}") from None
    if len(row) < MIN_COLUMNS:
        raise MambatrackError(
            f"{place}: {len(row)} columns; expected at least frame,id,left,top,width,height"
        )
    if not _keys_are_whole(np.array([row])):
        raise MambatrackError(f"{place}: frame {row[0]:g} and id {row[1]:g} must be whole numbers")
    return row
