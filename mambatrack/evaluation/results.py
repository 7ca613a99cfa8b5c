"""Result files of a tracker: which belong to which sequence, and whether they can be scored.

What makes a file unusable is an error with its line; what can be scored but may be a mistake is a
warning, which ``strict`` turns into an error.
"""

import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets.mot_text import line_of, read_mot
from mambatrack.datasets.sequences import Sequence, Trajectories
from mambatrack.errors import MambatrackError


@dataclass(frozen=True)
class Results(Trajectories):
    """A tracker's boxes; predicted [R] bool, True where the object was hidden and the box is the
    motion model's."""

    predicted: NDArray[np.bool_]


def result_files(
    sequences: Iterable[Sequence], results: str | Path, strict: bool = False
) -> dict[str, Path]:
    """The MOT file of each sequence: ``results``/NAME.txt, or ``results`` itself for a single one.

    Raises MambatrackError where one is missing; warns of files that belong to no sequence.
    """
    results, names = Path(results), [each.name for each in sequences]
    if not names or len(set(names)) < len(names):
        raise MambatrackError(f"expected sequences with different names, found {names}")
    if results.is_file() and len(names) == 1:
        return {names[0]: results}
    files = {name: results / f"{name}.txt" for name in names}
    missing = [name for name, file in files.items() if not file.is_file()]
    if missing:
        raise MambatrackError(
            f"no result for sequence {', '.join(missing)}: expected {files[missing[0]]} "
            "in MOT format; a sequence without tracks has an empty file"
        )
    others = sorted(file.name for file in results.glob("*.txt") if file.stem not in files)
    if others:
        complain(f"{results} has results of unknown sequences: {', '.join(others)}", strict)
    return files


def result_table(sequence: Sequence, path: Path, strict: bool = False) -> NDArray[np.float64]:
    """The rows [R, 7] of a result file that fall into the sequence: frame, id, left, top, width,
    height, score. Raises MambatrackError, with the line, for what no scorer takes."""
    table = read_mot(path)[:, :7]
    last = sequence.start + sequence.frames
    refuse = Refusal(path, table)
    refuse(~np.isfinite(table).all(axis=1), "a number that is not finite")
    refuse(table[:, 0] < 1, "frame {0:.0f}; MOT frames count from 1")
    refuse(table[:, 0] > last, f"frame {{0:.0f}}, but sequence {sequence.name} ends with {last}")
    refuse(table[:, 1] < 0, "id {1:.0f}; ids below 0 mark detections, not tracks")
    refuse(repeated(table[:, :2]), "id {1:.0f} is in frame {0:.0f} a second time")
    table = sequence.within(table)
    if not len(table):
        complain(f"{path} has no boxes, so sequence {sequence.name} scores 0", strict)
    return np.concatenate([table, np.ones((len(table), 7 - table.shape[1]))], axis=1)


def read_results(sequence: Sequence, path: Path) -> Results:
    """The rows of a MOT file as seen boxes, and the predicted boxes of the JSON Lines file beside
    it (NAME.jsonl), where there is one and the MOT file does not have them."""
    table = result_table(sequence, path)
    seen = table[:, :2].astype(np.int64)
    hidden = _predicted(path.with_suffix(".jsonl"), sequence)
    known = _keys(seen)
    fresh = ~np.isin(_keys(hidden[:, :2]), known)
    told = np.isin(known, _keys(hidden[:, :2]))
    keys = np.concatenate([seen, hidden[fresh, :2].astype(np.int64)])
    boxes = np.concatenate([ltwh_to_xyxy(table[:, 2:6]), hidden[fresh, 2:]]).astype(np.float32)
    predicted = np.concatenate([told, np.ones(int(fresh.sum()), bool)])
    return Results(keys[:, 0], keys[:, 1], boxes, predicted)


def complain(message: str, strict: bool) -> None:
    """A warning, or with ``strict`` an error."""
    if strict:
        raise MambatrackError(f"{message} (--strict)")
    warnings.warn(message, stacklevel=2)


class Refusal:
    """Raises for the first row of a table that a mask marks, with its line in the file."""

    def __init__(self, path: Path, table: NDArray[np.float64]):
        self._path, self._table = path, table

    def __call__(self, wrong: Any, message: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            line = line_of(self._path, row)
            raise MambatrackError(f"{self._path}, line {line}: {message.format(*self._table[row])}")


def repeated(keys: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[R] True where an earlier row has the same frame and id."""
    repeated = np.ones(len(keys), bool)
    repeated[np.unique(keys, axis=0, return_index=True)[1]] = False
    return repeated


def _keys(table: NDArray) -> NDArray[np.int64]:
    """One number for each (frame, id)."""
    frame, identity = table[:, :2].astype(np.int64).T
    return (frame << 32) + identity


def _predicted(path: Path, sequence: Sequence) -> NDArray[np.float64]:
    """Frame from 1, id and box xyxy [R, 6] of the predicted tracks in a JSON Lines file."""
    rows: list[list[float]] = []
    if path.is_file():
        with path.open(encoding="utf-8") as file:
            next(file, None)
            for number, line in enumerate(file, start=2):
                try:
                    frame = json.loads(line)
                    rows += [
                        [frame["frame"] + 1, track["id"], *track["box"]]
                        for track in frame["tracks"]
                        if track["state"] == "predicted"
                    ]
                except (ValueError, KeyError, TypeError):
                    raise MambatrackError(
                        f"{path}, line {number}: not the JSON Lines that mambatrack writes"
                    ) from None
    return sequence.within(np.array(rows, np.float64).reshape(-1, 6))
