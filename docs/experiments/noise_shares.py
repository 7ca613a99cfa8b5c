r"""How much of what surprises the tracker is the detector's noise, of each sequence.

    python docs/experiments/noise_shares.py --dataset data/mot15/train

Prints what track_noise.py knows at the end of each 20th frame, in the mean over those frames and
the four coordinates: the least share of noise in a surprise, which says whether boxes are steadied,
the standard deviations of noise and of surprises in box sizes, the share that is taken off, how
much the motion model is surprised against the filter beside it, and the filter's share.
"""

import argparse

import numpy as np

from mambatrack import Tracker
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.evaluate import scored_sequences
from mambatrack.track_noise import jitter


def told(sequence: Sequence) -> list[tuple[float, ...]]:
    found, tracker, rows = sequence_detections(sequence), Tracker(), []
    for frame in range(1, int(found.frame.max()) + 1):
        own = found.frame == frame
        tracker.update(np.column_stack([found.boxes[own], found.scores[own]]))
        sums = tracker.state.hypotheses.table.noise
        if frame % 20 or sums is None or not sums[0, 0]:
            continue
        count, one, two, surprise, alone, beside = sums
        least = np.clip(np.minimum(two, -one / 4) / surprise, 0, 1)
        noise, whole = np.maximum((two - one) / 5, 0) / count, surprise / count
        fits, by = alone[:2].sum() / beside[:2].sum(), jitter(sums)
        each = least, np.sqrt(noise), np.sqrt(whole), by.share, fits, by.filtered
        rows.append(tuple(float(np.mean(values)) for values in each))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dataset", required=True)
    options = parser.parse_args()
    print("sequence: least share, noise, surprise, taken off, against the filter's, filter's share")
    for sequence in scored_sequences(options.dataset):
        means = np.mean(told(sequence), axis=0)
        print(f"{sequence.name}:", " ".join(f"{value:.3f}" for value in means), flush=True)


if __name__ == "__main__":
    main()
