"""Boxes for the frames between those that were tracked, as after --stride 5.

A tool that shows every frame of the video shows a box in every 5th one only, or ends the track at
each of them.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from mambatrack.result_files.read_results import PER_BOX, Recording


def fill_between(recording: Recording) -> Recording:
    """The recording with a box in every frame from each tracked one to the next, on the straight
    line, wherever both have a box of the track. It counts as seen where both were."""
    tracks = [_filled(track) for _, track in recording.by_track()]
    if not tracks:
        return recording
    columns = {name: np.concatenate([getattr(track, name) for track in tracks]) for name in PER_BOX}
    order = np.lexsort((columns["id"], columns["frame"]))
    every: dict[str, Any] = {name: column[order] for name, column in columns.items()}
    return replace(recording, **every, tracked=np.arange(recording.frames))


def _filled(track: Recording) -> Recording:
    """One track, its rows by frame."""
    steps = np.where(track.breaks(), 1, np.diff(track.frame))
    if (steps <= 1).all():
        return track
    steps = np.append(steps, 1)
    row = np.repeat(np.arange(len(track)), steps)
    after = np.minimum(row + 1, len(track) - 1)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(steps) - steps, steps)
    share = (ahead / steps[row])[:, None]
    return replace(
        track.select(row),
        frame=track.frame[row] + ahead,
        boxes=track.boxes[row] + share * (track.boxes[after] - track.boxes[row]),
        seen=track.seen[row] & (track.seen[after] | (ahead == 0)),
    )
