"""Online multi-object tracking from boxes, with Mamba networks that know how people move and who
is who.

>>> tracker = mambatrack.Tracker(image_size=(1920, 1080))
>>> tracks = tracker.update(detections)       # once per frame
>>> tracks.ids, tracks.boxes, tracks.state

Frames come from open_frames, boxes from open_detector or any other detector, settings from
load_config. TrackerGroup and LiveSession track several sources, track_offline decides after the
last frame. mot_writer, jsonl_writer, csv_writer and draw put tracks out; score compares them with
the truth. Each loads what it needs when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mambatrack.version import VERSION as __version__

if TYPE_CHECKING:
    from mambatrack.boxes import iou
    from mambatrack.config import Config, DetectorConfig, DrawingConfig, TrackerConfig, load_config
    from mambatrack.datasets.sequences import (
        Sequence,
        find_sequences,
        open_sequence,
        read_trajectories,
    )
    from mambatrack.datasets.truth import read_ground_truth
    from mambatrack.detections import Detections, as_detections
    from mambatrack.detectors import open_detector
    from mambatrack.embedders.loading import open_embedder
    from mambatrack.errors import MambatrackError
    from mambatrack.evaluation.scores import Summary, match_events, score, summary
    from mambatrack.live.session import LiveSession
    from mambatrack.live.source import LiveSource
    from mambatrack.live.updates import LiveUpdate, SourceStatus
    from mambatrack.live.web.server import WebObserver, serve
    from mambatrack.motion.loading import load_predictor
    from mambatrack.outputs.drawing.painter import Painter, draw
    from mambatrack.outputs.text import csv_writer, jsonl_writer, mot_writer
    from mambatrack.outputs.video import open_video_writer
    from mambatrack.simulation.world import World, make_world, simulate, write_sequence
    from mambatrack.sources.frames import Frame, FrameSource, open_frames
    from mambatrack.tracking.group import TrackerGroup
    from mambatrack.tracking.offline import track_offline
    from mambatrack.tracking.state_file import StateFile
    from mambatrack.tracking.tracker import Tracker
    from mambatrack.tracks import Track, Tracks, TrackState

_NAMES = {
    "boxes": ("iou",),
    "config": ("Config", "DetectorConfig", "DrawingConfig", "TrackerConfig", "load_config"),
    "datasets.sequences": ("Sequence", "find_sequences", "open_sequence", "read_trajectories"),
    "datasets.truth": ("read_ground_truth",),
    "detections": ("Detections", "as_detections"),
    "detectors": ("open_detector",),
    "embedders.loading": ("open_embedder",),
    "errors": ("MambatrackError",),
    "evaluation.scores": ("Summary", "match_events", "score", "summary"),
    "live.session": ("LiveSession",),
    "live.source": ("LiveSource",),
    "live.updates": ("LiveUpdate", "SourceStatus"),
    "live.web.server": ("WebObserver", "serve"),
    "motion.loading": ("load_predictor",),
    "outputs.drawing.painter": ("Painter", "draw"),
    "outputs.text": ("csv_writer", "jsonl_writer", "mot_writer"),
    "outputs.video": ("open_video_writer",),
    "simulation.world": ("World", "make_world", "simulate", "write_sequence"),
    "sources.frames": ("Frame", "FrameSource", "open_frames"),
    "tracking.group": ("TrackerGroup",),
    "tracking.offline": ("track_offline",),
    "tracking.state_file": ("StateFile",),
    "tracking.tracker": ("Tracker",),
    "tracks": ("Track", "TrackState", "Tracks"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = [
    "Config", "Detections", "DetectorConfig", "DrawingConfig", "Frame", "FrameSource",
    "LiveSession", "LiveSource", "LiveUpdate", "MambatrackError", "Painter", "Sequence",
    "SourceStatus", "StateFile", "Summary", "Track", "TrackState", "Tracker", "TrackerConfig",
    "TrackerGroup", "Tracks", "WebObserver", "World", "__version__", "as_detections",
    "csv_writer", "draw", "find_sequences", "iou", "jsonl_writer", "load_config",
    "load_predictor", "make_world", "match_events", "mot_writer", "open_detector", "open_embedder",
    "open_frames", "open_sequence", "open_video_writer", "read_ground_truth", "read_trajectories",
    "score", "serve", "simulate", "summary", "track_offline", "write_sequence",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: importing the package stays cheap and torch-free."""
    if name not in _HOME:
        raise AttributeError(f"module 'mambatrack' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mambatrack.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    """The public names too, which an editor or a notebook completes."""
    return sorted({*globals(), *__all__})
