"""Tracks of single frames, put together by hand, and the writers of result files."""

import numpy as np

from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
from mambatrack.tracks import Tracks, TrackState

OBSERVED, PREDICTED, TENTATIVE = TrackState.OBSERVED, TrackState.PREDICTED, TrackState.TENTATIVE
WRITERS = {"mot": mot_writer, "jsonl": jsonl_writer, "csv": csv_writer}


def make_tracks(frame=0, boxes=((10, 20, 40, 80),), state=None, time_s=None, **columns):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(boxes)
    state = np.array([OBSERVED] * count if state is None else state, np.uint8)
    values = {
        "ids": np.arange(1, count + 1),
        "scores": np.full(count, 0.875, np.float32),
        "labels": np.zeros(count, np.int64),
        "gap": np.where(state == PREDICTED, 7, 0),
        "spread": np.zeros((count, 4), np.float32),
        "det_ind": np.arange(count),
        "ended": np.zeros(0, np.int64),
        **columns,
    }
    return Tracks(frame, time_s, boxes, state=state, **values)
