"""Every identity switch with its cause.

Switches are motmetrics' (scores.match_events): an object that was matched to one id is next matched
to another one. The stretch runs from the last frame with the old id to the frame of the switch. The
cause is the first of these that holds:

    left the image  the object is absent from the truth for some of the stretch, and its box touches
                    the border beside that absence; or the centre of its box lies outside the image
    long gap        unmatched for more than ``max_age`` frames: the tracker had given the id up
    crossing        another object overlaps with it, IoU >= 0.3, in some frame of the stretch
    detector miss   in some frame of the stretch no detection of any score fits it (one-to-one,
                    IoU >= 0.5)
    low score       one fits in every frame, but at some time only one below ``match_score``
    other           seen all the time, others at most near: two tracks on one person, a jump of the
                    box or of the camera, an object that is absent from the truth inside the image

A person hidden in a crossing is missed by the detector because of the crossing, so that comes
first; ``unseen``, the frames without a detection that the tracker may match, says whether the
object was hidden in it. A detector miss is one with nobody in front. Without detections a miss or
low score cannot be told and is "other".
"""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from rich.table import Table

from mambatrack.csv_text import csv_text
from mambatrack.datasets.matching import (
    DetectionRows,
    Mask,
    Rows,
    find_rows,
    match,
    neighbour_overlap,
    select,
)
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.evaluation.scores import match_events
from mambatrack.files import write_text

LEFT, LONG_GAP, CROSSING = "left the image", "long gap", "crossing"
DETECTOR_MISS, LOW_SCORE, OTHER = "detector miss", "low score", "other"
CAUSES = (LEFT, LONG_GAP, CROSSING, DETECTOR_MISS, LOW_SCORE, OTHER)
CROSSING_IOU = 0.3
BORDER = 0.01


@dataclass(frozen=True)
class Switch:
    """One identity switch.

    frame: from 1, the first one with the new id; last_frame: the last one with the old id
    object: id in the ground truth; before, after: ids in the results
    other: the true object involved, None where there is none: the one that held the new id before,
        else the one that has the old id by the time of the switch, else the one that overlaps most
    gap: frames between the two, in which the object has no id
    overlap: largest IoU with another true object from last_frame to frame
    unseen: of the gap's frames, those without a detection that the tracker may match; missed: those
        without any; absent: those in which the object is not in the truth
    """

    sequence: str
    frame: int
    object: int
    before: int
    after: int
    other: int | None
    cause: str
    last_frame: int
    gap: int
    overlap: float
    unseen: int
    missed: int
    absent: int


def find_switches(
    sequence: Sequence,
    truth: Trajectories,
    results: Trajectories,
    detections: DetectionRows | None = None,
    match_score: float = 0.6,
    max_age: int = 30,
) -> list[Switch]:
    """The switches of one sequence, by frame.

    results: the rows that are scored, usually the observed ones
    match_score, max_age: the tracker's, by which detections count and tracks end
    """
    matches = _Matches(truth, results)
    scene = _Scene(sequence.image_size, truth, detections, match_score)
    return [
        _explain(sequence.name, matches, scene, index, max_age)
        for index in np.flatnonzero(matches.switched).tolist()
    ]


def write_switches(path: str | Path, trackers: Mapping[str, Iterable[Switch]]) -> None:
    """A CSV file of the trackers' switches by name: ``tracker``, then the fields of Switch as
    columns; an unknown ``other`` is empty."""
    rows = [["tracker", *(field.name for field in fields(Switch))]]
    for name, switches in trackers.items():
        for each in switches:
            values = (f"{v:.3f}" if isinstance(v, float) else v for v in astuple(each))
            rows.append([name, *values])
    write_text(Path(path), csv_text(rows))


def count_causes(switches: Iterable[Switch]) -> dict[str, int]:
    """Switches by cause; crossings apart: with the object seen throughout, and with it hidden."""
    names = [name for cause in CAUSES for name in _parts(cause)]
    counts = dict.fromkeys(names, 0)
    for each in switches:
        parts = _parts(each.cause)
        counts[parts[min(each.unseen, len(parts) - 1)]] += 1
    return counts


def switch_table(trackers: Mapping[str, Iterable[Switch]]) -> Table:
    """Switches by cause, trackers by name side by side."""
    counts = {name: count_causes(switches) for name, switches in trackers.items()}
    totals = {name: sum(count.values()) for name, count in counts.items()}
    table = Table(title="Identity switches by cause", show_footer=True)
    table.add_column("cause", footer="all", no_wrap=True)
    for name in counts:
        table.add_column(name, footer=str(totals[name]), justify="right")
    for cause in count_causes([]):
        cells = [
            f"{count[cause]} ({100 * count[cause] / max(totals[name], 1):.0f} %)"
            for name, count in counts.items()
        ]
        table.add_row(cause, *cells)
    return table


