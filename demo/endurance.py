"""Tracks 20,000 frames of a synthetic world and prints how the memory of the process develops.

python demo/endurance.py [--frames 20000] [--predictor mamba]
"""

import argparse
import itertools
import time
from pathlib import Path

from mambatrack import Tracker, load_config
from mambatrack.synthetic import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000)
    parser.add_argument("--predictor", default="mamba")
    options = parser.parse_args()
    config = load_config(None, {"tracker.predictor": options.predictor})
    tracker = Tracker(config, image_size=(960, 540))
    spent = 0.0
    for frame in itertools.islice(simulate(seed=0), options.frames):
        began = time.perf_counter()
        tracker.update(frame.detections)
        spent += time.perf_counter() - began
        if tracker.frame % (options.frames // 10) == 0:
            print(
                f"frame {tracker.frame:6d}  memory {resident_mebibytes():6.1f} MiB  "
                f"ids {tracker.table.next_id - 1:5d}  live {len(tracker.table):2d}  "
                f"{1000 * spent / tracker.frame:.2f} ms per update",
                flush=True,
            )


def resident_mebibytes() -> float:
    """Memory that the process holds now (Linux)."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if "VmRSS" in line)


if __name__ == "__main__":
    main()
