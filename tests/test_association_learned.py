"""The learned association: features, network in torch and in numpy, recordings, training."""

import numpy as np

from association_models import Kept, committee, learned, network, track_with, world
from mambatrack import Tracker, load_config


def test_a_committee_of_one_network_twice_decides_as_it_does():
    alone, twice = (track_with(each, world()) for each in (learned(network(1)), committee([1, 1])))
    for one, two in zip(alone, twice, strict=True):
        assert one.ids.tolist() == two.ids.tolist() and np.array_equal(one.boxes, two.boxes)


def test_scores_do_not_depend_on_the_order_of_detections_or_tracks():
    frames = world(30)
    forward = track_with(learned(network(), birth_odds=-20.0), frames)
    backward = track_with(
        learned(network(), birth_odds=-20.0),
        [np.column_stack([f.boxes, f.scores])[::-1] for f in frames],
    )
    assert [len(each) for each in forward] == [len(each) for each in backward]
    for ours, theirs in zip(forward, backward, strict=True):
        order = np.lexsort(ours.boxes.T), np.lexsort(theirs.boxes.T)
        np.testing.assert_allclose(ours.boxes[order[0]], theirs.boxes[order[1]], atol=1e-2)


def test_scale_does_not_matter():
    frames = world(30)
    double = [np.column_stack([2 * f.boxes, f.scores]) for f in frames]
    kept, scaled = Kept(), Kept()
    for association, given_frames in ((kept, frames), (scaled, double)):
        config = load_config(None, {"tracker.predictor": "still"})
        tracker = Tracker(config, association=association)
        for each in given_frames:
            tracker.update(each)
    for ours, theirs in zip(kept.given, scaled.given, strict=True):
        np.testing.assert_allclose(ours.features, theirs.features, atol=1e-3)


def test_no_tracks_or_no_detections_have_no_pairs():
    association = learned(network(), birth_odds=-20.0)
    tracks = track_with(association, [None, world(1)[0], None, np.zeros((0, 5))])
    assert len(tracks[0]) == 0 and len(tracks[1]) > 0
    assert (tracks[3].gap == 2).all()


def test_another_class_is_never_matched_where_classes_count():
    box = [[100, 100, 140, 220, 0.9, 0.0]]
    changed = [[100, 100, 140, 220, 0.9, 1.0]]
    for aware, ids in ((False, 1), (True, 2)):
        association = learned(network(), match_odds=-20.0, birth_odds=-20.0, class_aware=aware)
        tracks = track_with(association, [box, box, changed])
        assert tracks[-1].ids.max() == ids
