"""Times of trackers compared within each pass."""

import numpy as np
import pytest

from mambatrack.evaluation.peers.process import Answer, Video
from mambatrack.evaluation.peers.results import OURS, Peer, PeerReport
from mambatrack.evaluation.peers.timed_boxes import WARM_UP, TimedBoxes


def answer(times) -> Answer:
    spent = np.concatenate([np.full(WARM_UP, 1000.0), times])
    return Answer(0.25, 64.0, [np.zeros((0, 6))], [spent])


def timed(name, *frames) -> TimedBoxes:
    """Videos of so many timed frames, in which nobody is."""
    videos = [Video(WARM_UP + each, (640, 480), np.zeros((0, 6))) for each in frames]
    return TimedBoxes(name, "real", tuple(videos))


def report(dataset=None, **changes) -> PeerReport:
    """Ours takes 2 and 4 ms, norfair 1 and 8 ms, in two passes of three frames."""
    peers = {
        OURS: Peer("1.0", None, [answer([2, 2, 9]), answer([4, 4, 4])]),
        "norfair": Peer("2.3.0", None, [answer([1, 1, 1]), answer([8, 8, 8])]),
    }
    values = {"skipped": {}, "sequences": (), "foreign": ("norfair",)}
    return PeerReport(
        peers, dataset=dataset, timed=[timed("5 objects", 3)], **{**values, **changes}
    )


def test_ratio_compares_within_a_pass():
    assert report().ratio("norfair", "5 objects") == pytest.approx((1 / 2 + 8 / 4) / 2)
    assert np.concatenate(report().milliseconds(OURS, "5 objects")).tolist() == [2, 2, 9, 4, 4, 4]


def test_the_videos_of_one_name_are_joined():
    spent = [answer(times).milliseconds[0] for times in ([5], [1, 2], [3])]
    peers = {OURS: Peer("1.0", None, [Answer(0.25, 64.0, [], spent)])}
    boxes = timed("5 objects", 1), timed("real boxes", 2, 1)
    found = PeerReport(peers, {}, boxes, None, (), ())
    assert found.milliseconds(OURS, "real boxes")[0].tolist() == [1, 2, 3]
    assert found.milliseconds(OURS, "5 objects")[0].tolist() == [5]
