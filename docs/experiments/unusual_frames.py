"""What an update costs where something is unusual: a camera that moves, pictures that are looked
at, detections that are dropped; beside the same frames without.

Of each frame the least CPU time of all passes counts.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker, as_detections
from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.embedders.loading import open_embedder
from mambatrack.evaluation.peers.synthetic_boxes import SIZE
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, apart, by_frame
from mambatrack.motion.loading import configured_predictor

Arguments = dict[str, Any]
STANDS, MOVES = [[1, 0, 0], [0, 1, 0]], [[1, 0, 0.5], [0, 1, 0.25]]
UNUSABLE, OUTSIDE = [[9, 9, 9, 9, 0.9]], [[5000, 9, 5040, 99, 0.9]]


def with_row(rows: NDArray, other: list[list[float]]) -> NDArray:
    return np.concatenate([rows, np.array(other, rows.dtype)[:, : rows.shape[1]]])


KINDS: dict[str, Callable[[NDArray], Arguments]] = {
    "as usual": lambda rows: {"detections": rows},
    "Detections": lambda rows: {"detections": as_detections(rows)},
    "with data": lambda rows: {"detections": rows, "data": {"number": np.arange(len(rows))}},
    "camera stands": lambda rows: {"detections": rows, "camera": STANDS},
    "camera moves": lambda rows: {"detections": rows, "camera": MOVES},
    "one unusable": lambda rows: {"detections": with_row(rows, UNUSABLE)},
    "one outside": lambda rows: {"detections": with_row(rows, OUTSIDE)},
    "colours": lambda rows: {"detections": rows, "image": IMAGE},
    "colours, no picture": lambda rows: {"detections": rows},
}
IMAGE = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)


def times(given: list[Arguments], **settings: Any) -> Iterator[int]:
    tracker = Tracker(**settings)
    for each in given:
        began = time.thread_time_ns()
        tracker.update(**each)
        yield time.thread_time_ns() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, nargs="+", default=[10, 30])
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--predictor", default="mamba")
    options = parser.parse_args()
    config = TrackerConfig(predictor=options.predictor)
    held = {
        "config": config, "image_size": SIZE, "predictor": configured_predictor(config, SIZE),
        "association": load_association(config),
    }  # fmt: skip
    for objects in options.objects:
        frames = list(by_frame(apart(objects, 60, 0).videos[0]))
        for name, made in KINDS.items():
            embedder = open_embedder("colour") if name.startswith("colours") else None
            given = list(map(made, frames))
            spent = [list(times(given, embedder=embedder, **held)) for _ in range(options.passes)]
            ms = np.min(spent, axis=0)[WARM_UP:].mean() / 1e6
            print(f"{objects} objects, {name}: {ms:.3f} ms", flush=True)


if __name__ == "__main__":
    main()
