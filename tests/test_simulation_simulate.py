from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.boxes import ltwh_to_xyxy, xyxy_to_ltwh
from mambatrack.datasets.matching import detection_rows, match
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import Trajectories, find_sequences, second_half
from mambatrack.datasets.truth import read_ground_truth
from mambatrack.detectors.from_file import FileDetector
from mambatrack.errors import MambatrackError
from mambatrack.simulation.crossing_context import occlusion
from mambatrack.simulation.error_runs import bootstrap_detections, measure_runs
from mambatrack.simulation.simulate import Playback, measurable_sequences, write_simulated
from mambatrack.simulation.world import write_sequence
from shared import needs
from worlds import write_world

SIZE = (960, 540)


def walkers(people=40, frames=200, gap=60) -> Trajectories:
    """People who stand apart, so that nobody is hidden; by identity and frame."""
    identity, frame = np.divmod(np.arange(people * frames), frames)
    left, top = 10 + gap * (identity % 10), 10 + 120 * (identity // 10)
    boxes = np.stack([left, top, left + 40, top + 100], axis=1).astype(np.float32)
    return Trajectories(frame + 1, identity, boxes)


def detections(truth, scores=0.9, edges=(0, 0, 0, 0)):
    """[R, 7] one for each true box whose score is no NaN; edges as shares of its sides."""
    sides = np.tile(truth.boxes[:, 2:] - truth.boxes[:, :2], 2)
    boxes = xyxy_to_ltwh(truth.boxes + sides * np.asarray(edges))
    scores = np.broadcast_to(scores, len(truth))
    rows = np.column_stack([truth.frame, np.full(len(truth), -1), boxes, scores])
    return rows[~np.isnan(scores)]


def simulate(truth, bank, seed=0, size=SIZE):
    return bootstrap_detections(truth, size, bank, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return find_sequences(write_sequence(tmp_path_factory.mktemp("world") / "seq", 3, 10, 200))


@pytest.fixture(scope="module")
def measured(world):
    return measure_runs(world)


def test_rates_are_those_of_the_bank(tmp_path):
    truth, rng = walkers(20, 200), np.random.default_rng(1)
    missed = np.repeat(rng.random(len(truth) // 10) < 0.2, 10)
    elsewhere = [[frame, -1, 2000, 1000, 80, 50, 0.1] for frame in range(1, 101)]
    rows = np.concatenate([detections(truth, np.where(missed, np.nan, 0.9)), elsewhere])
    wide = 3000, 3000  # room for a background
    bank = measure_runs([write_world(tmp_path / "seq", truth, rows, wide)])
    assert bank.source.endswith("/" + tmp_path.name) and bank.boxes == len(truth)
    assert bank.frames == 200 and bank.background == 0.5
    made = detection_rows(simulate(truth, bank, 1, wide))
    again = (match(truth, made) < 0).reshape(20, 200)
    assert again.mean() == pytest.approx(missed.mean(), abs=0.05)
    assert (made.scores == 0.1).sum() == pytest.approx(100, abs=30)
    runs = (np.diff(again.astype(int), axis=1) == 1).sum()
    assert runs < 0.3 * 20 * 199 * again.mean() * (1 - again.mean())  # of single misses


def test_misses_grow_with_occlusion(world, measured):
    truth = read_ground_truth(world[0])
    hidden = occlusion(truth) >= 0.85
    kept = [match(truth, detection_rows(simulate(truth, measured, seed))) >= 0 for seed in range(3)]
    recall = np.mean(kept, axis=0)
    assert recall[hidden].mean() < recall[~hidden].mean() - 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(20, 600))
def test_boxes_lie_in_the_image_and_have_an_area(measured, seed, width):
    truth = walkers(20, 5)
    before = truth.boxes.copy()
    rows = simulate(truth, replace(measured, background=2.0), seed, (width, 100))
    corners = ltwh_to_xyxy(rows[:, 2:6])
    assert (corners >= 0).all() and (corners[:, 2:] <= [width + 1e-9, 100 + 1e-9]).all()
    assert (rows[:, 4:6] > 0).all()
    np.testing.assert_array_equal(truth.boxes, before)


def test_nobody_gives_nothing(measured):
    nobody = Trajectories(np.zeros(0, int), np.zeros(0, int), np.zeros((0, 4), np.float32))
    assert simulate(nobody, replace(measured, background=3.0)).shape == (0, 7)


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


def test_measuring_needs_detections_and_boxes(world):
    with pytest.raises(MambatrackError, match="no detections"):
        measure_runs([replace(world[0], det_path=None)])
    with pytest.raises(MambatrackError, match="no ground truth"):
        measure_runs([replace(world[0], gt_path=None)])
    with pytest.raises(MambatrackError, match="no true box"):
        measure_runs([])
    with pytest.raises(MambatrackError, match="no true box"):
        measure_runs([replace(world[0], frames=0)])


@pytest.mark.filterwarnings("error")
def test_a_sequence_without_true_boxes_adds_nothing(world, measured, tmp_path):
    elsewhere = np.array([[1, -1, 20, 10, 80, 50, 0.1]])
    empty = write_world(tmp_path / "empty", walkers(1, 1), elsewhere)
    (tmp_path / "empty/gt/gt.txt").write_text("1,1,0,0,5,5,0,1,1\n")  # of no considered person
    bank = measure_runs([empty, *world])
    assert bank.boxes == measured.boxes and np.isfinite(bank.background_rows).all()
    truth = read_ground_truth(world[0])
    assert len(simulate(truth, bank)) > len(truth) / 2


def test_sequences_that_can_be_measured(world, tmp_path):
    for name, parts in (("both", "gt det"), ("truth", "gt"), ("found", "det")):
        for part in parts.split():
            (tmp_path / "data" / name / part).mkdir(parents=True)
            text = (world[0].folder / part / f"{part}.txt").read_text()
            (tmp_path / "data" / name / part / f"{part}.txt").write_text(text)
    assert [each.name for each in measurable_sequences(tmp_path / "data")] == ["both"]
    with pytest.raises(MambatrackError, match="none of 1 sequence .* both gt/gt.txt and det"):
        measurable_sequences(tmp_path / "data/truth")
    (tmp_path / "statistics.json").write_text("{}")
    with pytest.raises(MambatrackError, match="is a file; expected a data set"):
        measurable_sequences(tmp_path / "statistics.json")
    with pytest.raises(MambatrackError, match="is not a folder"):
        measurable_sequences(tmp_path / "absent")


def test_simulated_detections_of_real_data_are_like_the_real_ones():
    """The first half of a sequence of DanceTrack with the errors of the second: recall at a usual
    threshold, in the open and hidden, and the number of detections."""
    sequence = find_sequences(needs("data/dancetrack/val/dancetrack0034"))[0]
    first = replace(sequence, frames=sequence.frames // 2)
    truth = read_ground_truth(first)
    real = detection_rows(first.within(read_mot(first.det_path)))
    bank = measure_runs([second_half(sequence)])
    made = detection_rows(simulate(truth, bank, size=sequence.image_size))
    hidden = occlusion(truth) >= 0.7
    recall = []
    for rows in (real, made):
        found = match(truth, rows.select(rows.scores >= 0.6)) >= 0
        recall.append([found[hidden].mean(), found[~hidden].mean()])
    np.testing.assert_allclose(recall[0], recall[1], atol=0.06)
    assert len(made) == pytest.approx(len(real), rel=0.05)


@pytest.mark.parametrize(("every", "backwards"), [(1, True), (3, False), (3, True)])
def test_played_truth_is_the_original_in_another_order(world, measured, tmp_path, every, backwards):
    playback = Playback(every, backwards)
    (folder,) = write_simulated(world, measured, tmp_path / "out", 0, playback=playback)
    (played,) = find_sequences(tmp_path / "out")
    original, truth = read_ground_truth(world[0]), read_ground_truth(played)
    order = np.arange(1, world[0].frames + 1)[:: -1 if backwards else 1][::every]
    assert played.frames == len(order) and played.fps == pytest.approx(world[0].fps / every)
    for frame, source in enumerate(order.tolist(), 1):
        one, two = truth.frame == frame, original.frame == source
        assert truth.id[one].tolist() == sorted(original.id[two].tolist())
        expected = original.boxes[two][np.argsort(original.id[two])]
        assert np.allclose(truth.boxes[one], expected, atol=1e-3)
    note = (tmp_path / "out/README.txt").read_text()
    assert f"every frame number {every}" in note and ("last to the first" in note) == backwards
    assert len(read_mot(folder / "det/det.txt"))


def test_no_frames_cannot_be_played(world, measured, tmp_path):
    with pytest.raises(MambatrackError, match="every 0-th frame"):
        write_simulated(world, measured, tmp_path / "out", playback=Playback(0))
    assert not (tmp_path / "out").exists()
