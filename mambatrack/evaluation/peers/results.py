"""What a comparison with other trackers found."""

from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.peers.process import Answer
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, TimedBoxes
from mambatrack.evaluation.scores import Score

OURS = "mambatrack mamba-window"  # what ratios are relative to


@dataclass
class Peer:
    """One tracker's results. score: None without a data set; passes: of the timed runs."""

    version: str
    score: Score | None = None
    passes: list[Answer] = field(default_factory=list)


@dataclass(frozen=True)
class PeerReport:
    """peers by name; skipped: why others are not among them.

    timed: the boxes on which time was taken, of each video the first WARM_UP frames untimed
    dataset: the folder that was scored, if any, and its sequences
    foreign: packages that ran in an interpreter of their own
    """

    peers: dict[str, Peer]
    skipped: dict[str, str]
    timed: Several[TimedBoxes]
    dataset: Path | None
    sequences: Several[Sequence]
    foreign: tuple[str, ...]

    def milliseconds(self, name: str, boxes: str) -> list[NDArray[np.float64]]:
        """CPU time of every timed update on the boxes of this name, an array for each pass."""
        names = [each.name for each in self.timed for _ in each.videos]
        places = [place for place, own in enumerate(names) if own == boxes]
        return [
            np.concatenate([each.milliseconds[place][WARM_UP:] for place in places])
            for each in self.peers[name].passes
        ]

    def ratio(self, name: str, boxes: str, of: str = OURS) -> float:
        """Median over the passes of this tracker's median time by that of ``of`` in the same
        pass."""
        own, others = (
            [np.median(times) for times in self.milliseconds(each, boxes)] for each in (name, of)
        )
        return float(np.median(np.divide(own, others)))
