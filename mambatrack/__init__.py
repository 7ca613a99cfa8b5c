"""mambatrack: online multi-object tracking from boxes, with a bi-directional Mamba motion model.

>>> tracker = mambatrack.Tracker(image_size=(1920, 1080))
>>> tracks = tracker.update(detections)       # once per frame
>>> tracks.ids, tracks.boxes, tracks.state
"""

import importlib
from typing import TYPE_CHECKING, Any

from mambatrack.version import VERSION as __version__

if TYPE_CHECKING:
    from mambatrack.config import Config, load_config
    from mambatrack.datasets.sequences import find_sequences
    from mambatrack.detections import Detections, as_detections
    from mambatrack.detectors import open_detector
    from mambatrack.errors import MambatrackError
    from mambatrack.motion.loading import load_predictor
    from mambatrack.outputs.drawing.painter import Painter, draw
    from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
    from mambatrack.outputs.video import open_video_writer
    from mambatrack.sources.frames import Frame, FrameSource, open_frames
    from mambatrack.tracking.group import TrackerGroup
    from mambatrack.tracking.tracker import Tracker
    from mambatrack.tracks import Track, Tracks, TrackState

_HOME = {
    "Config": "config", "load_config": "config", "find_sequences": "datasets.sequences",
    "Detections": "detections", "as_detections": "detections", "open_detector": "detectors",
    "MambatrackError": "errors", "load_predictor": "motion.loading",
    "Painter": "outputs.drawing.painter", "draw": "outputs.drawing.painter",
    "csv_writer": "outputs.text",
    "jsonl_writer": "outputs.text", "mot_writer": "outputs.text",
    "open_video_writer": "outputs.video", "Frame": "sources.frames",
    "FrameSource": "sources.frames", "open_frames": "sources.frames",
    "TrackerGroup": "tracking.group", "Tracker": "tracking.tracker", "Track": "tracks",
    "Tracks": "tracks", "TrackState": "tracks",
}  # fmt: skip
__all__ = [
    "Config", "Detections", "Frame", "FrameSource", "MambatrackError", "Painter", "Track",
    "TrackState", "Tracker", "TrackerGroup", "Tracks", "__version__", "as_detections",
    "csv_writer", "draw", "find_sequences", "jsonl_writer", "load_config", "load_predictor",
    "mot_writer",
    "open_detector", "open_frames", "open_video_writer",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: importing the package stays cheap and torch-free."""
    if name not in _HOME:
        raise AttributeError(f"module 'mambatrack' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mambatrack.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names too, which an editor or a notebook completes."""
    return sorted({*globals(), *__all__})
