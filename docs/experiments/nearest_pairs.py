"""How many candidate pairs of a crowd may be left out before it changes who is who?

    python docs/experiments/nearest_pairs.py --dataset data/mot17/train --frames 250
    python docs/experiments/nearest_pairs.py --objects 1000 --frames 60

Decisions: the tracker runs with all pairs. In each frame, for the likeliest hypothesis, each track
and each detection keeps its nearest few, the networks score these alone, and what they decide is
compared. Painted objects, whose truth is known, are also tracked with the nearest few alone.
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.association import compiled
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.features import distances, nearest
from mambatrack.association.interface import Association, Decided, Question, Weigh
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.evaluation.peers.synthetic_boxes import SIZE, moving_objects
from mambatrack.kernels.cpu.questions import Crowd

KEPT = (2, 3, 4, 5, 6, 8)
EVERY = 10**9


def otherwise(association: CompiledAssociation, decided: Decided, most: int) -> tuple[int, int]:
    """-> how many pairs are kept, and how many matches and births are then otherwise."""
    problem, _, answers = decided
    given, full = problem.candidates, answers[0].decision
    pair_of = given.tracks, given.detections
    near = nearest(*pair_of, distances(problem.table["boxes"], problem.boxes, *pair_of), most)
    (kept,) = near.nonzero()
    features = np.ascontiguousarray(given.features[:, kept])
    few = given._replace(tracks=pair_of[0][kept], detections=pair_of[1][kept], features=features)
    fewer = problem._replace(candidates=few)
    (scores,) = association.score([fewer])
    chosen = Association.choose(association, fewer, scores)
    born = association.births(fewer, scores, chosen)
    wrong = len(np.setxor1d(kept[chosen], full.chosen)) + len(np.setxor1d(born, full.born))
    return len(kept), wrong


def watch(tracker: Tracker, noted: Counter[str]) -> None:
    association = tracker.association
    assert isinstance(association, CompiledAssociation)
    decide = association.decide

    def watched(questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        decided = decide(questions, weigh)
        problem, _, ((_, full), *_) = decided[0]
        noted["tracks"] += len(problem.table)
        noted["pairs"] += len(problem.candidates.tracks)
        noted["decisions"] += len(full.chosen) + len(full.born)
        for most in KEPT:
            kept, wrong = otherwise(association, decided[0], most)
            noted[f"kept {most}"] += kept
            noted[f"wrong {most}"] += wrong
        return decided

    association.decide = watched  # type: ignore[method-assign]
    tracker.by_step = True


def real(dataset: str, frames: int, step: int) -> Iterator[tuple[tuple[int, int], list[NDArray]]]:
    for sequence in find_detected_sequences([dataset])[::step]:
        found = sequence_detections(sequence)
        rows = np.column_stack([found.boxes, found.scores])[found.scores >= 0.1]
        numbers = np.arange(1, min(frames, sequence.frames) + 1)
        places = rows_by_frame(found.frame[found.scores >= 0.1], numbers)
        yield sequence.image_size, [rows[place] for place in places]


def compare_decisions(options: argparse.Namespace) -> None:
    noted: Counter[str] = Counter()
    painted = [rows for rows, _ in moving_objects(options.objects, options.frames)]
    own = options.dataset, options.frames, options.step
    for size, frames in real(*own) if options.dataset else [(SIZE, painted)]:
        tracker = Tracker(image_size=size)
        watch(tracker, noted)
        for rows in frames:
            tracker.update(rows)
    print(f"{noted['pairs'] / noted['tracks']:.2f} pairs a track, {noted['decisions']} decisions")
    print("| nearest | share of pairs | decisions otherwise |\n|---|---|---|")
    for most in KEPT:
        share, wrong = noted[f"kept {most}"] / noted["pairs"], noted[f"wrong {most}"]
        print(f"| {most} | {share:.0%} | {wrong / noted['decisions']:.3%} |", flush=True)


def track_painted(objects: int, frames: int, seed: int) -> tuple[int, int, float]:
    """-> matches, how many of them go on with somebody else, and the milliseconds of a frame."""
    tracker, last = Tracker(image_size=SIZE), dict[int, int]()
    matches = wrong = spent = 0
    for rows, which in moving_objects(objects, frames, seed):
        began = time.thread_time_ns()
        tracks = tracker.update(rows)
        spent += time.thread_time_ns() - began
        for own, place in zip(tracks.ids.tolist(), tracks.det_ind.tolist(), strict=True):
            if place >= 0:
                matches += own in last
                wrong += last.get(own, which[place]) != which[place]
                last[own] = which[place]
    return matches, wrong, spent / frames / 1e6


def compare_with_truth(options: argparse.Namespace) -> None:
    print("| nearest | matches with somebody else | ms |\n|---|---|---|")
    for most in (EVERY, *reversed(KEPT)):
        compiled.CROWD = Crowd(0, most) if most < EVERY else Crowd(EVERY, 1)
        found = [track_painted(options.objects, options.frames, seed) for seed in range(2)]
        matches, wrong, spent = np.sum(found, axis=0)
        name = "all" if most == EVERY else most
        print(f"| {name} | {wrong / matches:.3%} of {matches:.0f} | {spent / 2:.2f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="instead of painted objects")
    parser.add_argument("--objects", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=60, help="of each sequence")
    parser.add_argument("--step", type=int, default=1, help="every so many sequences, one")
    options = parser.parse_args()
    compare_decisions(options)
    if not options.dataset:
        compare_with_truth(options)


if __name__ == "__main__":
    main()
