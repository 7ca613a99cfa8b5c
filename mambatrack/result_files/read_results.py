"""A result file as arrays: MOT text or the JSON Lines that mambatrack writes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import read_mot
from mambatrack.errors import MambatrackError
from mambatrack.outputs.text import class_name

COLUMNS = 9  # frame, id, x1, y1, x2, y2, score, label, gap
PER_BOX = ("frame", "id", "boxes", "score", "label", "gap", "seen")
HIGHEST = 2**31  # of frames and ids


@dataclass(frozen=True)
class Recording:
    """The boxes of a result file, by frame and id; tentative ones are left out.

    frame [R] int64, from 0; id [R] int64; boxes [R, 4] float64, xyxy, pixels, finite; score [R];
    label [R] int64, one for each id; gap [R] int64, frames since the track was seen
    seen:   [R] bool, False where the box is predicted or filled in
    names:  of the classes; a class without one is called by its number
    frames: of the video, as far as the file tells: the last number plus 1
    times:  seconds of those frames whose time is known
    """

    frame: NDArray[np.int64]
    id: NDArray[np.int64]
    boxes: NDArray[np.float64]
    score: NDArray[np.float64]
    label: NDArray[np.int64]
    gap: NDArray[np.int64]
    seen: NDArray[np.bool_]
    names: tuple[str, ...] = ()
    frames: int = 0
    times: dict[int, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def select(self, chosen: NDArray) -> "Recording":
        """The chosen boxes (mask or indices [R])."""
        return replace(self, **{name: getattr(self, name)[chosen] for name in PER_BOX})

    def by_track(self) -> Iterator[tuple[int, "Recording"]]:
        """(id, its boxes by frame), ids ascending."""
        order = np.lexsort((self.frame, self.id))
        for rows in np.split(order, np.flatnonzero(np.diff(self.id[order])) + 1):
            if len(rows):
                yield int(self.id[rows[0]]), self.select(rows)

    def by_frame(self, numbers: Sequence[int] | None = None) -> Iterator[tuple[int, "Recording"]]:
        """(frame, its boxes) for these numbers, or for every frame that has a box."""
        for number in np.unique(self.frame).tolist() if numbers is None else numbers:
            first, last = np.searchsorted(self.frame, [number, number + 1])
            yield number, self.select(np.arange(first, last))

    def name_of(self, label: int) -> str:
        return class_name(self.names, label)


def read_recording(
    path: str | Path, names: Sequence[str] = (), predicted: bool = True
) -> Recording:
    """The boxes of a result file, told by its first character.

    names: of the classes, in place of those in the file. predicted: also boxes that were not seen.
    Predicted boxes that a revision is about have its boxes. Raises MambatrackError, with the line
    where there is one, for what is no result file.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(64).decode("utf-8-sig", "replace").lstrip()
    except OSError as error:
        raise MambatrackError(f"{path} cannot be read: {error.strerror}") from None
    recording = _from_jsonl(path) if start.startswith("{") else _from_mot(path)
    recording = recording if predicted else recording.select(recording.seen)
    if names:
        recording = replace(recording, names=tuple(names))
    return recording


def _from_mot(path: Path) -> Recording:
    """All is seen and of class 0, as the text does not tell."""
    table = read_mot(path)
    score = table[:, 6] if table.shape[1] > 6 else np.ones(len(table))
    flat = np.zeros(len(table))
    rows = [table[:, 0] - 1, table[:, 1], ltwh_to_xyxy(table[:, 2:6]), score, flat, flat]
    if len(table) and table[:, 0].min() < 1:
        raise MambatrackError(f"{path}: frame {table[:, 0].min():g}; MOT frames count from 1")
    return _recording(path, np.column_stack(rows), np.ones(len(table), bool), ("object",))


def _from_jsonl(path: Path) -> Recording:
    rows: list[list[float]] = []
    seen: list[bool] = []
    times: dict[int, float] = {}
    names: tuple[str, ...] = ()
    revised: dict[tuple[int, int], list[float]] = {}
    last = -1
    for number, value in json_lines(path):
        try:
            if "format" in value:
                names = tuple(map(str, value.get("classes", ())))
            elif "revision" in value:
                said = value["revision"]
                for frame, box in zip(said["frames"], said["boxes"], strict=True):
                    revised[frame, said["id"]] = [float(side) for side in box]
            elif "tracks" in value and "frame" in value:
                last = max(last, int(value["frame"]))
                if value.get("time_s") is not None:
                    times[int(value["frame"])] = float(value["time_s"])
                shown = [each for each in value["tracks"] if each["state"] != "tentative"]
                rows += [_row(int(value["frame"]), each) for each in shown]
                seen += [each["state"] == "observed" for each in shown]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise MambatrackError(
                f"{path}, line {number}: not the JSON Lines that mambatrack writes"
            ) from None
    table = np.array(rows, np.float64).reshape(-1, COLUMNS)
    for row in np.flatnonzero(~np.array(seen, bool)):
        keys = int(table[row, 0]), int(table[row, 1])
        table[row, 2:6] = revised.get(keys, table[row, 2:6])
    return _recording(path, table, np.array(seen, bool), names, last + 1, times)


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line from 1, object) of every line that is not blank."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                raise MambatrackError(f"{path}, line {number}: not a JSON object")
            yield number, value


def _row(frame: int, track: dict[str, Any]) -> list[float]:
    score = track.get("score")
    box = [np.nan if side is None else side for side in track["box"]]
    return [
        frame, int(track["id"]), *box, 0.0 if score is None else score, track.get("label", 0),
        track.get("gap", 0),
    ]  # fmt: skip


def _recording(
    path: Path, table: NDArray[np.float64], seen: NDArray[np.bool_], names: tuple[str, ...],
    frames: int = 0, times: dict[int, float] | None = None,
) -> Recording:  # fmt: skip
    """Rows of COLUMNS, checked and in order."""
    sound = np.isfinite(table).all(axis=1) & (table[:, 4:6] > table[:, 2:4]).all(axis=1)
    table, seen = table[sound], seen[sound]
    order = np.lexsort((table[:, 1], table[:, 0]))
    table, seen = table[order], seen[order]
    if len(table) and table[:, 1].min() < 0:
        raise MambatrackError(f"{path}: ids below 0 mark detections; expected a tracker's result")
    if len(table) and table[:, :2].max() >= HIGHEST:
        raise MambatrackError(f"{path}: frames and ids must be below {HIGHEST}")
    twice = np.flatnonzero((np.diff(table[:, :2], axis=0) == 0).all(axis=1))
    if len(twice):
        frame, identity = table[twice[0], :2]
        raise MambatrackError(f"{path}: id {identity:g} is twice in frame {frame:g} (from 0)")
    frame, identity, label, gap = table[:, [0, 1, 7, 8]].astype(np.int64).T
    frames = max(frames, int(frame.max(initial=-1)) + 1)
    label = _voted(identity, label, np.where(seen, table[:, 6], 0))
    return Recording(
        frame, identity, table[:, 2:6], table[:, 6], label, gap, seen, names, frames, times or {}
    )


def _voted(
    identity: NDArray[np.int64], label: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.int64]:
    """One class for each id: the one with most score, the lowest of equals."""
    _, track = np.unique(identity, return_inverse=True)
    classes, kind = np.unique(label, return_inverse=True)
    votes = np.zeros((track.max(initial=-1) + 1, len(classes)))
    np.add.at(votes, (track, kind), weight + 1e-6)
    return classes[votes.argmax(axis=1)[track]] if len(label) else label
