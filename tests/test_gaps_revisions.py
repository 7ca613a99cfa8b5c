import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import Tracker
from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.errors import MambatrackError
from mambatrack.gaps.filling import Filled
from mambatrack.gaps.revisions import DelayedTracks, Reviser, Revision
from mambatrack.outputs.lines import jsonl_revision
from mambatrack.tracks import Tracks, TrackState


class Line:
    """A filler that draws straight lines, and keeps what it was asked."""

    q = 3

    def __init__(self):
        self.asked = []

    def __call__(self, gaps):
        self.asked += gaps
        return [self._fill(gap) for gap in gaps]

    def _fill(self, gap):
        frames = np.arange(gap.before_frames[-1] + 1, gap.after_frames[0])
        share = (frames - gap.before_frames[-1]) / (gap.after_frames[0] - gap.before_frames[-1])
        boxes = gap.before[-1] + share[:, None] * (gap.after[0] - gap.before[-1])
        return Filled(frames, boxes.astype(np.float32), np.ones_like(boxes, np.float32))


def tracks_at(frame, boxes, gaps):
    """boxes {id: x of the left side}, gaps {id: frames unseen}, 0 where it is not named."""
    ids = np.array(sorted(boxes), np.int64)
    left = np.array([boxes[each] for each in ids.tolist()], np.float32)
    gap = np.array([gaps.get(each, 0) for each in ids.tolist()], np.int64)
    count = len(ids)
    return Tracks(
        frame,
        None,
        np.stack([left, 0 * left, left + 10, 0 * left + 20], axis=1),
        ids,
        np.ones(count, np.float32),
        np.zeros(count, np.int64),
        np.where(gap > 0, TrackState.PREDICTED, TrackState.OBSERVED).astype(np.uint8),
        gap,
        np.repeat(gap[:, None], 4, axis=1).astype(np.float32),
        np.where(gap > 0, -1, 0),
        np.zeros(0, np.int64),
    )


def video(seen, wrong=500.0):
    """One track whose left side is at 10 times the frame where it is seen [T], else at ``wrong``;
    it is alive from its first observation on."""
    frames, gap = [], 0
    for frame, there in enumerate(seen):
        gap = 0 if there else gap + 1
        frames.append(tracks_at(frame, {1: 10.0 * frame if there else wrong}, {1: gap}))
    return frames


def run(reviser, frames):
    """Revisions by the frame in which they came; those of the end under None."""
    found = {each.frame: revisions for each in frames if (revisions := reviser.update(each))}
    if left := reviser.finish():
        found[None] = left
    return found


@pytest.mark.parametrize("wait", [0, 1, 3])
def test_a_closed_gap_is_revised_after_the_wait(wait):
    frames = video([1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1])
    found = run(Reviser(wait, filler=Line()), frames)
    assert list(found) == [5 + wait]
    (revision,) = found[5 + wait]
    assert (revision.id, revision.gap, revision.frames.tolist()) == (1, 2, [3, 4])
    np.testing.assert_allclose(revision.boxes, [[30, 0, 40, 20], [40, 0, 50, 20]], atol=1e-4)


def test_the_filler_gets_the_last_observed_boxes_and_those_of_the_wait():
    line = Line()
    run(Reviser(2, filler=line), video([1, 1, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1]))
    first, second, third = line.asked
    assert first.before_frames.tolist() == [0, 1] and first.after_frames.tolist() == [3, 4, 5]
    # lost again within the wait: with what was there
    assert second.before_frames.tolist()[-3:] == [3, 4, 5] and second.after_frames.tolist() == [8]
    assert third.before_frames.tolist()[-3:] == [4, 5, 8]
    assert third.after_frames.tolist() == [10, 11, 12]


def test_a_track_that_ends_or_a_video_that_does_is_not_waited_for():
    frames = video([1, 1, 0, 1])
    assert list(run(Reviser(5, filler=Line()), frames)) == [None]
    gone = [*frames, tracks_at(4, {2: 0.0}, {})]
    assert list(run(Reviser(5, filler=Line()), gone)) == [4]


def test_no_gap_no_revision():
    assert run(Reviser(0, filler=Line()), video([1, 1, 1, 1])) == {}
    assert run(Reviser(0, filler=Line()), video([1, 1, 0, 0])) == {}


def test_callbacks_get_every_revision():
    heard = []
    found = run(Reviser(0, [heard.append], Line()), video([1, 0, 1, 0, 1]))
    assert heard == [each for revisions in found.values() for each in revisions]
    assert len(heard) == 2


