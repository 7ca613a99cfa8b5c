"""Classes in column 8 of a MOT file, and which of a ground truth's classes count.

Three conventions exist: MOT16, 17 and 20 number their classes from 1 to 13, score pedestrians and
mark every other row as ignored; CVAT's "MOT 1.1" numbers the names in labels.txt beside gt.txt from
1; other files have numbers of their own. MOT15 and most results have no classes, only -1 or, in
columns 8 to 10, world coordinates.
"""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.mot_text import Refusal, Table, whole
from mambatrack.errors import MambatrackError, counted, reason_of
from mambatrack.files import regular
from mambatrack.nearest import did_you_mean

PEDESTRIAN = "pedestrian"
MOT_CLASSES = (
    PEDESTRIAN, "person_on_vehicle", "car", "bicycle", "motorbike", "non_mot_vehicle",
    "static_person", "distractor", "occluder", "occluder_on_ground", "occluder_full", "reflection",
    "crowd",
)  # fmt: skip
MOT_NUMBERS = {name: number for number, name in enumerate(MOT_CLASSES, start=1)} | {"person": 1}

NO_CLASS = -1

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Classes:
    """What of a ground truth counts.

    names: of the classes, as in labels.txt; a class without a name is called by its number
    known: all that the ground truth has
    standard: pedestrians by the rules of MOT16, 17 and 20, which take out tracks on distractors
    """

    names: tuple[str, ...] = (PEDESTRIAN,)
    known: tuple[str, ...] = (PEDESTRIAN,)
    standard: bool = True


STANDARD = Classes()


@dataclass(frozen=True)
class ClassCounts:
    """Of one ground truth.

    considered: boxes by class that are not marked as ignored
    labelled: whether labels.txt names the classes
    mot: whether they can be MOT's, which marks all but pedestrians as ignored
    """

    considered: Counter[str]
    labelled: bool
    mot: bool


def class_column(path: Path, table: Table) -> Numbers | None:
    """Column 8 as numbers of classes [R]; None where the file has no classes."""
    columns = table.shape[1]
    if columns < 8:
        return None
    rest = table[:, 7:]
    if columns == 10 and (not whole(rest).all() or (rest < NO_CLASS).any() or not rest.any()):
        return None  # world coordinates
    refuse = Refusal(path, table)
    refuse(~whole(table[:, 7]), "class {7:g} in column 8 is no whole number")
    numbers = table[:, 7].astype(np.int64)
    return None if (numbers == NO_CLASS).all() else numbers


def read_labels(gt_path: Path) -> dict[int, str]:
    """The names in labels.txt beside gt.txt by number, from 1; empty where there is none."""
    path = gt_path.with_name("labels.txt")
    if not os.path.lexists(path):
        return {}
    try:
        text = regular(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MambatrackError(
            f"{path} is not readable: {reason_of(error)}; expected UTF-8 text"
        ) from None
    lines = [line.strip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    for number, name in enumerate(lines, start=1):
        if not name or name in lines[: number - 1]:
            what = f"{name!r} a second time" if name else "an empty line"
            raise MambatrackError(
                f"{path}, line {number}: {what}; expected one name a line, as the line is the "
                "number of the class in column 8"
            )
    return dict(enumerate(lines, start=1))


def choose_classes(counts: Sequence[ClassCounts], wanted: tuple[str, ...] = ()) -> Classes:
    """What counts in a data set of these ground truths: the ``wanted`` classes, else MOT's
    pedestrians, each class of labels.txt, or the only one that there is.

    Raises MambatrackError with the classes found where that is not clear, or one is not there.
    """
    found = sum((each.considered for each in counts), Counter[str]())
    labelled = [each.labelled for each in counts if each.considered]
    mot = all(each.mot for each in counts)
    names = tuple(sorted(found, key=_in_order))
    if wanted:
        return _named(wanted, found, names, mot)
    if not found or (mot and found["1"]):
        return STANDARD
    if len(names) > 1 and not all(labelled):
        raise MambatrackError(
            f"the ground truth has several classes: {_listed(found, mot)}. Name those that count "
            f"with --classes (of eval, eval-motion, tune and simulate), as --classes {names[0]}; "
            "to score each of them, name them all, one a line, in a labels.txt beside gt.txt"
        )
    return Classes(names, names, standard=False)


def doubt(classes: Classes, counts: Sequence[ClassCounts]) -> str:
    """What may be wrong with classes that nobody named; "" for nothing."""
    found = sum((each.considered for each in counts), Counter[str]())
    if classes.standard:
        del found["1"]
        return (
            "only pedestrians count, as in MOT17, though column 7 does not mark these as ignored: "
            f"{_listed(found, True)}"
            if found
            else ""
        )
    if all(each.labelled for each in counts if each.considered):
        return ""
    return (
        f"what counts is class {classes.names[0]}, the only one in column 8 of the ground truth; "
        "--classes names it"
    )


def number_of(name: str, labels: Mapping[int, str]) -> int:
    """The number of a class in a file with these labels, -1 where it does not have it."""
    if labels:
        return next((number for number, label in labels.items() if label == name), -1)
    return int(name)


def _named(
    wanted: tuple[str, ...], found: Counter[str], names: tuple[str, ...], mot: bool
) -> Classes:
    by_name = {name.casefold(): name for name in found}
    if mot:
        if found["1"] and {entry.casefold() for entry in wanted} <= {PEDESTRIAN, "person"}:
            return STANDARD
        by_name |= {name: str(number) for name, number in MOT_NUMBERS.items()}
    chosen = [by_name.get(entry.casefold(), "") for entry in wanted]
    for entry, name in zip(wanted, chosen, strict=True):
        if not found[name]:
            raise MambatrackError(
                f"the ground truth has no box of class {entry!r} that counts; it has "
                f"{_listed(found, mot) or 'none of any class'}"
                f"{did_you_mean(entry, (*found, *(MOT_NUMBERS if mot else ())))}"
            )
    return Classes(tuple(dict.fromkeys(chosen)), names, standard=False)


def _in_order(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (0, name)


def _listed(found: Counter[str], mot: bool) -> str:
    """The classes with their numbers of boxes."""
    return ", ".join(
        f"{name}{f' ({MOT_CLASSES[int(name) - 1]} in MOT17)' if mot else ''}: "
        + counted(found[name], "box")
        for name in sorted(found, key=_in_order)
    )
