"""The cue in the tracker: whose crops are looked at, what is kept of them and where it is saved."""

import numpy as np
import pytest

from mambatrack import MambatrackError, Tracker, TrackerGroup
from mambatrack.appearance.looks import Looks
from mambatrack.appearance.view import REFRESH
from mambatrack.embedders.colour import colour_embedder
from mambatrack.embedders.crop_embedder import CropEmbedder
from mambatrack.tracking.state_file import StateFile
from painted import SIZE, ids_of, meeting

COLOUR = colour_embedder()
FRAMES = list(meeting())


def tracker_of(embedder=COLOUR):
    return Tracker(image_size=SIZE, embedder=embedder)


def run(tracker, frames):
    return [tracker.update(boxes, image=picture) for picture, boxes, _ in frames]


def assert_alike(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        for name in ("ids", "boxes", "state", "det_ind"):
            assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_few_boxes_are_looked_at():
    tracker = tracker_of()
    run(tracker, FRAMES)
    appearance = tracker.appearance
    assert appearance.boxes == sum(len(boxes) for _, boxes, _ in FRAMES)
    assert 0 < appearance.crops < appearance.boxes / 3
    assert str(appearance).startswith(f"colour looked at {appearance.crops} of")


def test_a_track_that_nothing_disturbs_is_looked_at_now_and_then():
    tracker, picture = tracker_of(), FRAMES[0][0]
    for _ in range(5 * REFRESH):
        tracker.update([[130, 120, 170, 240]], image=picture)
    looks = Looks(tracker.state.hypotheses.table)
    assert tracker.appearance.crops == looks.counts[0] == 5 + (5 * REFRESH - 6) // REFRESH
    red, _ = COLOUR(picture, np.array([[130, 120, 170, 240]]))
    assert looks.means[0] @ red[0] == pytest.approx(1, abs=1e-5)


def test_clothes_are_remembered_by_track():
    tracker = tracker_of()
    results = run(tracker, FRAMES[:30])
    own, (picture, boxes, seen) = ids_of(results[-1], [0, 1]), FRAMES[29]
    vectors, table = COLOUR(picture, boxes).vectors, tracker.state.hypotheses.table
    alike = Looks(table).means @ vectors.T
    rows = [table["ids"].tolist().index(own[who]) for who in seen.tolist()]
    assert (np.diag(alike[rows]) > 0.95).all() and (alike[rows[::-1]].diagonal() < 0.2).all()


@pytest.mark.parametrize("cut", [3, 37, 45, 60])
def test_a_saved_tracker_goes_on(tmp_path, cut):
    whole, saved, resumed = tracker_of(), tracker_of(), tracker_of()
    run(whole, FRAMES[:cut])
    run(saved, FRAMES[:cut])
    saved.save(tmp_path / "state.npz")
    resumed.load(tmp_path / "state.npz")
    assert_alike(run(whole, FRAMES[cut:]), run(resumed, FRAMES[cut:]))
    ours, theirs = whole.state_dict(), resumed.state_dict()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_a_state_is_of_one_embedder():
    mean = CropEmbedder("mean", lambda crops: crops.mean(axis=(1, 2)), (8, 16))
    tracker = tracker_of(mean)
    run(tracker, FRAMES[:10])
    with pytest.raises(MambatrackError, match="of embedder 'mean of 3 numbers', not 'colour"):
        tracker_of().load_state_dict(tracker.state_dict())


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [("tracks.looks", (0, 0), 9.0), ("tracks.looks", (0, -1), 0.5),
     ("tracks.looks", (0, 3), np.nan), ("similarities", (0, 0), -1.0),
     ("similarities", (1, 1), 3.0), ("similarities", (0, 2), np.inf)],
)  # fmt: skip
def test_a_damaged_state_is_refused(name, place, value):
    tracker = tracker_of()
    run(tracker, FRAMES[:10])
    state = tracker.state_dict()
    state[name][place] = value
    with pytest.raises(MambatrackError, match="this state does not fit"):
        tracker.load_state_dict(state)


def test_a_group_does_what_trackers_do_alone():
    others = list(meeting(back=False, seed=1))
    group = TrackerGroup(count=2, embedder=COLOUR)
    for index in range(2):
        group.resize(index, SIZE)
    together = [
        group.update({0: (a[1], None), 1: (b[1], None)}, images={0: a[0], 1: b[0]})
        for a, b in zip(FRAMES, others, strict=True)
    ]
    for index, frames in enumerate((FRAMES, others)):
        alone = tracker_of()
        assert_alike([each[index] for each in together], run(alone, frames))
        assert alone.appearance.crops == group.trackers[index].appearance.crops


def test_several_hypotheses_have_looks_of_their_own():
    tracker, tables = tracker_of(), 0
    for picture, boxes, _ in FRAMES:
        tracker.update(boxes, image=picture)
        several = tracker.state.hypotheses.tables
        tables = max(tables, len(several))
        assert not any(np.shares_memory(several[0]["looks"], each["looks"]) for each in several[1:])
    assert tables > 1


def test_state_files_keep_embeddings(tmp_path):
    tracker = tracker_of()
    run(tracker, FRAMES[:10])
    file = StateFile(tmp_path / "state.npz")
    file.save({"a": tracker.state_dict()})
    assert np.array_equal(file.load()["a"]["tracks.looks"], tracker.state.hypotheses.table["looks"])