def _explain(
    sequence: str, matches: "_Matches", scene: "_Scene", index: int, max_age: int
) -> Switch:
    """The switch at event ``index``: what was to be seen, and who else takes part."""
    identity, frame = int(matches.object[index]), int(matches.frame[index])
    before, last = matches.before(index)
    stretch = scene.rows(identity, last, frame)
    hidden = stretch[1:-1]
    partner, overlap = scene.closest(stretch)
    crossing, gap = overlap >= CROSSING_IOU, frame - last - 1
    missed = int(scene.missed[hidden].sum())
    unseen = missed + int(scene.low[hidden].sum())
    checks = {
        LEFT: scene.left(stretch), LONG_GAP: gap > max_age,
        CROSSING: crossing, DETECTOR_MISS: missed > 0, LOW_SCORE: unseen > 0, OTHER: True,
    }  # fmt: skip
    involved = (matches.holder(index), matches.taker(index), partner if crossing else None)
    return Switch(
        sequence, frame, identity, before, int(matches.id[index]),
        next((each for each in involved if each is not None), None),
        next(cause for cause, holds in checks.items() if holds),
        last, gap, overlap, unseen, missed, gap - len(hidden),
    )  # fmt: skip


class _Matches:
    """The events of one sequence in which an object has an id, in order of time.

    frame, object, id, switched [E]
    """

    def __init__(self, truth: Trajectories, results: Trajectories):
        events = match_events(truth, results).mot_events
        events = events[events.Type.isin(("MATCH", "SWITCH"))]
        self.frame = events.index.get_level_values(0).to_numpy().astype(np.int64)
        self.object = events.OId.to_numpy().astype(np.int64)
        self.id = events.HId.to_numpy().astype(np.int64)
        self.switched = (events.Type == "SWITCH").to_numpy()

    def before(self, index: int) -> tuple[int, int]:
        """The id before the switch, and the last frame with it."""
        earlier = np.flatnonzero(self.object[:index] == self.object[index])[-1]
        return int(self.id[earlier]), int(self.frame[earlier])

    def holder(self, index: int) -> int | None:
        """The other object that held the new id last."""
        return self._last_other(index, slice(0, index), self.id[index])

    def taker(self, index: int) -> int | None:
        """The other object that came to have the old id, up to the frame of the switch."""
        before, last = self.before(index)
        since, until = np.searchsorted(self.frame, [last + 1, self.frame[index] + 1])
        return self._last_other(index, slice(since, until), before)

    def _last_other(self, index: int, events: slice, identity: int) -> int | None:
        others = self.object[events][self.id[events] == identity]
        others = others[others != self.object[index]]
        return int(others[-1]) if len(others) else None


class _Scene:
    """What was to be seen of every true box.

    overlap, partner [T]: largest IoU with another object, and its row; low, missed [T]: only a
    detection below the tracker's score fits, or none at all; False without detections
    """

    def __init__(
        self, image_size: tuple[int, int], truth: Trajectories, detections: DetectionRows | None,
        match_score: float,
    ):  # fmt: skip
        self.truth = truth
        self.overlap, self.partner = neighbour_overlap(truth)
        self.low, self.missed = _visibility(truth, detections, match_score)
        size = np.array(image_size)
        low, high = truth.boxes[:, :2], truth.boxes[:, 2:]
        centre = (low + high) / 2
        self.border = np.any((low < BORDER * size) | (high > (1 - BORDER) * size), axis=1)
        self.outside = np.any((centre < 0) | (centre > size), axis=1)

    def rows(self, identity: int, first: int, last: int) -> Rows:
        """The object's rows in these frames, both included, by time."""
        frames = np.arange(first, last + 1)
        rows = find_rows(self.truth, frames, np.full(len(frames), identity))
        return rows[rows >= 0]

    def closest(self, rows: Rows) -> tuple[int, float]:
        """The object that overlaps most with one of the rows, and its IoU."""
        place = rows[np.argmax(self.overlap[rows])]
        return int(self.truth.id[self.partner[place]]), float(self.overlap[place])

    def left(self, stretch: Rows) -> bool:
        """Whether the object left the image between the first and the last of its rows."""
        absent = np.diff(self.truth.frame[stretch]) > 1
        beside = self.border[stretch[:-1]] | self.border[stretch[1:]]
        return bool((absent & beside).any() or self.outside[stretch].any())


def _visibility(
    truth: Trajectories, detections: DetectionRows | None, match_score: float
) -> tuple[Mask, Mask]:
    """Strong detections are matched first, so that a weak double does not stand in their place."""
    if detections is None:
        return np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    strong = detections.scores >= match_score
    seen = match(truth, detections.select(strong)) >= 0
    rest = np.flatnonzero(~seen)
    fits = match(select(truth, rest), detections.select(~strong)) >= 0
    low = np.zeros(len(truth), bool)
    low[rest[fits]] = True
    return low, ~seen & ~low


def _parts(cause: str) -> tuple[str, ...]:
    """The lines of a cause in a summary."""
    return (f"{cause}, seen", f"{cause}, hidden") if cause == CROSSING else (cause,)
