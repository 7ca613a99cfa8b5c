"""What boxes tell of a camera: whether it moves, and how many people stay near their place.

    python docs/experiments/camera_from_boxes.py data/mot15/train data/mot17/train --every 5

Of each sequence: the median evidence that its camera moves, horizontal and vertical, from true
boxes (what changes of people's velocities have in common); and the smallest share of at least LEAST
people who have a box of about their size near their expected place, where there are as many boxes.
Then, of people of one sequence against boxes of another, how often at most MOST_FOR_CUT have one.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from mambatrack import Tracker
from mambatrack.camera.boxes import LEAST_FOR_CUT, MOST_FOR_CUT, REACH, BoxCamera, alike_boxes
from mambatrack.camera.transforms import UNKNOWN, CameraMotion
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.matching import rows_by_frame
from mambatrack.datasets.people import read_people
from mambatrack.datasets.sequences import Sequence, find_sequences

STEP, MEMORY, WARM_UP, LEAST = 5, 0.03, 50, 3  # frames; of the running means; frames; people
CROWDS = ((8, 11), (12, 19), (20, 40))
Pairs = list[tuple[NDArray, NDArray]]


def evidence(sequence: Sequence) -> NDArray[np.float64]:
    """[2] the median, over the frames, of the variance that velocities share by their own."""
    boxes = read_people(sequence).boxes.astype(np.float64)
    shared, own, told = np.zeros(2), np.zeros(2), []
    for t in range(2 * STEP, len(boxes)):
        change = boxes[t, :, :2] - 2 * boxes[t - STEP, :, :2] + boxes[t - 2 * STEP, :, :2]
        there = ~np.isnan(change[:, 0])
        if there.sum() < LEAST:
            continue
        change = change[there] / np.sqrt(boxes[t, there, 2:].prod(axis=1))[:, None]
        rate = max(MEMORY, 1 / (len(told) + 1))
        shared += rate * (len(change) * change.mean(axis=0) ** 2 - shared)
        own += rate * (change.var(axis=0, ddof=1) - own)
        told.append(shared / own)
    return np.median(told[WARM_UP:] or [[np.nan] * 2], axis=0)


class Watching(BoxCamera):
    """Notes the expected people and the boxes of each frame, and tells nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: Pairs = []

    def __call__(self, expected: NDArray, spread: NDArray, seen: NDArray) -> CameraMotion:
        self.noted.append((expected.astype(np.float64), seen))
        return UNKNOWN


def noted(sequence: Sequence, every: int) -> Pairs:
    """People and boxes of every so many frames."""
    tracker, camera = Tracker(camera="boxes", image_size=sequence.image_size), Watching()
    tracker.state.from_boxes = camera
    found = sequence_detections(sequence)
    rows = np.column_stack([found.boxes, found.scores])
    for frame in rows_by_frame(found.frame, np.arange(1, sequence.frames + 1)[::every]):
        tracker.update(rows[frame])
    return camera.noted


def staying(expected: NDArray, seen: NDArray) -> float:
    """The share of the people who have a box of about their size near their place."""
    return float(alike_boxes(expected, seen, REACH)[1].any(axis=1).mean())


def spliced(every: list[Pairs], low: int, high: int, draws: int = 4000) -> list[float]:
    """Shares of those who stay, of people of one sequence against boxes of another."""
    rng, shares = np.random.default_rng(0), []
    for _ in range(draws):
        one, two = (every[each] for each in rng.choice(len(every), 2, replace=False))
        expected, seen = one[rng.integers(len(one))][0], two[rng.integers(len(two))][1]
        if low <= min(len(expected), len(seen)) and max(len(expected), len(seen)) <= high:
            shares.append(staying(expected, seen))
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--every", type=int, default=1, help="frames, of the tracked ones")
    options = parser.parse_args()
    every = []
    for sequence in (each for root in options.datasets for each in find_sequences(root)):
        pairs = noted(sequence, options.every)
        every.append(pairs)
        many = [each for each in pairs if min(map(len, each)) >= LEAST_FOR_CUT]
        least = min((staying(*each) for each in many), default=np.nan)
        x, y = evidence(sequence)
        print(
            f"| {sequence.name} | {x:.1f} / {y:.1f} | {least:.2f} of {len(many)} frames |",
            flush=True,
        )
    for low, high in CROWDS:
        shares = np.array(spliced(every, low, high))
        if len(shares):
            told = (shares <= MOST_FOR_CUT).mean()
            print(f"{low} to {high} people: {told:.2f} of {len(shares)} cuts told")


if __name__ == "__main__":
    main()
