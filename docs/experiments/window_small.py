"""What window predictors of several sizes cost: operations, least time on this machine, and the CPU
time of predict() and, for trained ones, of the same stage inside update().

    OMP_NUM_THREADS=1 python docs/experiments/window_small.py --size 24,1,2,10 16,2,2,8 \
      --predictor mamba-window small/predictor.safetensors

--size: d_model, layers, d_state, window of a network with random weights.
"""

import argparse
import statistics

import numpy as np
import torch
from window_times import spent

from mambatrack import load_predictor
from mambatrack.config import TrackerConfig
from mambatrack.evaluation.arithmetic import measured_peaks, motion_work, window_work
from mambatrack.evaluation.peers.timed_boxes import apart
from mambatrack.evaluation.stage_profile import profile
from mambatrack.kernels.cpu.network import WindowNetwork
from mambatrack.motion.compiled_predictor import CompiledWindowPredictor
from mambatrack.motion.loading import weights_path
from mambatrack.motion.predictor import Predictor
from mambatrack.networks.units import INPUT_LIMIT
from mambatrack.networks.window import MotionPredictor

FRAMES, WARM_UP, FRAMES_APART = 150, 20, 60
MOST = 100  # tracks


def predicting(predictor: Predictor, tracks: int) -> float:
    """Median milliseconds of predict() for tracks that were seen in every frame."""
    rng = np.random.default_rng(0)
    corners = [rng.uniform(100, 1000, (tracks, 2)), rng.uniform(40, 90, (tracks, 2))]
    boxes, rows = np.concatenate(corners, axis=1).astype(np.float32), np.arange(tracks)
    state, times = predictor.start(boxes), []
    for _ in range(FRAMES):
        times.append(spent(lambda: predictor.predict(state)))
        boxes[:, :2] += rng.normal(0, 2, (tracks, 2)).astype(np.float32)
        predictor.correct(state, rows, boxes)
    return statistics.median(times[WARM_UP:])


def in_update(name: str, tracks: int) -> float:
    """Milliseconds of the stage in a frame with ``tracks`` painted objects."""
    config = TrackerConfig(name)
    painted = apart(tracks, FRAMES_APART)
    return profile(config, load_predictor(name), painted).stages["predict"].ms


def told(name: str, operations: float, peak: float, predictor: Predictor) -> str:
    """The first columns of a row."""
    times = [predicting(predictor, tracks) for tracks in (1, 10, MOST)]
    least = 1000 * operations / peak
    return f"| {name} | {operations / 1e6:.1f} | {least:.2f} | " + " | ".join(
        f"{each:.3f}" for each in times
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", nargs="+", default=[])
    parser.add_argument("--predictor", nargs="+", default=[])
    options = parser.parse_args()
    peak = measured_peaks().operations
    print(f"peak: {peak / 1e9:.0f} GFLOP/s")
    for size in options.size:
        torch.manual_seed(0)
        *sizes, window = map(int, size.split(","))
        state = MotionPredictor(*sizes).state_dict()
        weights = {name: each.numpy() for name, each in state.items()}
        network = WindowNetwork(weights, INPUT_LIMIT)
        predictor = CompiledWindowPredictor(network, window, "box", np.ones((30, 4)))
        work = window_work(weights, MOST, window)
        print(told(size, work.operations, peak, predictor), "|", flush=True)
    for name in options.predictor:
        path = weights_path(name)
        assert path is not None
        row = told(name, motion_work(path, MOST, 0).operations, peak, load_predictor(name))
        inside = [in_update(name, tracks) for tracks in (10, MOST)]
        print(row, *(f"{each:.3f}" for each in inside), sep=" | ", end=" |\n", flush=True)


if __name__ == "__main__":
    main()
