"""At which exit do frames and blocks leave, and what would three networks have decided there?

    python docs/experiments/exit_built.py --dataset data/dancetrack/val
    python docs/experiments/exit_built.py --objects 300 --frames 60

The tracker runs as it is. Of the likeliest hypothesis all networks are asked about everything
once more, and what they decide is compared with what was decided.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from nearest_pairs import real
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.association.compiled import CompiledAssociation
from mambatrack.association.crowds import cluster_of
from mambatrack.association.exits import Lowest, contested, with_margins
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


def of_all_networks(association: CompiledAssociation, problem: FrameProblem) -> Decision:
    """What they decide when they are asked about everything."""
    full = problem._replace(candidates=problem.candidates._replace(sure_by=np.inf))
    (scores,) = association.score([full])
    chosen = Association.choose(association, full, scores)
    return Decision(chosen, association.births(full, scores, chosen))


def note(
    association: CompiledAssociation, problem: FrameProblem, decided: Decided, noted: Counter[str]
) -> None:
    """Of one frame: how many networks its blocks and pairs need, and what all three decide."""
    answers = decided.answers
    given, own, config = problem.candidates, answers[0].decision, association.config
    for margin in np.unique(given.sure_by):
        noted[f"frames: margin {margin:g}"] += 1
    noted["frames"] += 1
    if not len(given.tracks):
        noted["frames without pairs"] += 1
        return
    chosen, born = of_all_networks(association, problem)
    noted["otherwise"] += len(np.setxor1d(own.chosen, chosen)) + len(np.setxor1d(own.born, born))
    noted["decisions"] += len(chosen) + len(born)
    network = association.network._given[0][0]
    code = np.ascontiguousarray(problem.table["memory"][:, : network.code_size])
    pairs, people = network(given.features, given.tracks, given.detections, code, given.alone)
    lowest = Lowest(config.match_odds, config.birth_odds)
    asked = contested(given, Scores(pairs, people), lowest)
    block = cluster_of(given.tracks, given.detections)
    noted["pairs"] += len(asked)
    noted["pairs that leave"] += int((~asked).sum())
    noted["blocks"] += len(np.unique(block))
    noted["blocks that leave"] += len(np.unique(block[~asked]))
    noted["frames of one network"] += not asked.any()
    noted["frames of three"] += bool(asked.all())


def run(size: tuple[int, int], frames: list[NDArray], noted: Counter[str]) -> None:
    tracker = Tracker(image_size=size)
    association = tracker.association
    assert isinstance(association, CompiledAssociation)
    decide = association.decide

    def watched(questions: Sequence[Question], weigh: Weigh | None = None) -> list[Decided]:
        decided = decide(questions, weigh)
        first, *_ = with_margins([each.problem for each in decided], questions)
        note(association, first, decided[0], noted)
        return decided

    association.decide = watched  # type: ignore[method-assign]
    tracker.by_step = True
    for rows in frames:
        tracker.update(rows)


def videos(options: argparse.Namespace) -> Iterator[tuple[tuple[int, int], list[NDArray]]]:
    if not options.dataset:
        yield SIZE, [rows for rows, _ in moving_objects(options.objects, options.frames)]
        return
    yield from real(options.dataset, options.frames, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="instead of painted objects")
    parser.add_argument("--objects", type=int, default=100)
    parser.add_argument("--frames", type=int, default=9999, help="of each sequence")
    options = parser.parse_args()
    noted: Counter[str] = Counter()
    for size, frames in videos(options):
        run(size, frames, noted)
    for name, count in sorted(noted.items()):
        of = name.split()[0].rstrip(":")
        share = f", {count / noted[of]:.2%}" if of in noted and name != of else ""
        print(f"{name}: {count}{share}")
    print(f"decided otherwise: {noted['otherwise'] / noted['decisions']:.4%}")


if __name__ == "__main__":
    main()
