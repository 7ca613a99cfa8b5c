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
    from mambatrack.detections import Detections
    from mambatrack.errors import MambatrackError
    from mambatrack.motion.loading import load_predictor
    from mambatrack.sources.frames import Frame, open_frames
    from mambatrack.tracking.tracker import Tracker
    from mambatrack.tracks import Tracks, TrackState

_HOME = {
    "Config": "config", "load_config": "config", "Detections": "detections",
    "MambatrackError": "errors", "Frame": "sources.frames", "open_frames": "sources.frames",
    "load_predictor": "motion.loading", "Tracker": "tracking.tracker", "Tracks": "tracks",
    "TrackState": "tracks",
}  # fmt: skip
__all__ = [
    "Config", "Detections", "Frame", "MambatrackError", "TrackState", "Tracker", "Tracks",
    "__version__", "load_config", "load_predictor", "open_frames",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: importing the package stays cheap and torch-free."""
    if name not in _HOME:
        raise AttributeError(f"module 'mambatrack' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mambatrack.{_HOME[name]}"), name)
