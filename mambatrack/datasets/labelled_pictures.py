"""Labelled pictures in the layout of YOLO: images/NAME.jpg and labels/NAME.txt beside each other.

A text has a row for each box, "class cx cy w h", shares of the picture, and perhaps a score from 0
to 1 at the end, as detectors write it.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mambatrack.errors import MambatrackError
from mambatrack.sources.file_types import IMAGE_TYPES

ROW = "class cx cy w h, and perhaps a score, from 0 to 1"


class Labelled(NamedTuple):
    """picture: its path;  boxes [N, 4] float32, xyxy, shares of the picture's width and height;
    sure [N] float32, from 0 to 1"""

    picture: Path
    boxes: NDArray[np.float32]
    sure: NDArray[np.float32]


def labelled_pictures(folder: Path, classes: Collection[int]) -> list[Labelled]:
    """Of a folder, in the order of their names, the boxes of these classes; a picture without a
    text has none. Raises MambatrackError where there are no pictures, or for a damaged row."""
    pictures = sorted(_pictures(folder / "images"))
    if not pictures:
        raise MambatrackError(
            f"{folder}: no pictures in {folder / 'images'}; expected images/NAME.jpg and "
            "labels/NAME.txt, as YOLO has them"
        )
    return [_labelled(path, folder / "labels" / f"{path.stem}.txt", classes) for path in pictures]


def _pictures(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (each for each in folder.iterdir() if each.suffix.lower() in IMAGE_TYPES)


def label_rows(text: Path) -> list[list[float]]:
    """Class, centre, size and score of each box in a text; none where there is no text. Raises
    MambatrackError, with the line, for a damaged row."""
    try:
        lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
    except (OSError, UnicodeDecodeError) as error:
        raise MambatrackError(f"{text} cannot be read: {error}; expected rows {ROW}") from None
    return [_row(text, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _labelled(picture: Path, text: Path, classes: Collection[int]) -> Labelled:
    rows = label_rows(text)
    kept = np.array([row[1:] for row in rows if row[0] in classes], np.float32).reshape(-1, 5)
    corners = np.hstack([kept[:, :2] - kept[:, 2:4] / 2, kept[:, :2] + kept[:, 2:4] / 2])
    return Labelled(picture, corners.astype(np.float32), kept[:, 4])


def _row(path: Path, number: int, line: str) -> list[float]:
    """Class, centre, size, and how sure it is."""
    try:
        values = [float(each) for each in line.split()]
    except ValueError:
        values = []
    shares = np.array(values[1:])
    if len(values) not in (5, 6) or not ((shares >= 0) & (shares <= 1)).all() or values[0] % 1:
        raise MambatrackError(f"{path}, line {number}: {ROW} expected, found {line.strip()[:60]!r}")
    return values if len(values) == 6 else [*values, 1.0]
