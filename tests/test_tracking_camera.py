"""What a tracker does with the transforms that it is told."""

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker
from mambatrack.camera.transforms import CUT
from mambatrack.gaps.revisions import DelayedTracks
from mambatrack.motion.classical import StillPredictor
from mambatrack.motion.predictor import Predictor
from mambatrack.simulation.world import make_world
from mambatrack.tracking.group import TrackerGroup
from mambatrack.tracking.offline import track_offline

RIGHT = [[1, 0, 50], [0, 1, 0]]
PREDICTORS = ("mamba", "kalman", "velocity", "still", "mamba-window")


def walker(x, y=100.0):
    return [x, y, x + 40, y + 120, 0.9]


def walked(frames=20, **settings):
    """A tracker that saw one person walk to the right, 3 pixels a frame."""
    tracker = Tracker(**settings)
    for step in range(frames):
        tracker.update([walker(200 + 3.0 * step)])
    return tracker


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_lost_track_stays_where_it_is_in_the_scene(predictor):
    pans, stands = walked(predictor=predictor), walked(predictor=predictor)
    for step in range(1, 6):
        seen, expected = pans.update(None, camera=RIGHT), stands.update()
        shifted = expected.boxes + [50 * step, 0, 50 * step, 0]
        assert seen.boxes == pytest.approx(shifted, abs=0.05)
        assert seen.spread == pytest.approx(expected.spread, rel=1e-3)


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_over_a_cut_a_lost_track_waits_in_place(predictor):
    tracker = walked(predictor=predictor)
    before = tracker.update([walker(260)])
    tracks = tracker.update(None, camera=CUT)
    for _ in range(10):
        tracks = tracker.update()
    assert tracks.ids.tolist() == before.ids.tolist()
    assert tracks.boxes == pytest.approx(before.boxes, abs=4)


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("size", [(480, 270), (1920, 1080), (854, 480)])
def test_tracks_go_on_in_pictures_of_another_size(predictor, size):
    tracker, other = (walked(predictor=predictor, image_size=(960, 540)) for _ in range(2))
    tracker.image_size = size
    scale = np.tile(np.array(size) / (960, 540), 2)
    expected = other.update().boxes * scale
    assert tracker.update().boxes == pytest.approx(expected, rel=1e-2, abs=0.5)
    seen = np.append(np.array(walker(263)[:4]) * scale, 0.9)
    assert tracker.update([seen]).ids.tolist() == [1]


def test_a_picture_of_another_shape_shows_another_view():
    tracker, other = (walked(image_size=(960, 540)) for _ in range(2))
    standing = walked(image_size=(960, 540), predictor=Standing())
    tracker.image_size, standing.image_size = (540, 960), (480, 270)
    assert (tracker.update().boxes == other.update().boxes).all()
    assert standing.update().boxes[0] == pytest.approx(walker(257)[:4])


def test_what_was_used_is_part_of_the_result():
    tracker = Tracker()
    assert tracker.update([walker(0)]).camera is None
    tracks = tracker.update([walker(50)], camera=RIGHT)
    assert tracks.camera.transform[0, 2] == 50 and tracks.camera.certainty == 1
    assert tracks[tracks.observed].camera is tracks.camera


@pytest.mark.parametrize("bad", [np.zeros((2, 3)), np.eye(2), np.full((3, 3), np.nan)])
def test_after_a_bad_transform_the_tracker_is_as_it_was(bad):
    tracker, other = walked(), walked()
    with pytest.raises(MambatrackError, match="transform"):
        tracker.update([walker(260)], camera=bad)
    assert tracker.frame == other.frame
    a, b = tracker.update([walker(260)]), other.update([walker(260)])
    assert (a.boxes == b.boxes).all() and (a.spread == b.spread).all()


class Standing(StillPredictor):
    """As predictors of users are that know nothing of cameras."""

    move = Predictor.move


