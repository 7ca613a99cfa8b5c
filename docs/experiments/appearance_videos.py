r"""What an embedder costs and changes on videos without truth: crops, time and ids.

    python docs/experiments/appearance_videos.py --videos street_people.mp4 office_fisheye.mp4 \
      --detector yolox_nano.onnx --embedders off colour 0287.xml --cache cache/

Boxes of the detector are found once, and kept in --cache. Ids are those that were seen in at least
10 frames; hidden, the boxes of tracks that nobody sees.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

from appearance_vtest import boxes_of, configured

from mambatrack import Tracker, mot_writer, open_frames
from mambatrack.embedders.loading import open_embedder

LEAST = 10  # frames of an id that counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", required=True, nargs="+", type=Path)
    parser.add_argument("--detector", required=True)
    parser.add_argument("--embedders", nargs="+", default=["off", "colour"])
    parser.add_argument("--classes", default="person")
    parser.add_argument("--cache", required=True, type=Path)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    config = configured(options.detector, options.classes)
    for video in options.videos:
        boxes = boxes_of(video, config, options.cache / f"{video.stem}.npy")
        for name in options.embedders:
            told = tracked(video, boxes, config, name, options.cache / f"{video.stem}-{name[-8:]}")
            print(f"| {video.name} | {name} | {told} |", flush=True)


def tracked(video: Path, boxes: list, config, name: str, result: Path) -> str:
    """Ids, hidden boxes, milliseconds a frame and crops of one run; writes ``result``.txt."""
    embedder = None if name == "off" else open_embedder(name)
    spent, frames_of, hidden = 0.0, Counter[int](), 0
    with open_frames(video) as frames, mot_writer(result.with_suffix(".txt"), True) as writer:
        tracker = Tracker(config, image_size=frames.size, embedder=embedder)
        for frame in frames:
            found = boxes[frame.index] if frame.index < len(boxes) else None
            image = None if embedder is None else frame.image
            start = time.process_time()
            tracks = tracker.update(found, frame.time_s, image=image)
            spent += time.process_time() - start
            writer.write(tracks)
            frames_of.update(tracks.ids[tracks.observed].tolist())
            hidden += int(tracks.predicted.sum())
    ids = sum(count >= LEAST for count in frames_of.values())
    looked = tracker.appearance
    crops = f"{looked.crops} of {looked.boxes}" if looked else "none"
    return f"{ids} | {hidden} | {1000 * spent / max(tracks.frame, 1):.2f} | {crops}"


if __name__ == "__main__":
    main()
