import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import detector_measurement
from mambatrack.boxes import ltwh_to_xyxy
from mambatrack.datasets import Trajectories, find_sequences, read_ground_truth
from mambatrack.detector_measurement import measure_detector
from mambatrack.detector_statistics import (
    LEVELS,
    NORMALS,
    OCCLUSION,
    PERSISTENCE,
    BoxModel,
    DetectorStatistics,
    load_statistics,
    occlusion,
    occlusion_bin,
)
from mambatrack.detectors.from_file import FileDetector
from mambatrack.errors import MambatrackError
from mambatrack.evaluation.matching import detection_rows, find_rows, match
from mambatrack.mot_text import read_mot
from mambatrack.simulation import simulate_detections, write_simulated
from mambatrack.synthetic import write_sequence
from shared import needs

SIZE = (960, 540)
BINS = len(OCCLUSION) + 1
FATES = len(LEVELS) + 2


def model(cells, rate=1.0, score=0.9, spread=0.0, memory=2) -> BoxModel:
    """Scores of one value; edges Gaussian with ``spread``; one process of PERSISTENCE[memory]."""
    return BoxModel(
        rate=np.broadcast_to(np.asarray(rate, float), cells).copy(),
        scores=np.full((cells, len(NORMALS)), score),
        edges=np.tile(spread * NORMALS, (cells, len(LEVELS) + 1, 4, 1)),
        memory=np.tile(np.eye(len(PERSISTENCE))[memory], (5, 1)),
        correlation=np.eye(5),
    )


def statistics(found=None, extras=(), background=0.0) -> DetectorStatistics:
    rows = np.array([[0.3, 1.0, 1.0]])
    return DetectorStatistics("a/b", 1, 1, found or model(BINS), tuple(extras), background, rows)


def walkers(people=40, frames=200, gap=60) -> Trajectories:
    """People who stand apart, so that nobody is hidden."""
    identity, frame = np.divmod(np.arange(people * frames), frames)
    left, top = 10 + gap * (identity % 10), 10 + 120 * (identity // 10)
    boxes = np.stack([left, top, left + 40, top + 100], axis=1).astype(np.float32)
    return Trajectories(frame + 1, identity, boxes)


def simulate(truth, known, seed=0, size=SIZE):
    return simulate_detections(truth, size, known, np.random.default_rng(seed))


def write_world(folder, truth, rows, size=SIZE):
    """A sequence of known truth and detections [R, 7]."""
    for part in ("gt", "det"):
        (folder / part).mkdir(parents=True)
    sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
    true = np.column_stack([truth.frame, truth.id, truth.boxes[:, :2], sides])
    true = np.column_stack([true, np.ones((len(true), 3))])
    np.savetxt(folder / "gt/gt.txt", true, "%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,%d")
    np.savetxt(folder / "det/det.txt", rows, "%d,%d,%.5f,%.5f,%.5f,%.5f,%.5f")
    length = truth.frame.max()
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nseqLength={length}\nimWidth={size[0]}\nimHeight={size[1]}\n"
    )
    return find_sequences(folder)


@pytest.fixture(autouse=True, scope="module")
def few_draws():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(detector_measurement, "DRAWS", 30_000)
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return find_sequences(write_sequence(tmp_path_factory.mktemp("world") / "seq", 3, 10, 200))


@pytest.fixture(scope="module")
def measured(world):
    return measure_detector(world)


def test_a_perfect_detector_gives_the_truth():
    truth = walkers()
    rows = simulate(truth, statistics())
    order = np.lexsort((truth.boxes[:, 0], truth.boxes[:, 1], truth.frame))
    found = rows[np.lexsort((rows[:, 2], rows[:, 3], rows[:, 0]))]
    np.testing.assert_allclose(ltwh_to_xyxy(found[:, 2:6]), truth.boxes[order], atol=1e-4)
    assert (found[:, 6] == 0.9).all() and (found[:, 1] == -1).all()
    assert (np.diff(rows[:, 0]) >= 0).all()


def test_a_perfect_detector_is_measured_as_one(tmp_path):
    truth = walkers(20, 60)
    sequences = write_world(tmp_path / "seq", truth, simulate(truth, statistics()))
    known = measure_detector(sequences)
    assert known.found.rate[0] == 1 and known.found.scores[0] == pytest.approx(0.9)
    assert np.abs(known.found.edges).max() < 1e-4
    assert known.background == 0 and all((each.rate == 0).all() for each in known.extras)
    again = simulate(truth, known)
    assert len(again) == len(truth) and again[:, 6] == pytest.approx(0.9)


