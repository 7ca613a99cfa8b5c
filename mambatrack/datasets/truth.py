"""The ground truth of sequences: its rows, checked, and which of them count."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.classes import (
    MOT_CLASSES,
    ClassCounts,
    Classes,
    Numbers,
    choose_classes,
    class_column,
    doubt,
    number_of,
    read_labels,
)
from mambatrack.datasets.mot_text import Refusal, Table, check_boxes, read_mot, repeated
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.errors import MambatrackError, complain, counted

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class GroundTruth(Trajectories):
    """What is truly there; visibility [R] float32 in [0, 1], 1 where the file has none."""

    visibility: NDArray[np.float32]


@dataclass(frozen=True)
class Truth:
    """A gt.txt as it is.

    table [R, C]: as read_mot gives it;  taken [R]: whether the row's frame takes part
    mark [R]: 0 where the row is ignored;  numbers [R]: of the classes, 1 where the file has none
    labels: names of the numbers, from labels.txt
    """

    path: Path
    table: Table
    taken: Mask
    mark: NDArray[np.float64]
    numbers: Numbers
    labels: dict[int, str]

    @property
    def considered(self) -> Mask:
        return self.taken & (self.mark != 0)

    def counts(self) -> ClassCounts:
        """For the choice of classes."""
        kinds, boxes = np.unique(self.numbers[self.considered], return_counts=True)
        found = {
            self.labels.get(kind, str(kind)): count
            for kind, count in zip(kinds.tolist(), boxes.tolist(), strict=True)
        }
        numbers = set(np.unique(self.numbers[self.taken]).tolist())
        known = numbers <= set(range(1, len(MOT_CLASSES) + 1)) and not self.labels
        layout = numbers <= {1} or self.table.shape[1] < 10
        ignoring = (self.taken & (self.mark == 0)).any()
        mot = known and layout and (set(found) <= {"1"} or bool(ignoring))
        return ClassCounts(Counter(found), bool(self.labels), mot)

    def of_class(self, name: str) -> Mask:
        """The rows of a class that count."""
        return self.considered & (self.numbers == number_of(name, self.labels))

    def rows(self, chosen: Mask) -> Table:
        """[K, 9] frame, id, left, top, width, height, mark, class and visibility of these rows.

        Raises MambatrackError where two of them have one frame and id.
        """
        twice = np.zeros(len(chosen), bool)
        twice[chosen] = repeated(self.table[chosen, :2])
        Refusal(self.path, self.table)(twice, "id {1:.0f} is in frame {0:.0f} a second time")
        columns = [self.table[:, :6], self.mark, self.numbers, self._visibility()]
        return np.column_stack(columns)[chosen]

    def _visibility(self) -> NDArray[np.float64]:
        if self.table.shape[1] != 9:
            return np.ones(len(self.table))
        stated = self.table[:, 8]
        return np.where(stated >= 0, stated, 1.0)


def read_truth(sequence: Sequence) -> Truth:
    """The ground truth of a sequence. Raises MambatrackError, with the line, for what cannot be
    scored: no box, a frame outside the sequence, columns that are no mark, class or visibility."""
    path = sequence.gt_path
    if path is None:
        raise MambatrackError(f"{sequence.folder} has no ground truth; expected gt/gt.txt in it")
    table = read_mot(path)
    refuse = check_boxes(path, table)
    refuse(
        table[:, 0] > sequence.end,
        f"frame {{0:.0f}}, but sequence {sequence.name} ends with {sequence.end} "
        f"({sequence.length_from})",
    )
    mark = _checked_marks(table, refuse)
    numbers = class_column(path, table)
    labels = _labels(path, table, numbers, mark)
    if numbers is None:
        numbers = np.ones(len(table), np.int64)
    return Truth(path, table, sequence.takes_part(table[:, 0]), mark, numbers, labels)


def _checked_marks(table: Table, refuse: Refusal) -> NDArray[np.float64]:
    """Column 7, 0 where the row is ignored; the id and the visibility of the others are sound."""
    mark = table[:, 6] if table.shape[1] > 6 else np.ones(len(table))
    refuse(
        ~np.isin(mark, (-1, 0, 1)),
        "column 7 is {6:g}; in a ground truth it is 1 (counts) or 0 (ignored), and a score in a "
        "tracker's or detector's file",
    )
    refuse((table[:, 1] < 0) & (mark != 0), "id {1:.0f}; ids below 0 mark detections")
    if table.shape[1] == 9:
        refuse(
            table[:, 8] > 1,
            "column 9 is {8:g}; it is the visibility, between 0 and 1. Where it is a class, as in "
            "UAVDT's gt_whole, write it into column 8",
        )
    return mark


def with_classes(
    sequences: Iterable[Sequence], wanted: Iterable[str] = (), strict: bool = False
) -> list[Sequence]:
    """The sequences with what counts in their ground truth, chosen for all of them together.

    wanted: names of classes, or their numbers in column 8; without, what choose_classes finds
    """
    sequences, wanted = list(sequences), tuple(wanted)
    if not wanted and all(each.classes is not None for each in sequences):
        return sequences
    truths = [read_truth(each) for each in sequences]
    if not any(truth.considered.any() for truth in truths):
        _refuse_ignored(truths)
    classes = _chosen(truths, wanted, strict)
    return [replace(each, classes=classes) for each in sequences]


def truth_tables(sequence: Sequence) -> dict[str, Table]:
    """By the names of the classes that count, rows [R, 9] as Truth.rows gives them. MOT's
    pedestrians come with the ignored rows, by which tracks on distractors are known."""
    truth, classes = _settled(sequence)
    if classes.standard:
        return {classes.names[0]: truth.rows(truth.taken)}
    tables = {name: truth.rows(truth.of_class(name)) for name in classes.names}
    for table in tables.values():
        table[:, 6:8] = 1
    return tables


def read_ground_truth(sequence: Sequence) -> GroundTruth:
    """What a tracker is asked to find: the rows that are marked as considered (column 7) and of a
    class that counts (column 8)."""
    truth, classes = _settled(sequence)
    names = ("1",) if classes.standard else classes.names
    table = truth.rows(np.logical_or.reduce([truth.of_class(name) for name in names]))
    frame, identity = table[:, :2].astype(np.int64).T
    boxes = ltwh_to_xyxy(table[:, 2:6]).astype(np.float32)
    return GroundTruth(frame, identity, boxes, table[:, 8].astype(np.float32))


def tracklets(
    ground_truth: GroundTruth, min_length: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Each unbroken run of one identity with at least ``min_length`` frames, by identity and time:
    (frames [L], boxes [L, 4] xyxy)."""
    order = np.lexsort((ground_truth.frame, ground_truth.id))
    frame, identity = ground_truth.frame[order], ground_truth.id[order]
    broken = (np.diff(frame) != 1) | (np.diff(identity) != 0)
    for run in np.split(order, np.flatnonzero(broken) + 1):
        if len(run) >= max(min_length, 1):
            yield ground_truth.frame[run], ground_truth.boxes[run]


