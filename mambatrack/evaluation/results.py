"""Result files of a tracker: which belong to which sequence, and whether they can be scored.

What makes a file unusable is an error with its line; what can be scored but may be a mistake is a
warning, which ``strict`` turns into an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.classes import NO_CLASS, Classes, Numbers, class_column, read_labels
from mambatrack.datasets.matching import row_keys
from mambatrack.datasets.mot_text import (
    Refusal,
    Table,
    check_boxes,
    read_mot,
    repeated,
    tell_empty,
)
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.datasets.truth import with_classes
from mambatrack.errors import MambatrackError, complain, counted
from mambatrack.result_files.read_results import (
    beginning,
    kind_of,
    read_recording,
    seen_rows,
)

SUFFIXES = (".txt", ".jsonl", ".csv")  # of results; the first that is there counts
FIRST = (0, 1)  # the number of the only class of a tracker, counted from 0 or 1


@dataclass(frozen=True)
class Results(Trajectories):
    """A tracker's boxes; predicted [R] bool, True where the object was hidden and the box is the
    motion model's."""

    predicted: NDArray[np.bool_]


def result_files(
    sequences: Iterable[Sequence], results: str | Path, strict: bool = False
) -> dict[str, Path]:
    """The file of each sequence: ``results``/NAME.txt, or where there is none NAME.jsonl or
    NAME.csv, as mambatrack writes them; or ``results`` itself for a single one.

    TrackEval's layout is known too: the files may lie in ``results``/data, or in the data folder of
    the only tracker below ``results``.
    Raises MambatrackError where one is missing; warns of files that belong to no sequence.
    """
    results, names = Path(results), [each.name for each in sequences]
    if not names or len(set(names)) < len(names):
        raise MambatrackError(f"expected sequences with different names, found {names}")
    if results.is_file() and len(names) == 1:
        return {names[0]: results}
    folder = _folder_of(results, names)
    files = {name: file for name in names if (file := file_of(folder, name)) is not None}
    missing = [name for name in names if name not in files]
    if missing:
        raise MambatrackError(
            f"no result for sequence {', '.join(missing)}: expected {folder / missing[0]}.txt "
            "in MOT format, or .jsonl or .csv of mambatrack; a sequence without tracks has an "
            "empty file"
        )
    others = sorted(file.name for file in folder.glob("*.txt") if file.stem not in files)
    if others:
        complain(f"{folder} has results of unknown sequences: {', '.join(others)}", strict)
    return files


def file_of(folder: Path, name: str) -> Path | None:
    """The result of a sequence in a folder, None where there is none."""
    files = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
    return next((file for file in files if file.is_file()), None)


def result_tables(sequence: Sequence, path: Path, strict: bool = False) -> dict[str, Table]:
    """By the names of the classes that count, the rows [R, 7] of a result file that fall into the
    sequence: frame, id, left, top, width, height, score.

    Raises MambatrackError, with the line, for what no scorer takes, and where it is not clear which
    boxes are of which class.
    """
    [sequence] = with_classes([sequence])
    if kind_of(beginning(path)) == "mot":
        table = read_mot(path)
        refuse = check_boxes(path, table)
    else:
        table = seen_rows(path)
        refuse = Refusal(path, table, lined=False)
    refuse(
        table[:, 0] > sequence.end,
        f"frame {{0:.0f}}, but sequence {sequence.name} ends with {sequence.end} "
        f"({sequence.length_from})",
    )
    refuse(table[:, 1] < 0, "id {1:.0f}; ids below 0 mark detections, not tracks")
    refuse(repeated(table[:, :2]), "id {1:.0f} is in frame {0:.0f} a second time")
    if refuse.lined:
        tell_empty(path, table, "match nobody", strict)
    taken = sequence.takes_part(table[:, 0])
    if not taken.any():
        complain(f"{path} has no boxes, so sequence {sequence.name} scores 0", strict)
    masks = _Assignment(sequence, path, table).masks(strict)
    columns = table[:, : min(table.shape[1], 7)]
    whole = np.concatenate([columns, np.ones((len(table), 7 - columns.shape[1]))], axis=1)
    return {name: whole[mask & taken] for name, mask in masks.items()}


def read_results(sequence: Sequence, path: Path) -> Results:
    """The rows of a result as seen boxes, and the predicted boxes of the JSON Lines file beside
    it (NAME.jsonl), where there is one and the result does not have them. Boxes are those of the
    moment: a later revision does not count."""
    table = np.concatenate(list(result_tables(sequence, path).values()))
    seen = table[:, :2].astype(np.int64)
    hidden = _predicted(_beside(path), sequence)
    known, guessed = row_keys(seen[:, 0], seen[:, 1], hidden.frame, hidden.id)
    fresh = ~np.isin(guessed, known)
    keys = np.concatenate([seen, np.column_stack([hidden.frame, hidden.id])[fresh]])
    boxes = np.concatenate([ltwh_to_xyxy(table[:, 2:6]), hidden.boxes[fresh]]).astype(np.float32)
    predicted = np.concatenate([np.isin(known, guessed), np.ones(int(fresh.sum()), bool)])
    return Results(keys[:, 0], keys[:, 1], boxes, predicted)