@pytest.mark.parametrize("memory", [0, 2, 4])
def test_statistics_are_recovered(tmp_path, memory):
    """What a world was made with is measured in it: rates, spread, memory, false positives."""
    truth = walkers(40, 300)
    extra = model(FATES, [0, 0, 0, 0.1], score=0.2)
    extra.edges[:, :, 3] = -0.6  # the upper part of a person
    known = statistics(model(BINS, 0.85, 0.8, 0.03, memory), [extra], background=0.5)
    wide = 3000, 3000  # room for a background
    sequences = write_world(tmp_path / "seq", truth, simulate(truth, known, 1, wide), wide)
    seen = measure_detector(sequences)
    assert seen.source.endswith("/" + tmp_path.name) and seen.boxes == len(truth)
    assert seen.found.rate[0] == pytest.approx(0.85, abs=0.02)
    assert seen.found.edges[0, -1] == pytest.approx(known.found.edges[0, -1], abs=0.02)
    assert seen.extras[0].rate[-1] == pytest.approx(0.1, abs=0.015)
    assert np.median(seen.extras[0].edges[-1, 0, 3]) == pytest.approx(-0.6, abs=0.02)
    assert seen.background == pytest.approx(0.5, abs=0.15)
    lag_one = seen.found.memory @ PERSISTENCE
    assert lag_one == pytest.approx(PERSISTENCE[memory], abs=0.1)


def test_errors_persist_as_told():
    truth = walkers(40, 300)
    for memory in (0, 2, 4):
        rows = detection_rows(simulate(truth, statistics(model(BINS, 1, 0.9, 0.03, memory))))
        error = rows.boxes[match(truth, rows), 0] - truth.boxes[:, 0]
        later = find_rows(truth, truth.frame + 1, truth.id)
        pairs = np.stack([error, error[later]])[:, later >= 0]
        assert np.corrcoef(pairs)[0, 1] == pytest.approx(PERSISTENCE[memory], abs=0.05)
        assert error.std() == pytest.approx(0.03 * 40, rel=0.1)


def test_misses_come_in_runs():
    """With a memory, as many misses are fewer runs."""
    truth, runs = walkers(40, 300), []
    for memory in (0, 4):
        rows = detection_rows(simulate(truth, statistics(model(BINS, 0.8, memory=memory))))
        missed = (match(truth, rows) < 0).reshape(40, 300)
        assert missed.mean() == pytest.approx(0.2, abs=0.04)
        runs.append((np.diff(missed.astype(int), axis=1) == 1).sum())
    assert runs[1] < 0.6 * runs[0]


def test_misses_and_low_scores_grow_with_occlusion(world, measured):
    truth = read_ground_truth(world[0])
    hidden = occlusion(truth) >= OCCLUSION[-2]
    kept = [match(truth, detection_rows(simulate(truth, measured, seed))) >= 0 for seed in range(3)]
    recall = np.mean(kept, axis=0)
    assert recall[hidden].mean() < recall[~hidden].mean() - 0.1


def test_an_extra_detection_does_not_find_a_missed_box():
    truth = walkers()
    known = statistics(model(BINS, 0.5), [model(FATES, 1, 0.3)])
    rows = simulate(truth, known)
    assert np.bincount((rows[:, 6] * 10).astype(int))[3] == (rows[:, 6] == 0.9).sum()


def test_occlusion_is_the_union_of_nearer_boxes():
    boxes = [[0, 0, 12, 12], [6, 0, 12, 24], [0, 6, 12, 24], [0, 0, 12, 12], [50, 0, 62, 48]]
    frame = np.array([1, 1, 1, 2, 1])
    truth = Trajectories(frame, np.arange(5), np.array(boxes, np.float32))
    # the first is hidden but for its upper left quarter, the second by the third, level but later
    np.testing.assert_allclose(occlusion(truth), [0.75, 0.75, 0, 0, 0])


def test_bins_are_half_open():
    assert occlusion_bin(np.array([0, *OCCLUSION, 1])).tolist() == [*range(BINS), BINS - 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 0.6), st.integers(20, 600))
def test_boxes_lie_in_the_image_and_have_an_area(seed, spread, width):
    truth = walkers(20, 5)
    known = statistics(model(BINS, 0.9, 0.5, spread), [model(FATES, 0.5, 0.3, spread)], 2)
    before = truth.boxes.copy()
    rows = simulate(truth, known, seed, (width, 100))
    corners = ltwh_to_xyxy(rows[:, 2:6])
    assert (corners >= 0).all() and (corners[:, 2:] <= [width + 1e-9, 100 + 1e-9]).all()
    assert (rows[:, 4:6] > 0).all()
    np.testing.assert_array_equal(truth.boxes, before)


def test_nobody_gives_nothing():
    nobody = Trajectories(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4), np.float32))
    assert simulate(nobody, statistics(background=3)).shape == (0, 7)


