"""In which frames could a single network of the association decide as all of them do?

    python docs/experiments/early_exit.py --dataset data/dancetrack/val --frames 300

The tracker runs as it is. In each frame, for the likeliest hypothesis, its first network decides as
well. The margin is the least log-odds by which that decision could be another one: how sure each
match is, how far the free pairs are from a match, how sure each detection left is to be a person or
none.
"""

import argparse
from collections.abc import Sequence as Several
from typing import NamedTuple

import numpy as np
from exit_built import of_all_networks

from mambatrack import Tracker
from mambatrack.association.alternatives import surety
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.interface import (
    Association,
    Decided,
    Decision,
    FrameProblem,
    Question,
    Scores,
    Weigh,
)
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.sequences import Sequence, find_detected_sequences
from mambatrack.kernels.cpu.pairs import PairsNetwork

MARGINS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)


class Compared(NamedTuple):
    """Of a frame: whether nobody is near two others, the margin, decisions, and how many of them
    are otherwise."""

    apart: bool
    margin: float
    decisions: int
    otherwise: int


def compared(association: CompiledAssociation, network: PairsNetwork, decided: Decided) -> Compared:
    problem = decided.problem
    given, full = problem.candidates, of_all_networks(association, problem)
    code = np.ascontiguousarray(problem.table["memory"][:, : network.code_size])
    pair_of = given.tracks, given.detections
    scores = Scores(*network(given.features, *pair_of, code, given.alone))
    chosen = Association.choose(association, problem, scores)
    own = Decision(chosen, association.births(problem, scores, chosen))
    return Compared(
        all(np.bincount(side, minlength=1).max() <= 1 for side in pair_of),
        margin_of(problem, scores, own),
        len(full.chosen) + len(full.born),
        sum(len(np.setxor1d(*both)) for both in zip(own, full, strict=True)),
    )


def margin_of(problem: FrameProblem, scores: Scores, decision: Decision) -> float:
    given, chosen = problem.candidates, decision.chosen
    taken = np.isin(given.tracks, given.tracks[chosen])
    taken |= np.isin(given.detections, given.detections[chosen])
    left = np.ones(len(problem.found), bool)
    left[given.detections[chosen]] = False
    sure = [surety(given, scores.pairs, chosen), -scores.pairs[~taken], np.abs(scores.people[left])]
    return float(np.concatenate(sure).min(initial=np.inf))


def run(sequence: Sequence, frames: int) -> list[Compared]:
    tracker, noted = Tracker(image_size=sequence.image_size), list[Compared]()
    association = tracker.association
    assert isinstance(association, CompiledAssociation)
    network = association.network._given[0][0]
    decide = association.decide

    def watched(questions: Several[Question], weigh: Weigh | None = None) -> list[Decided]:
        decided = decide(questions, weigh)
        noted.append(compared(association, network, decided[0]))
        return decided

    association.decide = watched  # type: ignore[method-assign]
    tracker.by_step = True
    found = sequence_detections(sequence)
    rows = np.column_stack([found.boxes, found.scores])[found.scores >= 0.1]
    numbers = found.frame[found.scores >= 0.1]
    for frame in rows_by_frame(numbers, np.arange(1, min(frames, sequence.frames) + 1)):
        tracker.update(rows[frame])
    return noted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--frames", type=int, default=300, help="of each sequence")
    options = parser.parse_args()
    noted = []
    for sequence in find_detected_sequences([options.dataset]):
        noted += run(sequence, options.frames)
    apart, margin, decisions, otherwise = map(np.array, zip(*noted, strict=True))
    print(f"{len(noted)} frames, {apart.mean():.1%} with nobody near two others")
    print("| margin | share of frames | decisions otherwise |\n|---|---|---|")
    for least in MARGINS:
        exits = margin >= least
        wrong = otherwise[exits].sum() / max(decisions[exits].sum(), 1)
        print(f"| {least:g} | {exits.mean():.1%} | {wrong:.2%} |")


if __name__ == "__main__":
    main()
