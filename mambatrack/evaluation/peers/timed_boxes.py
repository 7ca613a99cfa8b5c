"""What trackers are timed on: painted people who keep apart, painted ones who meet, real boxes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.detection_files import sequence_detections
from mambatrack.datasets.sequences import Sequence, find_sequences
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.peers.process import Video
from mambatrack.evaluation.peers.synthetic_boxes import meeting_boxes, moving_boxes
from mambatrack.evaluation.peers.worker import SCORE_FLOOR

WARM_UP = 20  # first frames of a video, not timed
APART, MEETING, REAL = "apart", "meeting", "real"
REAL_BOXES = "real boxes"

Frames = list[NDArray[np.float32]]


@dataclass(frozen=True)
class TimedBoxes:
    """name: what tables call them; kind: APART, MEETING or REAL

    videos: one after the other, a new tracker for each
    """

    name: str
    kind: str
    videos: tuple[Video, ...]

    @property
    def frames(self) -> int:
        """Of all videos, the warm-up included."""
        return sum(each.frames for each in self.videos)

    @property
    def people(self) -> float:
        """Boxes of a frame, on average."""
        return sum(len(each.detections) for each in self.videos) / self.frames


def apart(objects: int, frames: int, seed: int = 0) -> TimedBoxes:
    """Painted boxes that move straight on and seldom meet."""
    video = moving_boxes(objects, frames, seed)
    return TimedBoxes(f"{objects} objects", APART, (video,))


def meeting(people: int, frames: int, seed: int = 0) -> TimedBoxes:
    """Dancers of the synthetic world, in groups of about 10 who cross each other."""
    video = meeting_boxes(people, frames, seed)
    return TimedBoxes(f"{people} who meet", MEETING, (video,))


def real(dataset: str | Path, frames: int) -> TimedBoxes:
    """The first ``frames`` frames of every sequence with detections.

    Raises MambatrackError where there is none of more than WARM_UP frames.
    """
    long_enough = [
        _beginning(recorded(each), frames)
        for each in find_sequences(dataset)
        if each.det_path is not None and each.frames > WARM_UP
    ]
    if not any(len(each.detections) for each in long_enough):
        raise MambatrackError(
            f"no sequence in {dataset} has a det/det.txt with boxes and more than {WARM_UP} frames"
        )
    return TimedBoxes(REAL_BOXES, REAL, tuple(long_enough))


def recorded(sequence: Sequence) -> Video:
    """The detections of a sequence that are given to trackers."""
    found = sequence_detections(sequence)
    frame = found.frame - sequence.start
    rows = np.column_stack([frame, found.boxes, found.scores])[found.scores >= SCORE_FLOOR]
    return Video(sequence.frames, sequence.image_size, rows[np.argsort(rows[:, 0], kind="stable")])


def _beginning(video: Video, frames: int) -> Video:
    rows = video.detections[video.detections[:, 0] <= frames]
    return Video(min(video.frames, frames), video.size, rows)


def by_frame(video: Video) -> Frames:
    """Rows [N, 5] of x1, y1, x2, y2 and score for each frame."""
    starts = np.searchsorted(video.detections[:, 0], np.arange(2, video.frames + 1))
    return np.split(video.detections[:, 1:].astype(np.float32), starts)