def _folder_of(results: Path, names: list[str]) -> Path:
    """Where the files are: here, or where TrackEval would look."""
    inside = [results / "data", *sorted(results.glob("*/data"))]
    holding = [
        folder for folder in (results, *inside) if any(file_of(folder, name) for name in names)
    ]
    if len(holding) > 1 and holding[0] != results:
        raise MambatrackError(
            f"{results} holds several trackers: {', '.join(each.parent.name for each in holding)}; "
            "name one, or all with --trackers"
        )
    return holding[0] if holding else results


class _Assignment:
    """Which rows of a result file are of which class of the ground truth."""

    def __init__(self, sequence: Sequence, path: Path, table: Table):
        assert sequence.classes is not None and sequence.gt_path is not None
        self.classes: Classes = sequence.classes
        self.labels = read_labels(sequence.gt_path)
        self.sequence, self.path, self.table = sequence, path, table

    def masks(self, strict: bool) -> dict[str, NDArray[np.bool_]]:
        """[R] of each class that counts."""
        numbers, names = class_column(self.path, self.table), self.classes.names
        if self._only_one():
            if numbers is not None:
                self._check_only(numbers)
            return {names[0]: np.ones(len(self.table), bool)}
        kinds = self._by_name() if numbers is None else self._by_number(numbers)
        if kinds is None:
            if len(names) == 1:
                return {names[0]: np.ones(len(self.table), bool)}
            raise MambatrackError(
                f"{self.path} has no classes in column 8, but the ground truth counts "
                f"{', '.join(names)}; name the one that was tracked with --classes, as --classes "
                f"{names[0]}"
            )
        self._tell_strangers(kinds, strict)
        return {name: kinds == name for name in names}

    def _only_one(self) -> bool:
        """Whether the ground truth has one class, so that a number cannot mean another one."""
        return self.classes.standard or (len(self.classes.known) == 1 and len(self.labels) <= 1)

    def _check_only(self, numbers: Numbers) -> None:
        kinds = np.unique(numbers).tolist()
        own = next((number for number, name in self.labels.items()), None)
        name = self.classes.names[0]
        if own is None and not self.classes.standard:
            own = int(name)
        if len(kinds) > 1 or (kinds and kinds[0] not in (NO_CLASS, *FIRST, own)):
            raise MambatrackError(
                f"{self.path} has the classes {', '.join(map(str, kinds))} in column 8, but the "
                f"ground truth has only {name}; keep the rows of that class, with -1 in column 8"
            )

    def _by_number(self, numbers: Numbers) -> NDArray[np.object_]:
        if self.labels:
            wrong = ~np.isin(numbers, list(self.labels))
            if wrong.any():
                listed = ", ".join(f"{number} {name}" for number, name in self.labels.items())
                raise MambatrackError(
                    f"{self.path} has class {numbers[wrong][0]} in column 8, but labels.txt beside "
                    f"the ground truth has {listed}"
                )
        names = [self.labels.get(number, str(number)) for number in numbers.tolist()]
        return np.array(names, object)

    def _by_name(self) -> NDArray[np.object_] | None:
        """From the JSON Lines beside the file, where a class of the ground truth is among them."""
        path = _beside(self.path)
        recording = read_recording(path) if path.is_file() else None
        if recording is None or not recording.names:
            return None
        known = {name.casefold(): name for name in self.classes.known}
        said = dict(zip(recording.id.tolist(), recording.label.tolist(), strict=True))
        found = {identity: recording.name_of(label).casefold() for identity, label in said.items()}
        if not known.keys() & set(found.values()):
            return None
        names = [found.get(identity, "") for identity in self.table[:, 1].astype(np.int64).tolist()]
        return np.array([known.get(name, name) for name in names], object)

    def _tell_strangers(self, kinds: NDArray[np.object_], strict: bool) -> None:
        """Classes that are in the results alone, and what counts but is not in them."""
        found = set(kinds.tolist())
        strangers = sorted(found - set(self.classes.known))
        if strangers:
            count = int(np.isin(kinds, strangers).sum())
            complain(
                f"{self.path}: not scored: {counted(count, 'box')} of {', '.join(strangers)}, as "
                "the ground truth has no such class",
                strict,
            )
        if found and not found & set(self.classes.names):
            complain(
                f"{self.path} has no box of {', '.join(self.classes.names)}, only of "
                f"{', '.join(sorted(found))}; sequence {self.sequence.name} scores 0",
                strict,
            )


def _beside(path: Path) -> Path:
    """JSON Lines of the same run; the result itself where it is CSV without any."""
    lines = path.with_suffix(".jsonl")
    return lines if lines.is_file() or kind_of(beginning(path)) == "mot" else path


def _predicted(path: Path, sequence: Sequence) -> Trajectories:
    """The predicted boxes in JSON Lines or CSV, frames from 1."""
    if not path.is_file():
        nothing = np.zeros(0, np.int64)
        return Trajectories(nothing, nothing, np.zeros((0, 4), np.float32))
    recording = read_recording(path, revised=False)
    hidden = recording.select(~recording.seen & sequence.takes_part(recording.frame + 1))
    return Trajectories(hidden.frame + 1, hidden.id, hidden.boxes.astype(np.float32))
