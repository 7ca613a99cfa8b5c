"""In which blocks of people who touch could a single network of the association decide as all do?

    python docs/experiments/exit_by_block.py --dataset data/dancetrack/val --frames 300
    python docs/experiments/exit_by_block.py --objects 100

A block is what candidate pairs connect: no network hears anything across blocks. The tracker runs
as it is. In each frame, for the likeliest hypothesis, the first network decides as well, and its
margin is taken block by block: the least log-odds by which anything of its decision there could be
otherwise.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from exit_built import of_all_networks
from nearest_pairs import real
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.association.alternatives import surety
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.crowds import clusters
from mambatrack.association.interface import (
    Association,
    Decided,
    Decision,
    FrameProblem,
    Question,
    Scores,
    Weigh,
)
from mambatrack.evaluation.peers.synthetic_boxes import SIZE, moving_objects
from mambatrack.kernels.cpu.pairs import PairsNetwork

MARGINS = (0.0, 2.0, 3.0, 4.0)


def blocks_of(problem: FrameProblem) -> tuple[NDArray, NDArray]:
    """The block of each candidate pair [K], and of each detection [M], -1 where it is in none."""
    given = problem.candidates
    of_pair, of_detection = np.zeros(len(given.tracks), int), np.full(given.detection_count, -1)
    if len(of_pair):
        for number, pairs in enumerate(clusters(given.tracks, given.detections)):
            of_pair[pairs] = number
    of_detection[given.detections] = of_pair
    return of_pair, of_detection


def margins(
    problem: FrameProblem, scores: Scores, own: Decision, blocks: tuple[NDArray, NDArray]
) -> NDArray:
    """Of each block."""
    given, chosen = problem.candidates, own.chosen
    of_pair, of_detection = blocks
    least = np.full(of_pair.max(initial=-1) + 1, np.inf)
    taken = np.isin(given.tracks, given.tracks[chosen])
    taken |= np.isin(given.detections, given.detections[chosen])
    left = of_detection >= 0
    left[given.detections[chosen]] = False
    np.minimum.at(least, of_pair[chosen], surety(given, scores.pairs, chosen))
    np.minimum.at(least, of_pair[~taken], -scores.pairs[~taken])
    np.minimum.at(least, of_detection[left], np.abs(scores.people[left]))
    return least


def note(
    association: CompiledAssociation, network: PairsNetwork, decided: Decided, noted: Counter
) -> None:
    """Counts the blocks of a frame, and by kind and margin those that could leave."""
    problem = decided.problem
    given, full = problem.candidates, of_all_networks(association, problem)
    code = np.ascontiguousarray(problem.table["memory"][:, : network.code_size])
    pair_of = given.tracks, given.detections
    scores = Scores(*network(given.features, *pair_of, code, given.alone))
    chosen = Association.choose(association, problem, scores)
    own = Decision(chosen, association.births(problem, scores, chosen))
    of_pair, of_detection = blocks = blocks_of(problem)
    least = margins(problem, scores, own, blocks)
    pairs = np.bincount(of_pair, minlength=len(least))
    changed = [np.setxor1d(ours, all_) for ours, all_ in zip(own, full, strict=True)]
    wrong = np.bincount(of_pair[changed[0]], minlength=len(least))
    born = of_detection[changed[1]]
    wrong += np.bincount(born[born >= 0], minlength=len(least))
    born = of_detection[full.born]
    made = np.bincount(of_pair[full.chosen], minlength=len(least))
    made += np.bincount(born[born >= 0], minlength=len(least))
    noted["blocks"] += len(least)
    noted["pairs"] += len(of_pair)
    noted["decisions"] += int(made.sum())
    for name, among in (("one and one", pairs == 1), ("several", pairs > 1)):
        for limit in MARGINS:
            out = among & (least >= limit)
            noted[name, limit, "blocks"] += int(out.sum())
            noted[name, limit, "pairs"] += int(pairs[out].sum())
            noted[name, limit, "wrong"] += int(wrong[out].sum())


def videos(options: argparse.Namespace) -> Iterator[tuple[tuple[int, int], list[NDArray]]]:
    if not options.dataset:
        yield SIZE, [rows for rows, _ in moving_objects(options.objects, options.frames)]
        return
    yield from real(options.dataset, options.frames, options.step)


def run(size: tuple[int, int], frames: list[NDArray], noted: Counter) -> None:
    tracker = Tracker(image_size=size)
    association = tracker.association
    assert isinstance(association, CompiledAssociation)
    network, decide = association.network._given[0][0], association.decide

    def watched(questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        decided = decide(questions, weigh)
        note(association, network, decided[0], noted)
        return decided

    association.decide = watched  # type: ignore[method-assign]
    tracker.by_step = True
    for rows in frames:
        tracker.update(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="instead of painted objects")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--frames", type=int, default=60, help="of each sequence")
    parser.add_argument("--step", type=int, default=1, help="every so many sequences, one")
    options = parser.parse_args()
    noted: Counter = Counter()
    for size, frames in videos(options):
        run(size, frames, noted)
    print(f"{noted['blocks']} blocks, {noted['pairs']} pairs, {noted['decisions']} decisions")
    print("| block | margin | blocks | pairs | decisions otherwise |\n|---|---|---|---|---|")
    for name in ("one and one", "several"):
        for limit in MARGINS:
            counts = (noted[name, limit, what] for what in ("blocks", "pairs", "wrong"))
            blocks, pairs, wrong = counts
            print(
                f"| {name} | {limit:g} | {blocks / noted['blocks']:.1%} | "
                f"{pairs / noted['pairs']:.1%} | {wrong / noted['decisions']:.3%} |"
            )


if __name__ == "__main__":
    main()
