"""Forecasts of the motion model, of the filter beside it, and of both by the filter's share, each
against the truth some frames later.

python docs/experiments/filtered_forecasts.py --dataset data/mot15/train
"""

import argparse

import numpy as np

from mambatrack import Tracker
from mambatrack.boxes import cxcywh_to_xyxy, iou, xyxy_to_cxcywh
from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import find_detected_sequences
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.motion.forecast import forecast
from mambatrack.track_noise import jitter
from mambatrack.track_table import FILTER

AHEAD = (1, 5, 10)  # frames
EVERY, FIRST = 3, 20  # frames between forecasts; before the first one
SAME = 0.5  # IoU of a track and the true box that it is of
KINDS = ("model", "filter", "both")


def forecasts(tracker):
    """name -> boxes [M, max(AHEAD), 4] cxcywh of the live tracks, ids ascending."""
    table = tracker.state.hypotheses.table
    ids = tracker.state.shown(table["ids"])
    order = ids.argsort()
    model, _ = forecast(tracker.predictor, table["motion"][order], max(AHEAD))
    beside, _ = forecast(FILTER, table["filter"][order], max(AHEAD))
    share = np.float32(jitter(table.noise).filtered)
    return dict(zip(KINDS, (model, beside, model + share * (beside - model)), strict=True))


def measured(sequence, predictor):
    """(kind, frames ahead, distance of the centres in heights, IoU) of each forecast."""
    found, truth = sequence_detections(sequence), read_ground_truth(sequence)
    tracker = Tracker(predictor=predictor)
    for frame in range(1, sequence.length + 1):
        rows = found.select(found.frame == frame)
        tracks = tracker.update(np.column_stack([rows.boxes, rows.scores]))
        own = np.flatnonzero(truth.frame == frame)
        if frame < FIRST or frame % EVERY or not len(own) or not len(tracks):
            continue
        shared = iou(tracks.boxes, truth.boxes[own].astype(np.float32))
        shared[~tracks.observed] = 0
        ahead, true = forecasts(tracker), shared.argmax(axis=1)
        for row in np.flatnonzero(shared.max(axis=1) >= SAME):
            path = truth.id == truth.id[own[true[row]]]
            for step in AHEAD:
                later = path & (truth.frame == frame + step)
                for box in truth.boxes[later].astype(np.float32):
                    place = xyxy_to_cxcywh(box[None])[0]
                    for kind, boxes in ahead.items():
                        there = boxes[row, step - 1]
                        off = np.hypot(*(there - place)[:2]) / place[3]
                        yield kind, step, off, iou(cxcywh_to_xyxy(there[None]), box[None])[0, 0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--predictor", default="mamba-window")
    options = parser.parse_args()
    sequences = find_detected_sequences([options.dataset])
    rows = [row for each in sequences for row in measured(each, options.predictor)]
    print("kind | frames ahead | forecasts | off, in heights | IoU")
    for kind in KINDS:
        for step in AHEAD:
            own = np.array([row[2:] for row in rows if row[:2] == (kind, step)])
            print(f"{kind} | {step} | {len(own)} | {own[:, 0].mean():.4f} | {own[:, 1].mean():.4f}")


if __name__ == "__main__":
    main()
