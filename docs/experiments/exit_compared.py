"""What it saves that blocks leave after the first network while hypotheses are compared.

Both ways in turn in one process; of each frame the least CPU time of all passes counts.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.association import compiled
from mambatrack.association.exits import sure_by
from mambatrack.association.loading import load_association
from mambatrack.association.problem import Question
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.peers.synthetic_boxes import SIZE
from mambatrack.evaluation.peers.timed_boxes import (
    WARM_UP,
    TimedBoxes,
    apart,
    by_frame,
    meeting,
    real,
)
from mambatrack.motion.loading import configured_predictor

Margin = Callable[[Question], float]


def never(question: Question) -> float:
    return np.inf if question.compared else sure_by(question)


def times(frames: list[NDArray], config: TrackerConfig, several: list[bool]) -> Iterator[int]:
    tracker = Tracker(config, None, *HELD[config.predictor])
    for rows in frames:
        several.append(len(tracker.state.hypotheses.tables) > 1)
        began = time.thread_time_ns()
        tracker.update(rows)
        yield time.thread_time_ns() - began


def compare(name: str, boxes: TimedBoxes, predictor: str, passes: int) -> None:
    config, compared = TrackerConfig(predictor=predictor), list[bool]()
    rows: list[tuple[float, float]] = []
    for video in boxes.videos:
        frames = list(by_frame(video))
        spent: dict[Margin, list[list[int]]] = {never: [], sure_by: []}
        for _ in range(passes):
            for margin, of_passes in spent.items():
                several = list[bool]()
                with patch.object(compiled, "sure_by", margin):
                    of_passes.append(list(times(frames, config, several)))
        least = [np.min(each, axis=0)[WARM_UP:] / 1e6 for each in spent.values()]
        rows += list(zip(*least, strict=True))
        compared += several[WARM_UP:]
    ms, among = np.array(rows), np.array(compared)
    for what, chosen in [("all frames", among | True), ("while compared", among)]:
        before, after = ms[chosen].mean(axis=0) if chosen.any() else (np.nan, np.nan)
        said = f"{chosen.mean():.0%} of {len(chosen)}: {before:.3f} ms, {after:.3f} ms"
        print(f"{name}, {predictor}, {what}, {said}, ratio {after / before:.2f}", flush=True)


HELD = {
    name: (configured_predictor(config, SIZE), load_association(config))
    for name in ("mamba", "mamba-window")
    for config in [TrackerConfig(predictor=name)]
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", help="of dancers, beside painted objects")
    parser.add_argument("--passes", type=int, default=3)
    options = parser.parse_args()
    sets = {"100 objects": apart(100, 100, 0), "30 who meet": meeting(30, 100, 0)}
    if options.dataset:
        sets["dancers"] = real(options.dataset, 60)
    for name, boxes in sets.items():
        for predictor in HELD:
            compare(name, boxes, predictor, options.passes)


if __name__ == "__main__":
    main()
