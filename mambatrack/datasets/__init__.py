"""Sequences in MOT layout: folders, ground truth, detections, and matching boxes to the truth.

What reads them is handed on: ``from mambatrack.datasets import find_sequences``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mambatrack.datasets.sequences import (
        Sequence,
        Trajectories,
        find_detected_sequences,
        find_sequences,
        open_sequence,
        read_trajectories,
        second_half,
        select_split,
    )
    from mambatrack.datasets.truth import GroundTruth, read_ground_truth, tracklets

__all__ = [
    "GroundTruth", "Sequence", "Trajectories", "find_detected_sequences", "find_sequences",
    "open_sequence", "read_ground_truth", "read_trajectories", "second_half", "select_split",
    "tracklets",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Loads the modules with the first of these names."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mambatrack.datasets import sequences, truth

    return getattr(sequences if hasattr(sequences, name) else truth, name)
