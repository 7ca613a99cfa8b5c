r"""Sequences for training out of detections without truth: the tracks of the offline tracker, which
sees the whole sequence, stand for it.

    python docs/experiments/pseudo_truth.py --detections test_detections/ --out pseudo/

A track is cut where it is not sure who goes on (``--caution``); false starts of few frames are left
out. Nothing else is known of a sequence, so its rate is DanceTrack's (20) and its size 1920 x 1080,
or 1280 x 720 where no box ends beyond that.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from mambatrack.config import load_config
from mambatrack.datasets.detection_files import read_detections
from mambatrack.datasets.matching import detection_rows, rows_by_frame
from mambatrack.datasets.truth import GroundTruth
from mambatrack.simulation.simulate import _write_truth
from mambatrack.tracking.offline import track_offline
from mambatrack.tracks import TrackState

SIZES = (1280, 720), (1920, 1080)
RATE = 20.0
LEAST = 10  # detections of a track


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detections", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--caution", default="0")
    options = parser.parse_args()
    settings = load_config(None, {"tracker.offline": "true", "tracker.caution": options.caution})
    for file in sorted(options.detections.glob("*.txt")):
        found = detection_rows(read_detections(file))
        arrays = np.column_stack([found.boxes, found.scores])
        frames = np.arange(1, int(found.frame.max()) + 1)
        inside = (found.boxes[:, 2:] <= SIZES[0]).mean() > 0.999
        size = SIZES[0] if inside else SIZES[1]
        times = ((frames - 1) / RATE).tolist()
        given = [arrays[rows] for rows in rows_by_frame(found.frame, frames)]
        tracks = track_offline(given, settings, size, times)
        write(options.out / file.stem, file, size, truth_of(tracks))
        print(file.stem, len(frames), flush=True)


def truth_of(tracks: list) -> GroundTruth:
    """What was observed of each track that is long enough."""
    seen = [each[each.state == TrackState.OBSERVED] for each in tracks]
    frame = np.repeat(np.arange(1, len(seen) + 1), [len(each) for each in seen])
    ids = np.concatenate([each.ids for each in seen])
    boxes = np.concatenate([each.boxes for each in seen])
    kept = np.bincount(ids)[ids] >= LEAST
    return GroundTruth(frame[kept], ids[kept], boxes[kept], np.ones(int(kept.sum())))


def write(folder: Path, file: Path, size: tuple[int, int], truth: GroundTruth) -> None:
    for name in ("gt", "det"):
        (folder / name).mkdir(parents=True)
    _write_truth(folder / "gt/gt.txt", truth)
    shutil.copy(file, folder / "det/det.txt")
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={RATE:g}\n"
        f"seqLength={int(truth.frame.max())}\nimWidth={size[0]}\nimHeight={size[1]}\nimExt=.jpg\n"
    )


if __name__ == "__main__":
    main()
