r"""For how long nothing changes in the boxes of each track, by how much counts as a change.

    mambatrack track vtest.avi --detector yolox --weights yolox_nano.onnx --classes person \
      --tracker.lifeless_s 0 --mot vtest.txt
    python docs/experiments/unchanged_boxes.py --video vtest.avi --results vtest.txt
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mambatrack.appearance.lifeless import MOVED, patch_of, unlike
from mambatrack.boxes import iou, ltwh_to_xyxy
from mambatrack.datasets.mot_text import read_mot
from mambatrack.sources.frames import open_frames

LIMITS = (0.2, 0.3, 0.4, 0.5, 0.7)  # of unlike()


@dataclass
class Kept:
    """Of one track and one limit: since when, with which box and patch, and the longest time, s."""

    since: float
    box: np.ndarray
    patch: np.ndarray | None
    longest: float = 0.0

    def look(self, image: np.ndarray, box: np.ndarray, now: float, limit: float) -> None:
        at_its_place = iou(box[None], self.box[None])[0, 0] >= MOVED
        if at_its_place and unlike(patch_of(image, self.box), self.patch) < limit:
            self.longest = max(self.longest, now - self.since)
        else:
            self.since, self.box, self.patch = now, box, patch_of(image, box)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True, help="MOT text of the video")
    parser.add_argument("--least", type=float, default=1.0, help="seconds that are worth a row")
    options = parser.parse_args()
    rows = read_mot(options.results)
    frames, kept, scores = open_frames(str(options.video)), {}, {}
    for frame in frames:
        for _, identity, *box, score in rows[rows[:, 0] == frame.index + 1, :7]:
            box = ltwh_to_xyxy(np.array([box], np.float32))[0]
            scores.setdefault(int(identity), []).append(score)
            for limit in LIMITS:
                key = int(identity), limit
                if key not in kept:
                    kept[key] = Kept(frame.time_s, box, patch_of(frame.image, box))
                kept[key].look(frame.image, box, frame.time_s, limit)
    print(f"| track | boxes | mean score | {' | '.join(map(str, LIMITS))} |")
    for identity, told in scores.items():
        longest = [kept[identity, limit].longest for limit in LIMITS]
        if max(longest) >= options.least:
            cells = " | ".join(f"{each:.1f} s" for each in longest)
            print(f"| {identity} | {len(told)} | {np.mean(told):.2f} | {cells} |")


if __name__ == "__main__":
    main()
