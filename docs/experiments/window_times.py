"""Times the window predictor in C beside numpy with the network in C, in milliseconds of CPU time:
alone, and as part of whole updates on painted boxes.

    OMP_NUM_THREADS=1 python docs/experiments/window_times.py [--seen_window N]
"""

import argparse
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from unittest import mock

import numpy as np

from mambatrack import Tracker, load_predictor
from mambatrack.config import TrackerConfig
from mambatrack.motion.compiled_predictor import CompiledWindowPredictor
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.simulation.world import make_world
from mambatrack.tracking import steps, usual_frames

FRAMES, WARM_UP, NOISE = 90, 20, 3.0  # frames, frames, pixels


def spent(work: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - start) / 1e6


def predictions(tracks: int, way: type[WindowPredictor], seen_window: int) -> float:
    """Median of predict() for tracks that were seen in every frame, with full windows."""
    predictor = load_predictor("mamba-window", seen_window=seen_window)
    rng = np.random.default_rng(0)
    assert isinstance(predictor, CompiledWindowPredictor)
    corners = [rng.uniform(100, 1000, (tracks, 2)), rng.uniform(40, 90, (tracks, 2))]
    boxes, rows = np.concatenate(corners, axis=1).astype(np.float32), np.arange(tracks)
    state, times = predictor.start(boxes), []
    for _ in range(FRAMES):
        times.append(spent(lambda: way.predict(predictor, state)))
        boxes[:, :2] += rng.normal(0, 2, (tracks, 2)).astype(np.float32)
        predictor.correct(state, rows, boxes)
    return statistics.median(times[WARM_UP:])


def updates(people: int, seen_window: int) -> tuple[float, int]:
    """Median of update() with default settings otherwise, and the sum of all ids."""
    world, rng = make_world(seed=1, people=people, frames=FRAMES, size=(1280, 720)), np.random
    noise, times, ids = rng.default_rng(1), [], 0
    config = TrackerConfig("mamba-window", seen_window=seen_window)
    tracker = Tracker(config, image_size=(1280, 720))
    for frame in range(FRAMES):
        found = world.detections(frame)
        boxes = found.boxes + np.tile(noise.normal(0, NOISE, (len(found), 2)), 2)
        rows = np.column_stack([boxes, found.scores])
        times.append(spent(lambda rows=rows: tracker.update(rows)))
        ids += int(tracker.state.hypotheses.tables[0]["ids"].sum())
    return statistics.median(times[WARM_UP:]), ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seen_window", type=int, default=0)
    read = parser.parse_args().seen_window
    for tracks in (1, 10, 100):
        ways = (WindowPredictor, CompiledWindowPredictor)
        each = [predictions(tracks, way, read) for way in ways]
        print(f"predict, {tracks:3} tracks: numpy {each[0]:.3f}, C {each[1]:.3f}", flush=True)
    for people in (10, 30, 100):
        with ExitStack() as stack:
            for module in (steps, usual_frames):
                stack.enter_context(mock.patch.object(module, "CompiledPredictor", type(None)))
            plain = WindowPredictor.predict
            stack.enter_context(mock.patch.object(CompiledWindowPredictor, "predict", plain))
            before = updates(people, read)
        after = updates(people, read)
        assert before[1] == after[1]
        print(f"update, {people:3} people: numpy {before[0]:.3f}, C {after[0]:.3f}", flush=True)


if __name__ == "__main__":
    main()
