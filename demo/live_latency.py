"""Cameras faster than their detector: prints how late their tracks are and how many frames are
dropped.

python demo/live_latency.py [--cameras 1] [--fps 30] [--detector-ms 150] [--seconds 20]
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from mambatrack import (
    Detections,
    LiveSession,
    LiveSource,
    LiveUpdate,
    SourceStatus,
    TrackerConfig,
    TrackerGroup,
    make_world,
    write_sequence,
)

FRAMES, SIZE = 120, (640, 360)


class Slow:
    """Finds what is there, and takes its time over it."""

    names = ("person",)

    def __init__(self, seconds: float):
        self.world, self.seconds = make_world(seed=1, people=12, frames=FRAMES, size=SIZE), seconds

    def __call__(self, image: np.ndarray, index: int = 0) -> Detections:
        time.sleep(self.seconds)
        return self.world.detections(index % FRAMES)


class Latencies:
    """From the arrival of each frame to its tracks, in milliseconds."""

    def __init__(self) -> None:
        self.of_frames: list[float] = []

    def update(self, update: LiveUpdate) -> None:
        self.of_frames.append(update.status.latency_ms)

    def status(self, source: int, status: SourceStatus) -> None:
        pass

    def close(self) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--detector-ms", type=float, default=150.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_sequence(Path(folder) / "walk", 1, 12, FRAMES, SIZE, fps=options.fps, video=clip)
        track(clip, options)


def track(clip: Path, options: argparse.Namespace) -> None:
    count, seen = options.cameras, Latencies()
    sources = [LiveSource(clip, f"camera {number}", loop=True) for number in range(count)]
    detectors = [Slow(options.detector_ms / 1000)] * count
    group = TrackerGroup(TrackerConfig(frame_rate=25), count)
    with LiveSession(sources, detectors, group, [seen]) as session:
        end = time.monotonic() + options.seconds
        session.run(lambda: time.monotonic() < end)
        statuses = session.statuses
    median, most, worst = np.percentile(seen.of_frames, [50, 95, 100])
    print(f"{count} cameras at {options.fps:g} fps, {options.detector_ms:g} ms to detect a frame")
    for status in statuses:
        rate = f"{status.fps:.1f} frames a second"
        print(f"{status.name}: {status.frames} tracked, {status.dropped} dropped, {rate}")
    print(f"latency in ms: median {median:.0f}, 95 % below {most:.0f}, worst {worst:.0f}")
    bound = 1000 / options.fps + count * options.detector_ms
    print(f"one frame and the detections of a turn are {bound:.0f} ms")


if __name__ == "__main__":
    main()