@pytest.mark.parametrize("settings", [{}, {"camera": "boxes"}])
def test_a_predictor_that_cannot_move_is_refused_before_anything_changes(settings):
    tracker = Tracker(predictor=Standing(), **settings)
    camera = None if settings else RIGHT
    with pytest.raises(MambatrackError, match=r"Standing has no move\(state, transform\)"):
        tracker.update([walker(0)], time_s=7.0, camera=camera)
    assert tracker.frame == 0 and tracker.clock is None
    assert len(Tracker(predictor=Standing()).update([walker(0)])) == 1


def test_a_state_is_loaded_and_moved_on():
    tracker, other = walked(), Tracker()
    other.load_state_dict(tracker.state_dict())
    results = [each.update([walker(310)], camera=RIGHT) for each in (tracker, other)]
    assert (results[0].ids == results[1].ids).all() and results[0].camera is not None


def test_a_group_is_told_of_each_camera():
    group, alone = TrackerGroup(count=2), Tracker()
    for step in range(5):
        group.update({0: ([walker(3.0 * step)], None), 1: ([walker(3.0 * step)], None)})
        alone.update([walker(3.0 * step)])
    both = group.update({0: (None, None), 1: (None, None)}, {1: RIGHT})
    assert both[0].camera is None and both[1].camera is not None
    assert both[1].boxes == pytest.approx(alone.update(None, camera=RIGHT).boxes, abs=1e-3)


def test_offline_tracking_is_told_too_in_both_directions():
    """The camera jumps by more than a person is wide, with people hidden for a while."""
    world = make_world(seed=4, people=4, frames=60, size=(640, 360))
    jumps = np.where(np.arange(60) % 10 == 5, 300.0, 0.0)
    shifts = np.cumsum(jumps)
    found = []
    for frame, shift in enumerate(shifts):
        boxes = world.detections(frame).boxes + [shift, 0, shift, 0]
        found.append(np.column_stack([boxes, world.detections(frame).scores]))
    cameras = [[[1, 0, jump], [0, 1, 0]] for jump in jumps]
    still = track_offline([world.detections(frame) for frame in range(60)])
    told = track_offline(found, cameras=cameras)
    assert [each.ids.tolist() for each in still] == [each.ids.tolist() for each in told]
    with pytest.raises(MambatrackError, match="60 frames have 59 transforms"):
        track_offline(found, cameras=cameras[1:])


@pytest.mark.parametrize("lag", [0, 15])
def test_a_gap_is_filled_where_the_track_was_in_the_scene(lag):
    """One stands still, hidden for ten frames, while the camera pans there and back again: offline
    (no lag), and for the frames that are put out late."""
    pan = np.concatenate([np.zeros(10), np.full(5, 20.0), np.full(5, -20.0), np.zeros(10)])
    shift = np.cumsum(pan)
    found = [[] if 10 <= at < 20 else [walker(200 + shift[at])] for at in range(30)]
    cameras = [[[1, 0, each], [0, 1, 0]] for each in pan]
    tracks = track_offline(found, cameras=cameras)
    if lag:
        tracker, late = Tracker(predictor="still"), DelayedTracks(lag)
        tracks = [each for rows, camera in zip(found, cameras, strict=True)
                  for each in late.update(tracker.update(rows, camera=camera))]  # fmt: skip
        tracks += late.finish()
    lefts = [each.boxes[0, 0] for each in tracks]
    assert lefts == pytest.approx((200 + shift).tolist(), abs=2)
    assert max(abs(each.boxes[0, 0] - 200) for each in track_offline(found)) < 5


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_a_camera_moves_where_nobody_is(predictor):
    tracker = Tracker(predictor=predictor)
    assert len(tracker.update(camera=RIGHT)) == 0
    tracker.by_step = True
    assert len(tracker.update(camera=RIGHT)) == 0
    assert len(tracker.update([walker(0)], camera=RIGHT)) == 1
