r"""Training data of many worlds: the same true tracks before cameras that move, at lower frame
rates, seen by good and by weak detectors. All detections but those of MOT17 are simulated.

    python docs/experiments/varied_worlds.py halves --dataset data/mot17/train --out mot17-first/
    python docs/experiments/varied_worlds.py halves --second --dataset data/mot17/train --out later/
    python docs/experiments/varied_worlds.py perfect --dataset data/sportsmot/train --out perfect/
    mambatrack simulate --walkers 40 --like weak/ --out walkers-weak/ --seed 1
    python docs/experiments/varied_worlds.py vary --dataset data/dancetrack/train --good tuning/ \
      --weak weak/ --out dancers-varied/ --plain 0.2
    python docs/experiments/varied_worlds.py rescore --dataset dancers-varied/seen

``weak`` is a folder of links to sequences of weak detectors. ``--plain`` is the share of sequences
that stay as they are; of the others the camera, its view and the frame rate are drawn. ``perfect``:
of every third sequence the true boxes are the detections.
"""

import argparse
from pathlib import Path

import numpy as np

from mambatrack.boxes import area, clip, cxcywh_to_xyxy, xyxy_to_cxcywh
from mambatrack.camera.transforms import moved_boxes
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Sequence, find_sequences, open_sequence
from mambatrack.datasets.truth import GroundTruth, read_ground_truth
from mambatrack.simulation.error_runs import measure_runs
from mambatrack.simulation.moving_camera import camera_views
from mambatrack.simulation.simulate import (
    Playback,
    _generator,
    _write_truth,
    measurable_sequences,
    write_simulated,
)

CAMERAS = ("stand", "pan", "tilt", "zoom", "shake", "walk", "vehicle")
EVERY = (1, 1, 2, 3, 4)  # frames
LEAST_INSIDE = 0.3  # of a box, in the picture
SHARE = 0.6, 0.9  # of the world's sides that the camera sees
POWERS, LOW, HIGH = (-0.9, 0.9), (0.0, 0.25), (0.75, 1.0)  # of scores on another scale


def write_info(folder: Path, sequence: Sequence, size: tuple[int, int], frames: int) -> None:
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={sequence.fps:g}\n"
        f"seqLength={frames}\nimWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\n"
    )


def filmed(sequence: Sequence, folder: Path, rng: np.random.Generator) -> Sequence:
    """The true tracks of a sequence as a camera that moves shows them."""
    truth, (width, height) = read_ground_truth(sequence), sequence.image_size
    share, kind = rng.uniform(*SHARE), str(rng.choice(CAMERAS))
    size = int(width * share), int(height * share)
    seed = int(rng.integers(2**31))
    views = camera_views(kind, sequence.frames, (width, height), size, sequence.fps, seed)
    boxes = xyxy_to_cxcywh(truth.boxes).astype(np.float32)
    place = truth.frame - sequence.start - 1
    for frame in np.unique(place):
        rows = place == frame
        boxes[rows], _ = moved_boxes(views[frame], boxes[rows])
    whole = cxcywh_to_xyxy(boxes)
    inside = clip(whole, size)
    kept = area(inside) >= LEAST_INSIDE * area(whole)
    seen = GroundTruth(place[kept] + 1, truth.id[kept], inside[kept], truth.visibility[kept])
    (folder / "gt").mkdir(parents=True)
    _write_truth(folder / "gt/gt.txt", seen)
    write_info(folder, sequence, size, sequence.frames)
    return open_sequence(folder)


def vary(options: argparse.Namespace) -> None:
    banks = [measure_runs(measurable_sequences(each)) for each in (options.good, options.weak)]
    for sequence in find_sequences(options.dataset):
        rng = _generator(options.seed, sequence.name)
        played, bank, playback = sequence, banks[0], Playback()
        if rng.random() >= options.plain:
            played = filmed(sequence, options.out / "truth" / sequence.name, rng)
            bank = banks[int(rng.random() < options.weak_share)]
            playback = Playback(every=int(rng.choice(EVERY)))
        write_simulated([played], bank, options.out / "seen", options.seed, playback=playback)


def halves(options: argparse.Namespace) -> None:
    """One half of each sequence, with the detections that it has."""
    for sequence in find_sequences(options.dataset):
        folder, middle = options.out / sequence.name, sequence.frames // 2
        first, last = (middle, sequence.frames) if options.second else (0, middle)
        for path in (sequence.gt_path, sequence.det_path):
            assert path is not None
            target = folder / path.parent.name / path.name
            target.parent.mkdir(parents=True)
            rows = read_mot(path)
            rows = rows[(rows[:, 0] > first) & (rows[:, 0] <= last)]
            rows[:, 0] -= first
            np.savetxt(target, rows, "%.9g", ",")
        write_info(folder, sequence, sequence.image_size, last - first)


def perfect(options: argparse.Namespace) -> None:
    """Every third sequence, with its true boxes as detections, all of score 1."""
    for sequence in find_sequences(options.dataset)[::3]:
        truth, folder = read_ground_truth(sequence), options.out / sequence.name
        for name in ("gt", "det"):
            (folder / name).mkdir(parents=True)
        _write_truth(folder / "gt/gt.txt", truth)
        count, sizes = len(truth.frame), truth.boxes[:, 2:] - truth.boxes[:, :2]
        rows = (truth.frame, np.full(count, -1), truth.boxes[:, :2], sizes, np.ones(count))
        np.savetxt(folder / "det/det.txt", np.column_stack(rows), "%.9g", ",")
        write_info(folder, sequence, sequence.image_size, sequence.frames)


def rescore(options: argparse.Namespace) -> None:
    """In half of the sequences the detector says its scores on another scale, a + (b - a) s^c."""
    for sequence in find_sequences(options.dataset):
        rng = _generator(options.seed, sequence.name)
        if rng.random() < 0.5 or sequence.det_path is None:
            continue
        rows = read_mot(sequence.det_path)
        power, low, high = np.exp(rng.uniform(*POWERS)), rng.uniform(*LOW), rng.uniform(*HIGH)
        rows[:, 6] = low + (high - low) * rows[:, 6].clip(0, 1) ** power
        np.savetxt(sequence.det_path, rows, "%.6g", ",")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("vary", "rescore", "halves", "perfect"))
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--second", action="store_true", help="the second halves")
    parser.add_argument("--good")
    parser.add_argument("--weak")
    parser.add_argument("--weak-share", type=float, default=0.5)
    parser.add_argument("--plain", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tasks = {"vary": vary, "rescore": rescore, "halves": halves, "perfect": perfect}
    tasks[options.what](options)


if __name__ == "__main__":
    main()
