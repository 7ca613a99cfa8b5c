"""Where the time of an update of a group goes: in which functions of the C library, and beside.

Of each frame the least CPU time of all passes counts. For any checkout since 0b5772d.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from mambatrack.association.loading import load_association
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.group_cost import CAMERAS, FRAMES, OBJECTS
from mambatrack.evaluation.peers.synthetic_boxes import SIZE
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, apart, by_frame
from mambatrack.kernels.cpu import library
from mambatrack.motion.loading import configured_predictor
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.tracker import Tracker

now = time.thread_time_ns
Spent = dict[str, int]


def counted(name: str, call: Callable[..., object], spent: Spent) -> Callable[..., object]:
    """The same function, whose time is added to ``spent``."""

    def timed(*given: object) -> object:
        began = now()
        result = call(*given)
        spent[name] += now() - began
        return result

    return timed


def watch(spent: Spent) -> None:
    """Before any network or table is made: they keep functions of the library."""
    in_c = library.library()
    for name, call in list(vars(in_c).items()):
        if callable(call):
            setattr(in_c, name, counted(name, call, spent))


def one_pass(frames: list[tuple[np.ndarray, ...]], spent: Spent) -> list[Spent]:
    """Of each frame, nanoseconds of all single updates, of the group's, and in C of the group's."""
    config = TrackerConfig()
    predictor, association = configured_predictor(config, SIZE), load_association(config)
    trackers = [Tracker(config, SIZE, predictor, association) for _ in frames[0]]
    group = TrackerGroup(config, len(trackers), predictor, association)
    for camera in range(len(trackers)):
        group.resize(camera, SIZE)
    rows = []
    for found in frames:
        began = now()
        for tracker, boxes in zip(trackers, found, strict=True):
            tracker.update(boxes)
        single = now() - began
        due = {camera: (boxes, None) for camera, boxes in enumerate(found)}
        spent.clear()
        began = now()
        group.update(due)
        rows.append({"single": single, "group": now() - began, **spent})
    return rows[WARM_UP:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=12)
    parser.add_argument("--inside", action="store_true", help="time functions of C, which costs")
    given = parser.parse_args()
    spent: Spent = defaultdict(int)
    if given.inside:
        watch(spent)
    videos = [apart(OBJECTS, FRAMES, seed).videos[0] for seed in range(CAMERAS)]
    frames = list(zip(*map(by_frame, videos), strict=True))
    passes = [one_pass(frames, spent) for _ in range(given.passes)]
    names = sorted({name for rows in passes for row in rows for name in row})
    least = {
        name: np.min([[row.get(name, 0) for row in rows] for rows in passes], axis=0).mean() / 1e6
        for name in names
    }
    print(json.dumps({name: round(float(ms), 4) for name, ms in least.items()}))


if __name__ == "__main__":
    main()
