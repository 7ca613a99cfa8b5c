"""Result files, one whole frame at a time: MOTChallenge text, JSON Lines and CSV.

>>> with mot_writer("out.txt") as writer:
...     writer.write(tracks)        # once per frame

What is on disk is always readable up to the last whole frame, also after Ctrl-C, kill -9 or on a
full disk. The columns and keys are described in docs/outputs.md.
"""

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.codes import TrackCode, as_text, rows_of
from mambatrack.boxes import clip, xyxy_to_ltwh
from mambatrack.camera.transforms import CameraMotion
from mambatrack.csv_text import csv_text
from mambatrack.detection_data import each_of
from mambatrack.errors import MambatrackError
from mambatrack.files import check_output
from mambatrack.gaps.revisions import Revision
from mambatrack.outputs.corrected import (
    Correct,
    correct_file,
    corrected_csv,
    corrected_jsonl,
    corrected_mot,
)
from mambatrack.outputs.json_values import add_data
from mambatrack.tracks import Tracks, TrackState, class_name

JSONL_VERSION = 1
CSV_COLUMNS = (
    "x_min", "y_min", "x_max", "y_max", "class_id", "confidence", "tracker_id",
    "frame_index", "time_s", "state", "gap",
)  # fmt: skip
STATE_NAMES = {
    TrackState.TENTATIVE: "tentative",
    TrackState.OBSERVED: "observed",
    TrackState.PREDICTED: "predicted",
}

Size = tuple[int, int]


class OutputFile:
    """A file that grows by whole pieces: one that does not fit is taken back."""

    def __init__(self, raw: io.RawIOBase, name: str):
        self._raw, self.name, self._length = raw, name, 0

    def append(self, text: str) -> None:
        """Writes all of the text, or raises and leaves the file as it was."""
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
    path: str | Path, overwrite: bool = False, image_size: Size | None = None
) -> TrackWriter:
    """CSV with the column names of supervision, then frame, time, state and gap: all live tracks.

    image_size: (width, height) to clip boxes to
    """
    return TrackWriter(
        open_output(path, overwrite),
        lambda tracks: csv_text(csv_rows(_clipped(tracks, image_size))),
        csv_text([CSV_COLUMNS]),
        corrected_csv,
    )


def mot_rows(tracks: Tracks) -> str:
    """One line ``frame,id,left,top,width,height,conf,-1,-1,-1`` per track."""
    boxes = xyxy_to_ltwh(tracks.boxes.astype(np.float64)).tolist()
    rows = zip(tracks.ids.tolist(), boxes, numbers(tracks.scores), strict=True)
    return "".join(
        f"{tracks.frame + 1},{identity},{left:.2f},{top:.2f},{width:.2f},{height:.2f},"
        f"{0.0 if score is None else score:.4f},-1,-1,-1\n"
        for identity, (left, top, width, height), score in rows
    )


def jsonl_frame(tracks: Tracks, names: Sequence[str] = (), data: bool = False) -> dict[str, Any]:
    """The frame as plain numbers, strings, lists and None: valid JSON whatever the tracks hold.

    data: with what came with the detections, which raises MambatrackError where JSON has no such
    value, or the name is one of a track's own
    """
    columns = zip(
        tracks.ids.tolist(), numbers(tracks.boxes), numbers(tracks.scores),
        tracks.labels.tolist(), tracks.state.tolist(), tracks.gap.tolist(),
        numbers(tracks.spread), strict=True,
    )  # fmt: skip
    records: list[dict[str, Any]] = [
        {"id": identity, "box": box, "score": score, "label": label,
         "class": class_name(names, label), "state": STATE_NAMES[TrackState(state)],
         "gap": gap, "spread": spread}
        for identity, box, score, label, state, gap, spread in columns
    ]  # fmt: skip
    if data and tracks.data:
        for record, own in zip(records, each_of(tracks.data, len(tracks)), strict=True):
            add_data(record, own)
    frame = {
        "frame": tracks.frame,
        "time_s": _number(tracks.time_s),
        "tracks": records,
        "ended": tracks.ended.tolist(),
    }
    if tracks.returned is not None and len(tracks.returned):
        frame["returned"] = tracks.returned.tolist()
        if tracks.surety is not None:
            frame["surety"] = numbers(tracks.surety)
    return frame if tracks.camera is None else frame | {"camera": jsonl_camera(tracks.camera)}


def jsonl_camera(motion: CameraMotion) -> dict[str, Any]:
    """How the camera moved before a frame; the rows of the transform one behind the other."""
    transform = [float(f"{each:.9g}") for each in motion.transform.ravel().tolist()]
    return {"transform": transform, "certainty": round(motion.certainty, 3), "cut": motion.cut}


def csv_rows(tracks: Tracks) -> list[tuple]:
    """One row per track in the order of CSV_COLUMNS."""
    time_s = _number(tracks.time_s)
    columns = zip(
        numbers(tracks.boxes), tracks.labels.tolist(), numbers(tracks.scores),
        tracks.ids.tolist(), tracks.state.tolist(), tracks.gap.tolist(), strict=True,
    )  # fmt: skip
    return [
        (*box, label, score, identity, tracks.frame, time_s, STATE_NAMES[TrackState(state)], gap)
        for box, label, score, identity, state, gap in columns
    ]


def _clipped(tracks: Tracks, image_size: Size | None) -> Tracks:
    if image_size is None:
        return tracks
    boxes = clip(tracks.boxes, image_size)
    inside = np.all(boxes[:, 2:] > boxes[:, :2], axis=1)
    kept = tracks.select(inside)
    return Tracks(**{**vars(kept), "boxes": boxes[inside]})


def jsonl_header(names: Sequence[str]) -> dict[str, Any]:
    """The first line of JSON Lines; names: of the classes, by label."""
    return {"format": "mambatrack-tracks", "version": JSONL_VERSION, "classes": list(names)}


def jsonl_line(value: dict[str, Any]) -> str:
    """One line of JSON Lines."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")) + "\n"


def numbers(values: NDArray) -> list[Any]:
    """Nested lists of floats rounded to 4 decimals, None where not finite."""
    wide = np.round(values.astype(np.float64), 4)
    if np.isfinite(wide).all():
        return wide.tolist()
    plain = wide.astype(object)
    plain[~np.isfinite(wide)] = None
    return plain.tolist()


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)


def jsonl_embedding(code: TrackCode) -> dict[str, Any]:
    """What a track looked like, to be written as a line of its own once it has ended."""
    return {
        "embedding": {
            "id": code.id,
            "frame": code.frame,
            "embedder": code.embedder,
            "looks": code.looks,
            "code": as_text(code.vector),
            "similarities": rows_of(code.calibration),
        }
    }


def jsonl_revision(revision: Revision) -> dict[str, Any]:
    """The revision as plain numbers, to be written as a line of its own between those of frames."""
    return {
        "revision": {
            "id": revision.id,
            "frames": revision.frames.tolist(),
            "boxes": numbers(revision.boxes),
            "spread": numbers(revision.spread),
            "gap": revision.gap,
        }
    }
