"""Result files, one whole frame at a time: MOTChallenge text, JSON Lines and CSV.

>>> with mot_writer("out.txt") as writer:
...     writer.write(tracks)        # once per frame

What is on disk is always readable up to the last whole frame, also after Ctrl-C, kill -9 or on a
full disk.
"""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mambatrack.boxes import clip
from mambatrack.csv_text import csv_text
from mambatrack.errors import MambatrackError
from mambatrack.files import check_output
from mambatrack.outputs.corrected import (
    Correct,
    correct_file,
    corrected_csv,
    corrected_jsonl,
    corrected_mot,
)
from mambatrack.outputs.lines import (
    CSV_COLUMNS,
    csv_rows,
    jsonl_frame,
    jsonl_header,
    jsonl_line,
    mot_rows,
)
from mambatrack.tracks import Tracks, TrackState

Size = tuple[int, int]


class OutputFile:
    """A file that grows by whole pieces: one that does not fit is taken back."""

    def __init__(self, raw: io.RawIOBase, name: str):
        self._raw, self.name, self._length = raw, name, 0

    def append(self, text: str) -> None:
        """Writes all of the text, or raises and leaves the file as it was."""
        if self._raw.closed:
            raise MambatrackError(f"{self.name} is closed; write to it inside of its with block")
        left = memoryview(text.encode())
        size = len(left)
        try:
            while left:
                left = left[self._raw.write(left) or 0 :]
        except BaseException as error:
            self._take_back()
            if isinstance(error, OSError):
                raise MambatrackError(
                    f"cannot write {self.name}: {error.strerror}; "
                    "the frames written so far are kept"
                ) from error
            raise
        self._length += size

    def _take_back(self) -> None:
        try:
            self._raw.truncate(self._length)
            self._raw.seek(self._length)
        except OSError:
            pass  # a pipe or device keeps what it got

    def close(self) -> None:
        self._raw.close()


def open_output(path: str | Path, overwrite: bool = False) -> OutputFile:
    """An empty file at the path; raises MambatrackError where it may not or cannot be written."""
    path = check_output(path, overwrite)
    try:
        return OutputFile(open(path, "wb", buffering=0), str(path))
    except OSError as error:
        raise MambatrackError(f"cannot write {path}: {error.strerror}") from None


class TrackWriter:
    """Appends the rows of each frame's tracks to a file; frames must ascend.

    rows: turns the tracks of one frame into text that ends with a line break, or into ""
    correct: renames, when the file is closed, whom a memory knew again after frames were written;
        None where they cannot be
    """

    def __init__(
        self, file: OutputFile, rows: Callable[[Tracks], str], header: str = "",
        correct: Correct | None = None,
    ):  # fmt: skip
        self._file, self._rows, self._last, self._correct = file, rows, -1, correct
        self._again: dict[int, int] = {}
        file.append(header)

    def write(self, tracks: Tracks) -> None:
        if tracks.frame <= self._last:
            raise MambatrackError(
                f"frame {tracks.frame} comes after frame {self._last}; "
                "one file holds one video, frames in order"
            )
        if len(np.unique(tracks.ids)) < len(tracks):
            raise MambatrackError(f"frame {tracks.frame} names a track id twice")
        self._file.append(self._rows(tracks.select(np.all(np.isfinite(tracks.boxes), axis=1))))
        self._last = tracks.frame
        self._again |= tracks.known_again

    def note(self, record: dict[str, Any]) -> None:
        """A line of JSON of its own behind the newest frame; for JSON Lines only."""
        self._file.append(jsonl_line(record))

    def close(self) -> None:
        self._file.close()
        if self._again and self._correct is not None:
            again, self._again = self._again, {}
            correct_file(self._file.name, again, self._correct)

    def __enter__(self) -> "TrackWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def mot_writer(
    path: str | Path,
    overwrite: bool = False,
    predicted: bool = False,
    image_size: Size | None = None,
) -> TrackWriter:
    """MOTChallenge text, frames and ids from 1: the observed boxes, and the predicted if asked.

    image_size: (width, height) to clip boxes to; what lies outside entirely is left out
    """

    shown = [TrackState.OBSERVED, TrackState.PREDICTED] if predicted else [TrackState.OBSERVED]

    def rows(tracks: Tracks) -> str:
        return mot_rows(_clipped(tracks.select(np.isin(tracks.state, shown)), image_size))

    return TrackWriter(open_output(path, overwrite), rows, correct=corrected_mot)


def jsonl_writer(
    path: str | Path,
    overwrite: bool = False,
    names: Sequence[str] = (),
    image_size: Size | None = None,
    data: bool = False,
) -> TrackWriter:
    """JSON Lines: a header, then one object per frame with all live tracks and their states.

    names: class names by label. image_size: (width, height) to clip boxes to. data: with what came
    with the detections (Tracks.data), under its names; whole masks make large files
    """
    return TrackWriter(
        open_output(path, overwrite),
        lambda tracks: jsonl_line(jsonl_frame(_clipped(tracks, image_size), names, data)),
        jsonl_line(jsonl_header(names)),
        corrected_jsonl,
    )


def csv_writer(
    path: str | Path, overwrite: bool = False, image_size: Size | None = None,
    names: Sequence[str] = (),
) -> TrackWriter:  # fmt: skip
    """CSV with the column names of supervision, then frame, time, state, gap and the name of the
    class: all live tracks.

    names: class names by label. image_size: (width, height) to clip boxes to
    """
    return TrackWriter(
        open_output(path, overwrite),
        lambda tracks: csv_text(csv_rows(_clipped(tracks, image_size), names)),
        csv_text([CSV_COLUMNS]),
        corrected_csv,
    )


def _clipped(tracks: Tracks, image_size: Size | None) -> Tracks:
    if image_size is None:
        return tracks
    boxes = clip(tracks.boxes, image_size)
    inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    kept = tracks.select(inside)
    return Tracks(**{**vars(kept), "boxes": boxes[inside]})
