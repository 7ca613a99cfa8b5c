"""What a comparison with other trackers found."""

from collections.abc import Mapping
from collections.abc import Sequence as Several
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mambatrack.datasets.sequences import Sequence
from mambatrack.evaluation.peers.process import Answer
from mambatrack.evaluation.scores import Score

OURS = "mambatrack mamba"  # what ratios are relative to
WARM_UP = 20  # first frames of a pass, not timed
SIZE = (1920, 1080)


@dataclass
class Peer:
    """One tracker's results. score: None without a data set; passes: of the timed runs."""

    version: str
    score: Score | None = None
    passes: list[Answer] = field(default_factory=list)


@dataclass(frozen=True)
class PeerReport:
    """peers by name; skipped: why others are not among them.

    frames: of each timed video by its number of objects, the first WARM_UP of them untimed
    dataset: the folder that was scored, if any, and its sequences
    foreign: packages that ran in an interpreter of their own
    """

    peers: dict[str, Peer]
    skipped: dict[str, str]
    frames: Mapping[int, int]
    dataset: Path | None
    sequences: Several[Sequence]
    foreign: tuple[str, ...]

    def milliseconds(self, name: str, objects: int) -> list[NDArray[np.float64]]:
        """CPU time of every timed update, an array for each pass."""
        index = list(self.frames).index(objects)
        return [each.milliseconds[index][WARM_UP:] for each in self.peers[name].passes]

    def ratio(self, name: str, objects: int) -> float:
        """Median over the passes of this tracker's median time by ours in the same pass."""
        own, ours = (
            [np.median(times) for times in self.milliseconds(each, objects)]
            for each in (name, OURS)
        )
        return float(np.median(np.divide(own, ours)))
