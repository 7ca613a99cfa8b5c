"""What an embedder adds to the tracker on OpenCV's vtest.avi, whose truth is that of PETS09-S2L1.

python docs/experiments/appearance_vtest.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --detectors motion yolox_nano.onnx bytetrack_nano.onnx --embedders off colour 0287.xml

Boxes of each detector are found once, and kept in --cache. HOTA and the others are TrackEval's.
"""

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from mambatrack import (
    Tracker,
    load_config,
    mot_writer,
    open_detector,
    open_frames,
    open_sequence,
    score,
)
from mambatrack.embedders.loading import open_embedder

PERSON = "person"


def configured(detector):
    """The settings for a detector's name or file."""
    given = {"detector.weights": detector} if detector.endswith(".onnx") else {}
    given = given or {"detector.name": detector}
    if detector != "motion":
        given["detector.classes"] = PERSON
    return load_config(overrides=given)


def boxes_of(video, config, kept):
    """For each frame rows [N, 6], from the file ``kept`` where it is there."""
    if not kept.exists():
        detect, rows = open_detector(config.detector), []
        with open_frames(video) as frames:
            for frame in frames:
                found = detect(frame.image, frame.index)
                index = np.full(len(found), frame.index)
                rows.append(np.column_stack([index, found.boxes, found.scores, found.labels]))
        np.save(kept, np.concatenate(rows))
    table = np.load(kept)
    return [table[table[:, 0] == index, 1:] for index in range(int(table[:, 0].max()) + 1)]


def tracked(video, boxes, config, embedder, result, memory=None):
    """Writes the result -> (milliseconds of tracking a frame, ids, what the embedder did)."""
    spent, ids = 0.0, set()
    with open_frames(video) as frames, mot_writer(result, True) as writer:
        tracker = Tracker(config, image_size=frames.size, embedder=embedder, memory=memory)
        for frame in frames:
            found = boxes[frame.index] if frame.index < len(boxes) else None
            began = time.process_time()
            tracks = tracker.update(found, frame.time_s, image=frame.image)
            spent += time.process_time() - began
            ids.update(tracks.ids[tracks.observed].tolist())
            writer.write(tracks)
    told = "" if tracker.appearance is None else str(tracker.appearance)
    return 1000 * spent / max(tracker.frame, 1), len(ids), told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--detectors", nargs="+", default=["motion"])
    parser.add_argument("--embedders", nargs="+", default=["off", "colour"])
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sequence = open_sequence(options.truth)
    print("detector | embedder | HOTA | AssA | IDF1 | MOTA | IDSW | ids | ms a frame | crops")
    for detector in options.detectors:
        config = configured(detector)
        kept = options.cache / f"{options.video.stem}-{Path(detector).stem}.npy"
        boxes = boxes_of(options.video, config, kept)
        for name in options.embedders:
            embedder = None if name == "off" else open_embedder(name)
            result = options.cache / f"{sequence.name}.txt"
            spent, ids, told = tracked(options.video, boxes, config, embedder, result)
            of = score([sequence], options.cache).combined
            figures = f"{of.HOTA:.1f} | {of.AssA:.1f} | {of.IDF1:.1f} | {of.MOTA:.1f} | {of.IDSW}"
            row = [Path(detector).stem, Path(name).stem, figures, str(ids), f"{spent:.2f}", told]
            print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main()