def _settled(sequence: Sequence) -> tuple[Truth, Classes]:
    """The ground truth and what counts in it, chosen for this sequence alone where nobody has."""
    truth = read_truth(sequence)
    return truth, sequence.classes or _chosen([truth])


def _refuse_ignored(truths: list[Truth]) -> None:
    """Refuses ground truths of which no row counts, though there are some."""
    for truth in truths:
        if truth.taken.any():
            raise MambatrackError(
                f"{truth.path}: no box counts, as column 7 is 0 (ignored) in every row; write 1 "
                "where a box counts"
            )


def _chosen(truths: list[Truth], wanted: tuple[str, ...] = (), strict: bool = False) -> Classes:
    counts = [each.counts() for each in truths]
    place = f"{truths[0].path}" if len(truths) == 1 else counted(len(truths), "sequence")
    try:
        classes = choose_classes(counts, wanted)
    except MambatrackError as error:
        raise MambatrackError(f"{place}: {error}") from None
    doubts = "" if wanted else doubt(classes, counts)
    if doubts:
        complain(f"{place}: {doubts}", strict)
    return classes


def _labels(
    path: Path, table: Table, numbers: Numbers | None, mark: NDArray[np.float64]
) -> dict[int, str]:
    """The names of the classes; every row that counts has one of them."""
    labels = read_labels(path)
    if not labels:
        return {}
    listed = ", ".join(f"{number} {name}" for number, name in labels.items())
    if numbers is not None:
        Refusal(path, table)(
            ~np.isin(numbers, list(labels)) & (mark != 0),
            f"class {{7:.0f}}, but labels.txt beside it has {listed}",
        )
    elif len(labels) > 1 and len(table):
        raise MambatrackError(
            f"{path} has no classes in column 8, but labels.txt beside it has {listed}"
        )
    return labels
