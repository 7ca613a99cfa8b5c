"""An embedder that fails: tracking goes on without it, which is counted and said once."""

import warnings

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.appearance.appearance import MOST_FAULTS, checked_embedder
from mambatrack.appearance.embedder import Embeddings
from mambatrack.embedders.loading import open_embedder
from painted import meeting

FRAMES = list(meeting())


class Failing:
    """Gives what ``answer`` makes of the number of boxes."""

    name, size = "failing", 4

    def __init__(self, answer):
        self.answer, self.calls = answer, 0

    def __call__(self, image, boxes):
        self.calls += 1
        return self.answer(len(boxes))


def tracks_of(embedder, images=True):
    tracker = Tracker(image_size=(640, 360), embedder=embedder)
    results = [
        tracker.update(boxes, image=picture if images else None) for picture, boxes, _ in FRAMES
    ]
    return tracker, results


def assert_alike(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one.ids, other.ids) and np.array_equal(one.boxes, other.boxes)


ANSWERS = {
    "of another number": lambda n: Embeddings(np.zeros((n + 1, 4), np.float32), np.ones(n, bool)),
    "of another width": lambda n: Embeddings(np.zeros((n, 5), np.float32), np.ones(n, bool)),
    "not finite": lambda n: Embeddings(np.full((n, 4), np.nan, np.float32), np.ones(n, bool)),
    "not of length 1": lambda n: Embeddings(np.full((n, 4), 1e20, np.float32), np.ones(n, bool)),
    "zeros": lambda n: Embeddings(np.zeros((n, 4), np.float32), np.ones(n, bool)),
    "no pair": lambda n: None,
    "no numbers": lambda n: Embeddings(np.full((n, 4), "a"), np.ones(n, bool)),
    "a division": lambda n: 1 / 0,
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_tracking_goes_on_without(kind):
    embedder = Failing(ANSWERS[kind])
    with pytest.warns(UserWarning, match="the embedder failing failed") as told:
        tracker, results = tracks_of(embedder)
    assert sum("the embedder failing failed" in str(each.message) for each in told) == 1
    assert tracker.appearance.faults == embedder.calls == MOST_FAULTS
    assert tracker.appearance.gave_up and "failed in 10 frames" in str(tracker.appearance)
    assert_alike(results, tracks_of(None)[1])


def test_one_bad_frame_is_not_the_end():
    answers = iter([ANSWERS["not finite"]])
    good = lambda n: Embeddings(np.eye(n, 4, dtype=np.float32), np.ones(n, bool))  # noqa: E731
    embedder = Failing(lambda n: next(answers, good)(n))
    with pytest.warns(UserWarning, match="not finite"):
        tracker, _ = tracks_of(embedder)
    assert tracker.appearance.faults == 1 and embedder.calls > MOST_FAULTS


@pytest.mark.parametrize("images", [True, False])
def test_without_pictures_or_embedder_nothing_changes(images):
    plain = tracks_of(None, images)[1]
    assert_alike(plain, tracks_of(None, False)[1])
    tracker, results = tracks_of(open_embedder("colour"), False)
    assert_alike(plain, results)
    assert tracker.appearance.boxes == tracker.appearance.crops == 0


def test_a_picture_that_is_none_is_a_fault():
    tracker = Tracker(embedder=open_embedder("colour"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(3):
            tracker.update([[0, 0, 40, 100]], image=np.zeros((200, 200, 3)))
    assert len(told) == 1 and "expected a numpy array" in str(told[0].message)


def test_boxes_of_a_larger_picture_than_the_one_looked_at_are_told_once():
    tracker = Tracker(embedder=open_embedder("colour"))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(60):
            tracker.update([[300, 300, 340, 400]], image=np.zeros((200, 200, 3), np.uint8))
    assert ["is it a smaller copy" in str(each.message) for each in told] == [True]


def test_no_box_no_share():
    assert str(Tracker(embedder=open_embedder("colour")).appearance) == ""


@pytest.mark.parametrize("embedder", ["colour", object(), type("E", (), {"size": 0})])
def test_no_embedder(embedder):
    with pytest.raises(
        MambatrackError, match=r"the embedder is .*; expected mambatrack.open_embedder"
    ):
        checked_embedder(embedder)


def test_an_association_without_log_odds():
    with pytest.raises(MambatrackError, match="not to the scores of overlap, which are none"):
        Tracker(association="overlap", embedder=open_embedder("colour"))
