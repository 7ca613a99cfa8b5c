"""The synthetic world: seeded, plausible, endless."""

import gc
import itertools
import tracemalloc

import numpy as np
import pytest

from mambatrack.boxes import iou
from mambatrack.errors import MambatrackError
from mambatrack.simulation.world import make_world, simulate, write_sequence

SMALL = (320, 180)


@pytest.fixture(scope="module")
def world():
    return make_world(seed=3, frames=500)


def table(frame):
    return np.column_stack([frame.ids, frame.boxes, frame.visibility])


def test_the_seed_decides_everything():
    first, same, other = (make_world(seed, frames=40, size=SMALL) for seed in (5, 5, 6))
    for a, b in zip(first.frames, same.frames, strict=True):
        np.testing.assert_array_equal(table(a), table(b))
        np.testing.assert_array_equal(a.detections.boxes, b.detections.boxes)
    np.testing.assert_array_equal(first.render(39), same.render(39))
    assert table(first.frames[0]).tolist() != table(other.frames[0]).tolist()
    assert (first.render(0) != other.render(0)).any()


def test_the_bulk_world_is_the_endless_one_cut_off():
    bulk = make_world(seed=8, frames=30, size=SMALL)
    for stored, streamed in zip(bulk.frames, simulate(seed=8, size=SMALL), strict=False):
        np.testing.assert_array_equal(table(stored), table(streamed))


def test_detector_noise_does_not_change_the_truth():
    clean = make_world(seed=2, frames=60, noise=0.0)
    noisy = make_world(seed=2, frames=60, noise=2.0)
    for a, b in zip(clean.frames, noisy.frames, strict=True):
        np.testing.assert_array_equal(table(a), table(b))


def test_without_noise_the_visible_are_reported_exactly():
    for frame in make_world(seed=2, frames=60, noise=0.0).frames:
        seen = frame.visibility > 0
        overlap = iou(frame.boxes[seen], frame.detections.boxes)
        assert len(frame.detections) == seen.sum()
        assert (overlap.max(axis=1) > 0.999).all()


def test_truth_is_well_formed(world):
    for frame in world.frames:
        assert (np.diff(frame.ids) > 0).all() and (frame.ids >= 1).all()
        assert (frame.boxes[:, 2:] > frame.boxes[:, :2]).all()
        assert (frame.boxes >= 0).all() and (frame.boxes <= [960, 540, 960, 540]).all()
        assert ((frame.visibility >= 0) & (frame.visibility <= 1)).all()
        assert frame.time_s == frame.index / 25


def test_people_come_and_go_around_the_typical_number(world):
    present = [len(frame.ids) for frame in world.frames]
    ids = set(np.concatenate([frame.ids for frame in world.frames]).tolist())
    assert 6 <= np.mean(present) <= 9
    assert len(ids) > 10
    gone = ids - set(world.frames[-1].ids.tolist())
    assert gone, "nobody ever left"


def test_people_do_not_teleport(world):
    for before, after in itertools.pairwise(world.frames):
        _, old, new = np.intersect1d(before.ids, after.ids, return_indices=True)
        size = before.boxes[old, 3] - before.boxes[old, 1]
        step = np.abs(after.boxes[new] - before.boxes[old]).max(axis=1)
        assert (step < 0.5 * size).all()


def test_people_turn_stop_cross_and_change_size(world):
    tracks: dict[int, list] = {}
    for frame in world.frames:
        for identity, box in zip(frame.ids.tolist(), frame.boxes, strict=True):
            tracks.setdefault(identity, []).append(box)
    longest = np.array(max(tracks.values(), key=len), np.float64)
    speed = np.diff(longest[:, 0] + longest[:, 2]) / 2
    assert speed.max() > 2 and speed.min() < -2 and (np.abs(speed) < 0.3).any()
    height = longest[:, 3] - longest[:, 1]
    assert height.max() > 1.3 * height.min()
    crossings = sum((np.triu(iou(f.boxes, f.boxes), 1) > 0.3).sum() for f in world.frames)
    assert crossings > 300


def test_occlusions_last_5_to_40_frames(world):
    """Runs of frames in which less than a quarter of a person is seen, however covered."""
    runs, hidden = [], {}
    for frame in world.frames:
        for identity, seen in zip(frame.ids.tolist(), frame.visibility, strict=True):
            if seen < 0.25:
                hidden[identity] = hidden.get(identity, 0) + 1
            elif identity in hidden:
                runs.append(hidden.pop(identity))
    within = [run for run in runs if 5 <= run <= 40]
    assert len(within) >= 10
    assert np.mean(np.array(runs) <= 40) > 0.85


def test_pillars_hide_people_and_a_world_without_them_hides_fewer():
    hidden = [
        np.concatenate([f.visibility for f in make_world(4, 3, 400, pillars=count).frames]) < 0.3
        for count in (0, 3)
    ]
    assert hidden[1].mean() > 1.5 * hidden[0].mean() + 0.02


