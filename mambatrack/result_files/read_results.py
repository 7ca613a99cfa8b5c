"""A result file as arrays: MOT text, or the JSON Lines and CSV that mambatrack writes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.appearance.codes import TrackCode
from mambatrack.boxes import ltwh_to_xyxy, xyxy_to_ltwh
from mambatrack.class_names import UNNAMED, class_name
from mambatrack.csv_boxes import SEEN, is_csv, read_csv_table
from mambatrack.datasets.classes import class_column
from mambatrack.datasets.mot_text import Table, check_boxes, read_mot
from mambatrack.errors import MambatrackError, complain
from mambatrack.files import regular
from mambatrack.result_files.json_lines import HIGHEST, STATES, read_json_lines

COLUMNS = 9  # frame, id, x1, y1, x2, y2, score, label, gap
PER_BOX = ("frame", "id", "boxes", "score", "label", "gap", "seen")


@dataclass(frozen=True, eq=False)
class Recording:
    """The boxes of a result file, by frame and id; tentative ones are left out.

    frame [R] int64, from 0; id [R] int64; boxes [R, 4] float64, xyxy, pixels, finite; score [R];
    label [R] int64, one for each id; gap [R] int64, frames since the track was seen
    seen:   [R] bool, False where the box is predicted or filled in
    names:  of the classes; a class without one is called by its number
    frames: of the video, as far as the file tells: the last number plus 1
    tracked: [T] int64, ascending, the frames that were tracked: every 5th one after --stride 5
    times:  seconds of those frames whose time is known
    codes:  what tracks looked like, each until it ended, where the file tells; an id that a memory
            gave back has several
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
    tracked: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    codes: tuple[TrackCode, ...] = ()

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

    def breaks(self) -> NDArray[np.bool_]:
        """[R - 1] of one track by frame: the next box is not in the next frame that was tracked."""
        return np.diff(self.tracked.searchsorted(self.frame)) > 1

    def name_of(self, label: int) -> str:
        return class_name(self.names, label)


def read_recording(
    path: str | Path, names: Sequence[str] = (), predicted: bool = True, revised: bool = True
) -> Recording:
    """The boxes of a result file, MOT text, JSON Lines or CSV as its beginning tells.

    names: of the classes, in place of those in the file. predicted: also boxes that were not seen.
    revised: predicted boxes that a revision is about have its boxes.
    Raises MambatrackError, with the line where there is one, for what is no result file; warns of
    boxes without size, which are left out.
    """
    path = Path(path)
    kind = kind_of(beginning(path))
    if kind == "jsonl":
        recording = _from_jsonl(path, revised)
    else:
        recording = _from_csv(path) if kind == "csv" else _from_mot(path)
    recording = recording if predicted else recording.select(recording.seen)
    if names:
        recording = replace(recording, names=tuple(names))
    return recording


def beginning(path: Path) -> str:
    """The first characters of a file. Raises MambatrackError where it cannot be read."""
    try:
        with regular(path).open("rb") as file:
            return file.read(256).decode("utf-8-sig", "replace").lstrip()
    except OSError as error:
        raise MambatrackError(f"{path} cannot be read: {error.strerror}") from None


def kind_of(start: str) -> str:
    """jsonl, csv or mot, by the first characters of a result file."""
    return "jsonl" if start.startswith("{") else "csv" if is_csv(start) else "mot"


def seen_rows(path: str | Path) -> Table:
    """[R, 7] frame from 1, id, left, top, width, height and score of what was seen, as the MOT text
    of the same run has them; of JSON Lines and CSV."""
    found = read_recording(path, predicted=False)
    keys = np.column_stack([found.frame + 1, found.id])
    return np.column_stack([keys, xyxy_to_ltwh(found.boxes), found.score])


def _from_csv(path: Path) -> Recording:
    """Rows that have no id, or are tentative, are left out."""
    table = read_csv_table(path)
    for each in table.rows:
        if each.state not in STATES:
            raise MambatrackError(f"{path}: state {each.state!r}; expected {', '.join(STATES)}")
    rows = [each for each in table.rows if each.identity >= 0 and each.state != STATES[0]]
    if table.rows and all(each.identity < 0 for each in table.rows):
        raise MambatrackError(f"{path} has no ids in a column tracker_id, track_id or id")
    seen = np.array([each.state == SEEN for each in rows], bool)
    values = [[each.frame, each.identity, *each.box, each.score, each.label, each.gap]
              for each in rows]  # fmt: skip
    times = {each.frame: each.time_s for each in table.rows if each.time_s is not None}
    columns = np.array(values, np.float64).reshape(-1, COLUMNS)
    names = table.names if table.names or columns[:, 7].any() else UNNAMED
    return _recording(path, columns, seen, names, None, times)