def test_what_is_written_can_be_read(world, measured, tmp_path):
    (folder,) = write_simulated(world, measured, tmp_path / "out", 5)
    (sequence,) = find_sequences(tmp_path / "out")
    assert folder == sequence.folder and sequence.frames == world[0].frames
    assert sequence.image_size == world[0].image_size and sequence.fps == world[0].fps
    assert (folder / "gt/gt.txt").read_bytes() == world[0].gt_path.read_bytes()
    detector = FileDetector(sequence.det_path, conf=0.0)
    per_frame = [len(detector(np.zeros((1, 1, 3), np.uint8), i).boxes) for i in range(200)]
    assert sum(per_frame) == len(read_mot(sequence.det_path)) > 0
    note = (tmp_path / "out/README.txt").read_text()
    assert "SIMULATED" in note and "seed 5" in note and measured.source in note
    assert str(world[0].folder.parent.parent) not in note


def test_a_sequence_does_not_depend_on_the_others(world, measured, tmp_path):
    second = replace(world[0], name="second")
    alone = write_simulated([second], measured, tmp_path / "alone", 1)[0]
    both = write_simulated([world[0], second], measured, tmp_path / "both", 1)
    other_seed = write_simulated([second], measured, tmp_path / "other", 2)[0]
    text = [(each / "det/det.txt").read_text() for each in (alone, both[1], both[0], other_seed)]
    assert text[0] == text[1] and len({*text}) == 3


def test_existing_sequences_are_kept(world, measured, tmp_path):
    (folder,) = write_simulated(world, measured, tmp_path, 0)
    before = (folder / "det/det.txt").read_text()
    with pytest.raises(MambatrackError, match="exists; use --overwrite"):
        write_simulated(world, measured, tmp_path, 1)
    assert (folder / "det/det.txt").read_text() == before
    write_simulated(world, measured, tmp_path, 1, overwrite=True)
    assert (folder / "det/det.txt").read_text() != before


def test_the_data_set_is_never_overwritten(world, measured):
    with pytest.raises(MambatrackError, match="the data set itself"):
        write_simulated(world, measured, world[0].folder.parent, overwrite=True)


@pytest.mark.parametrize(
    ("change", "seed", "message"),
    [
        ({"gt_path": None}, 0, "no ground truth"),
        ({}, -1, "seed is -1"),
    ],
)
def test_nothing_is_written_after_an_error(world, measured, tmp_path, change, seed, message):
    with pytest.raises(MambatrackError, match=message):
        write_simulated([replace(world[0], **change)], measured, tmp_path / "out", seed)
    with pytest.raises(MambatrackError, match="two sequences are called"):
        write_simulated([world[0], world[0]], measured, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_measuring_needs_detections_and_boxes(world, tmp_path):
    with pytest.raises(MambatrackError, match="no detections"):
        measure_detector([replace(world[0], det_path=None)])
    with pytest.raises(MambatrackError, match="no true box"):
        measure_detector([])
    with pytest.raises(MambatrackError, match="no true box"):
        measure_detector([replace(world[0], frames=0)])


def test_statistics_survive_a_file(measured, tmp_path, world):
    measured.save(tmp_path / "detector.json")
    loaded = load_statistics(tmp_path / "detector.json")
    assert loaded.source == measured.source and loaded.boxes == measured.boxes
    np.testing.assert_allclose(loaded.found.edges, measured.found.edges, atol=1e-5)
    truth = read_ground_truth(world[0])
    assert len(simulate(truth, loaded)) == pytest.approx(len(simulate(truth, measured)), rel=0.01)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "another"}', "no json"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(MambatrackError, match="no file of detector statistics"):
        load_statistics(tmp_path / "file.json")


def test_statistics_are_plain_json(measured, tmp_path):
    measured.save(tmp_path / "detector.json")
    content = json.loads((tmp_path / "detector.json").read_text())
    assert content["format"].startswith("mambatrack") and len(content["found"]["rate"]) == BINS


def test_simulated_detections_of_real_data_are_like_the_real_ones():
    """A sequence of DanceTrack: recall at a usual threshold, in the open and hidden."""
    sequence = find_sequences(needs("data/dancetrack/val/dancetrack0034"))[0]
    truth = read_ground_truth(sequence)
    real = detection_rows(read_mot(sequence.det_path))
    known = measure_detector([sequence])
    made = detection_rows(simulate(truth, known, size=sequence.image_size))
    hidden = occlusion(truth) >= 0.7
    recall = []
    for rows in (real, made):
        found = match(truth, rows.select(rows.scores >= 0.6)) >= 0
        recall.append([found[hidden].mean(), found[~hidden].mean()])
    np.testing.assert_allclose(recall[0], recall[1], atol=0.06)
    assert len(made) == pytest.approx(len(real), rel=0.05)