def test_memory_does_not_grow_with_the_video():
    reviser = Reviser(2, filler=Line())
    for frame in range(300):
        boxes = {frame // 10 + 1: 0.0, frame // 10 + 2: 50.0}
        reviser.update(tracks_at(frame, boxes, {}))
    assert sum(each.size for each in vars(reviser).values() if hasattr(each, "size")) < 200


def test_frames_must_ascend_until_reset():
    reviser, frames = Reviser(filler=Line()), video([1, 0, 1])
    run(reviser, frames)
    with pytest.raises(MambatrackError, match="frame 0 comes after frame 2"):
        reviser.update(frames[0])
    reviser.reset()
    assert list(run(reviser, frames)) == [None]


@pytest.mark.parametrize("wrong", [lambda: Reviser(-1, filler=Line()), lambda: DelayedTracks(0)])
def test_unusable_settings(wrong):
    with pytest.raises(MambatrackError, match="expected a number of frames"):
        wrong()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=25), st.integers(0, 4))
def test_every_gap_is_revised_exactly_once(seen, wait):
    seen = [True, *seen]
    line = Line()
    found = run(Reviser(wait, filler=line), video(seen))
    revised = [f for each in found.values() for one in each for f in one.frames.tolist()]
    last = max(i for i, there in enumerate(seen) if there)
    assert revised == [i for i, there in enumerate(seen[:last]) if not there]
    for gap in line.asked:
        for frame, box in zip(gap.before_frames, gap.before, strict=True):
            assert seen[frame] and box[0] == 10 * frame + 5


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=25), st.integers(0, 4), st.integers(1, 8))
def test_delayed_tracks_are_all_there_and_short_gaps_are_filled(seen, wait, lag):
    frames = video([True, *seen])
    delayed = DelayedTracks(lag, Reviser(wait, filler=Line()))
    out = []
    for each in frames:
        for final in delayed.update(each):
            assert final.frame == each.frame - lag
            out.append(final)
    out += delayed.finish()
    assert [each.frame for each in out] == list(range(len(frames)))
    observed = [i for i, each in enumerate(frames) if each.gap[0] == 0]
    for before, after in zip(observed, observed[1:], strict=False):
        for frame in range(before + 1, after):
            filled = out[frame].boxes[0, 0] == pytest.approx(10 * frame, abs=1e-3)
            # a long gap may still be filled where the end of the video lets it wait
            assert filled if after - before - 1 <= lag else filled or out[frame] is frames[frame]
    for i in observed:
        assert out[i] is frames[i]


def test_a_gap_longer_than_the_lag_stays_as_predicted():
    frames = video([1, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    for lag, filled in ((3, False), (4, True)):
        delayed = DelayedTracks(lag, Reviser(2, filler=Line()))
        out = [final for each in frames for final in delayed.update(each)]
        assert [each.boxes[0, 0] == 500 for each in out[1:5]] == [not filled] * 4


def test_delayed_tracks_change_no_frame_that_they_were_given():
    frames = video([1, 0, 1, 1, 1])
    delayed = DelayedTracks(2, Reviser(0, filler=Line()))
    out = [final for each in frames for final in delayed.update(each)]
    assert frames[1].boxes[0, 0] == 500
    assert out[1].boxes[0, 0] == pytest.approx(10) and out[1].predicted.all()
    np.testing.assert_array_equal(out[1].spread, np.ones((1, 4)))
    with pytest.raises(ValueError, match="read-only"):
        out[1].boxes[0] = 0


def test_a_revision_as_json():
    boxes = np.array([[1, 2, 3, 4.00004]], np.float32)
    line = json.dumps(jsonl_revision(Revision(7, np.array([5]), boxes, boxes / 2)))
    assert json.loads(line) == {
        "revision": {
            "id": 7, "frames": [5], "boxes": [[1, 2, 3, 4]], "spread": [[0.5, 1, 1.5, 2]], "gap": 1,
        }
    }  # fmt: skip


def test_with_a_tracker_and_the_shipped_network():
    def seen(frame):
        return [[100 + 4.0 * frame, 100, 150 + 4.0 * frame, 220, 0.9]]

    tracker, revisions = Tracker(image_size=(960, 540)), []
    reviser = Reviser(on_revise=[revisions.append])
    for frame in range(40):
        reviser.update(tracker.update([] if 20 <= frame < 25 else seen(frame)))
    (revision,) = revisions
    assert revision.frames.tolist() == [20, 21, 22, 23, 24]
    true = np.array([seen(frame)[0][:4] for frame in revision.frames], np.float32)
    off = np.abs(xyxy_to_cxcywh(revision.boxes) - xyxy_to_cxcywh(true))
    assert off.max() < 5 and (revision.spread > 0).all()