def _from_mot(path: Path) -> Recording:
    """All is seen; of class 0 where the text does not tell several."""
    table = read_mot(path)
    refuse = check_boxes(path, table)
    refuse(table[:, 1] < 0, "id {1:.0f}; ids below 0 mark detections, expected a tracker's result")
    refuse((table[:, :2] >= HIGHEST).any(axis=1), f"frames and ids must be below {HIGHEST}")
    score = table[:, 6] if table.shape[1] > 6 else np.ones(len(table))
    flat = np.zeros(len(table))
    classes = class_column(path, table)
    several = classes is not None and len(np.unique(classes)) > 1
    label = np.maximum(classes, 0) if several and classes is not None else flat
    rows = [table[:, 0] - 1, table[:, 1], ltwh_to_xyxy(table[:, 2:6]), score, label, flat]
    seen = np.ones(len(table), bool)
    return _recording(path, np.column_stack(rows), seen, () if several else UNNAMED)


def _from_jsonl(path: Path, revised: bool) -> Recording:
    found = read_json_lines(path)
    table = np.array(found.rows, np.float64).reshape(-1, COLUMNS)
    seen = np.array(found.seen, bool)
    for row in np.flatnonzero(~seen) if revised else ():
        keys = int(table[row, 0]), int(table[row, 1])
        table[row, 2:6] = found.revised.get(keys, table[row, 2:6])
    tracked = np.unique(np.array(found.frames, np.int64))
    recording = _recording(path, table, seen, found.names, tracked, found.times)
    return replace(recording, codes=tuple(found.codes))


def _recording(
    path: Path, table: NDArray[np.float64], seen: NDArray[np.bool_], names: tuple[str, ...],
    tracked: NDArray[np.int64] | None = None, times: dict[int, float] | None = None,
) -> Recording:  # fmt: skip
    """Rows of COLUMNS, checked and in order; tracked: None where the file does not tell."""
    sound = (table[:, 4:6] > table[:, 2:4]).all(axis=1)
    if not sound.all():
        complain(f"{path}: boxes without size are left out ({np.count_nonzero(~sound)})")
    table, seen = table[sound], seen[sound]
    order = np.lexsort((table[:, 1], table[:, 0]))
    table, seen = table[order], seen[order]
    twice = np.flatnonzero((np.diff(table[:, :2], axis=0) == 0).all(axis=1))
    if len(twice):
        frame, identity = table[twice[0], :2]
        raise MambatrackError(f"{path}: id {identity:g} is twice in frame {frame:g} (from 0)")
    frame, identity, label, gap = table[:, [0, 1, 7, 8]].astype(np.int64).T
    tracked = _steps(frame, identity) if tracked is None else tracked
    frames = max(frame.max(initial=-1), tracked.max(initial=-1)).item() + 1
    label = _voted(identity, label, np.where(seen, table[:, 6], 0))
    return Recording(
        frame,
        identity,
        table[:, 2:6],
        table[:, 6],
        label,
        gap,
        seen,
        names,
        frames,
        times or {},
        tracked,
    )


def _steps(frame: NDArray[np.int64], identity: NDArray[np.int64]) -> NDArray[np.int64]:
    """The frames that were tracked, for a file that tells those with boxes only: from its first
    to its last in the step that most boxes are from the one before on their track."""
    order = np.lexsort((frame, identity))
    step = np.diff(frame[order])[np.diff(identity[order]) == 0]
    if not len(step):
        return np.unique(frame)
    usual = int(np.bincount(step).argmax()) if step.max() < 2**20 else int(np.median(step))
    return np.arange(frame.min(), frame.max() + 1, max(usual, 1))


def _voted(
    identity: NDArray[np.int64], label: NDArray[np.int64], weight: NDArray[np.float64]
) -> NDArray[np.int64]:
    """One class for each id: the one with most score, the lowest of equals."""
    if not len(label):
        return label
    _, track = np.unique(identity, return_inverse=True)
    pairs, vote = np.unique(np.column_stack([track, label]), axis=0, return_inverse=True)
    votes = np.bincount(vote.reshape(-1), weight + 1e-6)
    best = np.lexsort((-pairs[:, 1], votes, pairs[:, 0]))  # of each track, the last one
    last = np.append(np.flatnonzero(np.diff(pairs[best, 0])), len(best) - 1)
    return pairs[best[last], 1][track]
