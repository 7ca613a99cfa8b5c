"""Times of trackers compared within each pass."""

import numpy as np
import pytest

from mambatrack.evaluation.peers.process import Answer
from mambatrack.evaluation.peers.results import OURS, WARM_UP, Peer, PeerReport


def answer(times) -> Answer:
    spent = np.concatenate([np.full(WARM_UP, 1000.0), times])
    return Answer(0.25, 64.0, [np.zeros((0, 6))], [spent])


def report(dataset=None, **changes) -> PeerReport:
    """Ours takes 2 and 4 ms, norfair 1 and 8 ms, in two passes of three frames."""
    peers = {
        OURS: Peer("1.0", None, [answer([2, 2, 9]), answer([4, 4, 4])]),
        "norfair": Peer("2.3.0", None, [answer([1, 1, 1]), answer([8, 8, 8])]),
    }
    values = {"skipped": {}, "frames": {5: WARM_UP + 3}, "sequences": (), "foreign": ("norfair",)}
    return PeerReport(peers, dataset=dataset, **{**values, **changes})


def test_ratio_compares_within_a_pass():
    assert report().ratio("norfair", 5) == pytest.approx((1 / 2 + 8 / 4) / 2)
    assert np.concatenate(report().milliseconds(OURS, 5)).tolist() == [2, 2, 9, 4, 4, 4]