def test_misses_low_scores_and_errors_grow_with_occlusion(world):
    seen, overlap, scores = [], [], []
    for frame in world.frames:
        shared = iou(frame.boxes, frame.detections.boxes)
        for row in np.flatnonzero(frame.visibility > 0.12):
            best = shared[row].argmax() if len(frame.detections) else -1
            seen.append(frame.visibility[row])
            overlap.append(shared[row, best] if best >= 0 else 0)
            scores.append(frame.detections.scores[best] if best >= 0 else 0)
    seen, overlap, scores = map(np.array, (seen, overlap, scores))
    bins = [(seen < 0.4), (seen >= 0.4) & (seen < 0.8), (seen >= 0.8)]
    missed = [np.mean(overlap[part] < 0.5) for part in bins]
    assert missed[0] > 2 * missed[1] > 2 * missed[2] > 0
    assert missed[2] < 0.05
    quality = [np.median(overlap[part & (overlap >= 0.5)]) for part in bins]
    trust = [np.median(scores[part & (overlap >= 0.5)]) for part in bins]
    assert quality == sorted(quality) and quality[2] > 0.9
    assert trust == sorted(trust) and trust[2] > 0.85


def test_localisation_errors_last_from_frame_to_frame(world):
    errors: dict[int, list] = {}
    for frame in world.frames:
        shared = iou(frame.boxes, frame.detections.boxes)
        for row in np.flatnonzero((frame.visibility > 0.95) & (shared.max(axis=1) > 0.8)):
            found = frame.detections.boxes[shared[row].argmax()]
            width = frame.boxes[row, 2] - frame.boxes[row, 0]
            offset = (found[0] + found[2] - frame.boxes[row, 0] - frame.boxes[row, 2]) / width
            errors.setdefault(int(frame.ids[row]), []).append((frame.index, offset))
    pairs = [
        (a[1], b[1])
        for run in errors.values()
        for a, b in itertools.pairwise(run)
        if b[0] == a[0] + 1
    ]
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.5


def test_false_positives_appear_with_low_scores(world):
    extra = []
    for frame in world.frames:
        shared = iou(frame.detections.boxes, frame.boxes)
        extra += frame.detections.scores[shared.max(axis=1, initial=0) < 0.3].tolist()
    assert 0.05 < len(extra) / len(world) < 0.5
    assert max(extra) <= 0.7 and min(extra) >= 0.1


def test_an_empty_world_is_fine():
    frame = next(itertools.islice(simulate(people=0, pillars=0, noise=0, size=SMALL), 5, None))
    assert len(frame.ids) == 0 and frame.boxes.shape == (0, 4) and len(frame.detections) == 0
    assert frame.render().shape == (180, 320, 3)


@pytest.mark.parametrize(
    "wrong", [{"people": -1}, {"fps": 0}, {"size": (10, 10)}, {"noise": -1}, {"pillars": -1}]
)
def test_impossible_worlds_are_refused(wrong):
    with pytest.raises(MambatrackError, match="no world"):
        next(simulate(**wrong))


def test_memory_stays_flat():
    world = simulate(seed=1, people=12, size=SMALL)
    list(itertools.islice(world, 100))
    tracemalloc.start()
    try:
        for frame in itertools.islice(world, 50):
            frame.render()
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        for _ in itertools.islice(world, 300):
            pass
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 50_000


def test_a_sequence_in_mot_layout(tmp_path):
    folder = write_sequence(tmp_path / "walk", seed=4, frames=30, size=SMALL, images=True)
    world = make_world(seed=4, frames=30, size=SMALL)
    truth = np.loadtxt(folder / "gt" / "gt.txt", delimiter=",")
    expected = np.concatenate(
        [np.column_stack([np.full(len(f.ids), f.index + 1), table(f)]) for f in world.frames]
    )
    expected[:, 4:6] -= expected[:, 2:4]
    np.testing.assert_allclose(truth[:, :6], expected[:, :6], atol=0.011)
    assert (truth[:, 6:8] == 1).all()
    found = np.loadtxt(folder / "det" / "det.txt", delimiter=",")
    assert len(found) == sum(len(frame.detections) for frame in world.frames)
    assert sorted(path.name for path in (folder / "img1").iterdir())[::29] == [
        "000001.jpg",
        "000030.jpg",
    ]
    assert "seqLength=30\nimWidth=320\nimHeight=180" in (folder / "seqinfo.ini").read_text()


def test_a_sequence_is_not_overwritten(tmp_path):
    write_sequence(tmp_path, frames=2, size=SMALL)
    with pytest.raises(MambatrackError, match="already"):
        write_sequence(tmp_path, frames=2, size=SMALL)
