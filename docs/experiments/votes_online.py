r"""One online result out of several: in each frame the ids that the results give a detection vote
for whose it is.

    mambatrack eval --dataset data/dancetrack/val --out R/ --predictor mamba-window mamba kalman
    mambatrack eval --dataset data/dancetrack/val --out light/ --association light
    python docs/experiments/votes_online.py --out votes/ --keep 0.99 --need 0.2 \
      R/mamba-window R/mamba R/kalman light/
    mambatrack eval --dataset data/dancetrack/val --results votes/

A person is the ids that each result gave it, by how often, ``--keep`` of it a frame. A detection
votes for a person with the mean share of the person's frames in which the results gave the person
the ids that they give the detection; the Hungarian method assigns, and below ``--need`` a person
begins. A detection counts that is in the first result or in most of them.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from mambatrack.assignment import assign
from mambatrack.datasets.mot_text import read_mot

UNSEEN = 150  # frames after which a person is forgotten


class Person:
    """ids [K]: how often each result gave the person each id; total [K]; seen: the last frame"""

    def __init__(self, results: int):
        self.ids: list[dict[int, float]] = [defaultdict(float) for _ in range(results)]
        self.total = np.zeros(results)
        self.seen = 0

    def share(self, given: dict[int, int]) -> float:
        """given: the id of a detection in each result that has it."""
        shares = (self.ids[k].get(i, 0.0) / self.total[k] for k, i in given.items() if self.ids[k])
        return sum(shares) / len(given)

    def add(self, given: dict[int, int], keep: float, frame: int) -> None:
        for k, i in given.items():
            for each in self.ids[k]:
                self.ids[k][each] *= keep
            self.ids[k][i] += 1
            self.total[k] = self.total[k] * keep + 1
        self.seen = frame


def voted(files: list[Path], keep: float, need: float) -> list[str]:
    """The lines of one result in MOT's form."""
    frames: dict[int, dict[tuple, tuple[dict[int, int], np.ndarray]]] = defaultdict(dict)
    for k, file in enumerate(files):
        for row in read_mot(file):
            boxes = frames[int(row[0])]
            boxes.setdefault(tuple(np.round(row[2:6])), ({}, row))[0][k] = int(row[1])
    people: dict[int, Person] = {}
    lines, next_id = [], 1
    for frame in sorted(frames):
        found = [
            each for each in frames[frame].values() if 0 in each[0] or 2 * len(each[0]) > len(files)
        ]
        people = {i: each for i, each in people.items() if frame - each.seen <= UNSEEN}
        known = list(people)
        worth = np.array([[people[i].share(given) for given, _ in found] for i in known])
        owner = dict.fromkeys(range(len(found)), 0)
        if worth.size:
            for row, column in assign(worth, worth >= need).pairs:
                owner[int(column)] = known[row]
        for place, (given, row) in enumerate(found):
            if not owner[place]:
                owner[place], next_id = next_id, next_id + 1
                people[owner[place]] = Person(len(files))
            people[owner[place]].add(given, keep, frame)
            numbers = ",".join(f"{each:.2f}" for each in row[2:7])
            lines.append(f"{frame},{owner[place]},{numbers},-1,-1,-1")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--keep", type=float, default=0.99)
    parser.add_argument("--need", type=float, default=0.2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sorted(options.results[0].glob("*.txt")):
        files = [each / file.name for each in options.results]
        lines = voted(files, options.keep, options.need)
        (options.out / file.name).write_text("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    main()
