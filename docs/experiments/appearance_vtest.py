"""What an embedder adds to the tracker on OpenCV's vtest.avi, whose truth is that of PETS09-S2L1.

python docs/experiments/appearance_vtest.py --video vtest.avi --truth pets09/PETS09-S2L1 \
    --detectors motion own own:640 yolox_nano.onnx bytetrack_nano.onnx \
    --embedders off colour 0287.xml --runs 5

Boxes of each detector are found once, and kept in --cache; behind a colon is its detector.side.
HOTA and the others are TrackEval's. Of several --runs they are means, of the settings as they are
and of others that differ a little (jittered.py, seed 0, the same draws in all rows), and behind +-
is the standard deviation of HOTA.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from jittered import jittered

from mambatrack import (
    Tracker,
    load_config,
    mot_writer,
    open_detector,
    open_frames,
    open_sequence,
    score,
)
from mambatrack.appearance.lifeless import Lifeless
from mambatrack.embedders.loading import open_embedder

PERSON = "person"


def configured(detector, classes=PERSON):
    """The settings for a detector's name or file, and the side of its pictures behind a colon."""
    name, _, side = detector.partition(":")
    given = {"detector.weights" if name.endswith(".onnx") else "detector.name": name}
    if side:
        given["detector.side"] = side
    if name != "motion":
        given["detector.classes"] = classes
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
        lifeless = Lifeless((PERSON,), config.tracker.lifeless_s)
        for frame in frames:
            found = boxes[frame.index] if frame.index < len(boxes) else None
            began = time.process_time()
            tracks = tracker.update(found, frame.time_s, image=frame.image)
            tracks = lifeless.mark(frame.image, tracks)
            spent += time.process_time() - began
            ids.update(tracks.ids[tracks.observed].tolist())
            writer.write(tracks)
    told = "" if tracker.appearance is None else str(tracker.appearance)
    return 1000 * spent / max(tracker.frame, 1), len(ids), told


def measured(sequence, video, boxes, config, name, runs, folder):
    """One row of the table, after the names."""
    rng, rows = np.random.default_rng(0), []
    for run in range(runs):
        settings = jittered(config.tracker, rng) if run else config.tracker
        embedder = None if name == "off" else open_embedder(name)
        result = folder / f"{sequence.name}.txt"
        drawn = replace(config, tracker=settings)
        spent, ids, told = tracked(video, boxes, drawn, embedder, result)
        of = score([sequence], folder).combined
        rows.append([of.HOTA, of.AssA, of.IDF1, of.MOTA, of.IDSW, ids, spent])
    (hota, assa, idf1, mota, switches, ids, spent), spread = np.mean(rows, 0), np.std(rows, 0)[0]
    spread = f" +- {spread:.1f}" if runs > 1 else ""
    figures = f"{hota:.1f}{spread} | {assa:.1f} | {idf1:.1f} | {mota:.1f} | {switches:.0f}"
    return f"{figures} | {ids:.0f} | {spent:.2f} | {told}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--video", type=Path, required=True)
    parser.add_argument("--truth", type=Path, required=True)
    parser.add_argument("--detectors", nargs="+", default=["motion"])
    parser.add_argument("--embedders", nargs="+", default=["off", "colour"])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--lifeless", type=float, default=5.0, help="tracker.lifeless_s")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sequence = open_sequence(options.truth)
    print("detector | embedder | HOTA | AssA | IDF1 | MOTA | IDSW | ids | ms a frame | crops")
    for detector in options.detectors:
        config, name = configured(detector), Path(detector).name.replace(".onnx", "")
        config = replace(config, tracker=replace(config.tracker, lifeless_s=options.lifeless))
        kept = options.cache / f"{options.video.stem}-{name.replace(':', '-')}.npy"
        boxes = boxes_of(options.video, config, kept)
        for embedder in options.embedders:
            given = sequence, options.video, boxes, config, embedder, options.runs
            with tempfile.TemporaryDirectory() as folder:
                row = measured(*given, Path(folder))
            print(f"{name} | {Path(embedder).stem} | {row}", flush=True)


if __name__ == "__main__":
    main()
