r"""What identity switches cost: results in which those of one kind are mended by the truth.

    mambatrack eval --dataset data/dancetrack/val --out results/
    python docs/experiments/switches_mended.py --dataset data/dancetrack/val --results results/

Kinds: for how many frames the person was not seen before the switch, and whether the old id is seen
on somebody else in that frame. A switch is mended by exchanging the two ids from there on.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from mambatrack.boxes import iou, ltwh_to_xyxy
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import scored_sequences
from mambatrack.evaluation.scores import score

SAME = 0.5  # IoU of a box and the truth
GAPS = {"0": 1, "1 to 5": 6, "6 to 30": 31, "more": np.inf}  # frames since seen, at most


class Kind(NamedTuple):
    gap: str
    elsewhere: bool


def pairs_of(found: np.ndarray, true: np.ndarray, going_on: np.ndarray) -> list[tuple[int, int]]:
    """Rows of boxes [N, 4] and of truth [M, 4] that belong together; those of going_on [N, M],
    where both had each other before, first."""
    if not len(found) or not len(true):
        return []
    alike = iou(ltwh_to_xyxy(found), ltwh_to_xyxy(true))
    worth = np.where(alike >= SAME, alike + going_on, 0)
    both = linear_sum_assignment(-worth)
    return [(row, column) for row, column in zip(*both, strict=True) if worth[row, column] > 0]


def mended(
    table: np.ndarray, truth: np.ndarray, wanted: Callable[[Kind], bool], counts: Counter[Kind]
) -> np.ndarray:
    """Rows of MOT text with the switches that are ``wanted`` mended; counts: of all that are
    left to be met."""
    name = {identity: identity for identity in table[:, 1]}  # what each id is called from now on
    last: dict[float, tuple[float, float]] = {}  # of each person: the name and the frame
    result = table.copy()
    for frame in np.unique(table[:, 0]):
        rows, true = np.flatnonzero(table[:, 0] == frame), truth[truth[:, 0] == frame]
        ids = table[rows, 1]
        before = np.array([last.get(person, (0, 0))[0] for person in true[:, 1]])
        going_on = np.array([name[each] for each in ids])[:, None] == before
        for row, column in pairs_of(table[rows, 2:6], true[:, 2:6], going_on):
            person, identity = true[column, 1], ids[row]
            if person in last and last[person][0] != name[identity]:
                old, seen = last[person]
                gap = next(key for key, most in GAPS.items() if frame - seen <= most)
                kind = Kind(gap, old in {name[each] for each in ids})
                counts[kind] += 1
                if wanted(kind):
                    (other,) = [each for each, called in name.items() if called == old]
                    name[other], name[identity] = name[identity], old
            last[person] = name[identity], frame
        result[rows, 1] = [name[each] for each in ids]
    return result


def truth_of(sequence: Sequence) -> np.ndarray:
    assert sequence.gt_path is not None
    table = read_mot(sequence.gt_path)
    table = table[table[:, 6] > 0]
    if sequence.classes is None and table.shape[1] > 7 and (table[:, 7] > 1).any():
        table = table[table[:, 7] == 1]  # of MOT17's, people
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    options = parser.parse_args()
    sequences = scored_sequences(options.dataset)
    choices: dict[str, Callable[[Kind], bool]] = {"none": lambda kind: False}
    choices |= {f"unseen for {gap}": (lambda kind, gap=gap: kind.gap == gap) for gap in GAPS}
    choices |= {
        "the old id is elsewhere": lambda kind: kind.elsewhere,
        "the old id is nowhere": lambda kind: not kind.elsewhere,
        "all": lambda kind: True,
    }
    print("| mended | HOTA | AssA | IDF1 |")
    for name, wanted in choices.items():
        counts: Counter[Kind] = Counter()
        with tempfile.TemporaryDirectory() as folder:
            for each in sequences:
                table = read_mot(options.results / f"{each.name}.txt")
                result = mended(table, truth_of(each), wanted, counts)
                np.savetxt(Path(folder) / f"{each.name}.txt", result, "%.9g", ",")
            of = score(sequences, Path(folder)).combined
        if name == "none":
            for kind, count in counts.most_common():
                print(
                    f"{count} switches: unseen for {kind.gap}, old id elsewhere: {kind.elsewhere}"
                )
        print(f"| {name} | {of.HOTA:.1f} | {of.AssA:.1f} | {of.IDF1:.1f} |", flush=True)


if __name__ == "__main__":
    main()
