"""Windows of true boxes, and the errors that are put on them."""

import numpy as np
import pytest

from mambatrack import MambatrackError
from mambatrack.boxes import cxcywh_to_xyxy, iou
from mambatrack.datasets.people import in_model_frames, read_people
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.motion_windows import WindowSampler, detector_errors
from worlds import write_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


def sampler(data, **changes):
    people = [read_people(each) for each in find_sequences(data)]
    return WindowSampler(people, **({"q": 10, "rollout": 4} | changes))


def test_windows_are_the_ground_truth_in_order(data):
    drawn = sampler(data, truncated=0.0).batch(np.random.default_rng(0), 64)
    assert drawn.history.shape == (64, 11, 4) and drawn.future.shape == (64, 4, 4)
    people = [read_people(each) for each in find_sequences(data)]
    known = {tuple(np.round(box, 3)) for each in people for box in each.boxes.reshape(-1, 4)}
    mirror = np.array([-1, 1, 1, 1], np.float32)
    for row in range(64):
        track = np.concatenate([drawn.history[row, 11 - drawn.counts[row] :], drawn.future[row]])
        ways = [{tuple(np.round(box, 3)) for box in each} for each in (track, track * mirror)]
        assert ways[0] <= known or ways[1] <= known
        steps = iou(cxcywh_to_xyxy(track[:-1]), cxcywh_to_xyxy(track[1:]))
        assert np.diag(steps).min() > 0.3
    assert np.isfinite(drawn.history).all() and np.isfinite(drawn.future).all()
    assert drawn.counts.min() >= 1 and drawn.counts.max() == 11


@pytest.mark.parametrize("detected", [False, True])
def test_only_pictures_are_seen_where_the_model_has_frames_between_them(data, detected):
    people = [in_model_frames(read_people(each, detected), 3) for each in find_sequences(data)]
    drawn = WindowSampler(people, 10, 4, truncated=0.0).batch(np.random.default_rng(0), 64)
    assert drawn.seen[:, -1].all() and not drawn.seen[:, [-2, -3, -5, -6]].any()
    assert drawn.seen[:, -4].mean() > 0.5 and np.isfinite(drawn.future).all()
    to_the_next = np.diff(drawn.future[:, :3], axis=1)  # picture, in a straight line
    np.testing.assert_allclose(to_the_next[:, 0], to_the_next[:, 1], atol=1e-3)


def test_rivals_are_the_others_in_the_frames_ahead(data):
    drawn = sampler(data, crossings=1.0).batch(np.random.default_rng(1), 32)
    assert drawn.rivals.shape == (32, 4, 6, 4)
    own = np.abs(drawn.rivals - drawn.future[:, :, None]).sum(-1)
    assert not (own < 1e-3).any()
    assert (~np.isnan(drawn.rivals[..., 0])).any(axis=(1, 2)).mean() > 0.8


def test_errors_are_read_from_detections_and_put_on_windows(data):
    runs = [run for each in find_sequences(data) for run in detector_errors(each)]
    assert runs and all(run.shape[1] == 4 and np.isfinite(run).all() for run in runs)
    assert 0.003 < np.concatenate(runs).std() < 0.3
    clean = sampler(data).batch(np.random.default_rng(2), 16)
    noisy = sampler(data, errors=[np.full((40, 4), 0.5, np.float32)]).batch(
        np.random.default_rng(2), 16
    )
    np.testing.assert_allclose(noisy.future[..., 2:], 1.5 * clean.future[..., 2:], rtol=1e-5)
    with pytest.raises(MambatrackError, match="15 frames long"):
        sampler(data, errors=[np.zeros((5, 4), np.float32)])


def test_gaps_lie_between_the_first_and_the_newest_box(data):
    plain, holed = (
        sampler(data, gaps=share).batch(np.random.default_rng(4), 200) for share in (0.0, 1.0)
    )
    known = np.arange(10, -1, -1) < plain.counts[:, None]
    np.testing.assert_array_equal(plain.seen, known)
    known = np.arange(10, -1, -1) < holed.counts[:, None]
    rows = np.arange(200)
    assert holed.seen[rows, 11 - holed.counts].all() and holed.seen[:, -1].all()
    assert not (holed.seen & ~known).any()
    missing = (known & ~holed.seen).sum(1)
    assert (missing[holed.counts > 2] > 0).all() and missing.max() > 5
    unbroken = np.abs(np.diff((holed.seen | ~known).astype(int), axis=1)).sum(1)
    assert unbroken.max() <= 2
