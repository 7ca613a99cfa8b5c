"""Made-up sequences of people who walk."""

import numpy as np
import pytest

from mambatrack.boxes import xyxy_to_cxcywh
from mambatrack.cli import main
from mambatrack.datasets.mot_text import read_mot
from mambatrack.datasets.sequences import find_sequences
from mambatrack.datasets.truth import read_ground_truth, tracklets
from mambatrack.errors import MambatrackError
from mambatrack.simulation.walkers import (
    FRAMES,
    LEAST_HEIGHT,
    RATES,
    SIZES,
    Camera,
    walk,
    walking_sequences,
)
from mambatrack.simulation.world import write_sequence


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    return walking_sequences(tmp_path_factory.mktemp("walkers"), 6, seed=2)


def test_boxes_lie_in_the_image_and_are_large_enough(sequences):
    for sequence in sequences:
        truth = read_ground_truth(sequence)
        sides = truth.boxes[:, 2:] - truth.boxes[:, :2]
        assert sequence.image_size in SIZES and sequence.fps in RATES
        assert truth.frame.min() >= 1 and truth.frame.max() <= FRAMES == sequence.frames
        assert (truth.boxes[:, :2] >= 0).all() and (truth.boxes[:, 2:] <= sequence.image_size).all()
        assert (sides > 0).all() and len(np.unique(truth.id)) >= 4
        # a box may be cut by the lower border
        below = truth.boxes[:, 3] < sequence.image_size[1] - 1
        above = truth.boxes[:, 1] > 1
        whole = sides[below & above, 1]
        assert whole.min() > LEAST_HEIGHT * sequence.image_size[1] - 0.1


def test_people_move_smoothly(sequences):
    """No jumps: in a frame nobody moves by more than a share of the own height, but for a camera
    that shakes; and most people get somewhere."""
    for sequence in sequences:
        far, steps = [], []
        for _, boxes in tracklets(read_ground_truth(sequence), 30):
            place = xyxy_to_cxcywh(boxes)
            step = np.linalg.norm(np.diff(place[:, :2], axis=0), axis=1) / place[1:, 3]
            steps.append(np.median(step) * sequence.fps)
            far.append(np.linalg.norm(place[-1, :2] - place[0, :2]) / place[:, 3].mean())
        assert np.percentile(steps, 90) < 4 and max(far) > 0.5


def test_a_seed_gives_the_same_again(sequences, tmp_path):
    again = walking_sequences(tmp_path / "again", 3, seed=2)
    other = walking_sequences(tmp_path / "other", 3, seed=3)
    for one, two, three in zip(sequences[:3], again, other, strict=True):
        text = [(each.folder / "gt/gt.txt").read_text() for each in (one, two, three)]
        assert text[0] == text[1] != text[2]


def test_some_cameras_stand_and_some_move():
    """The people who stand about move together where the camera does."""
    moved = []
    for seed in range(12):
        frames = list(walk(np.random.default_rng(seed), (960, 540), 25.0, 40))
        first, last = (dict(zip(*each, strict=True)) for each in (frames[0], frames[-1]))
        both = sorted(first.keys() & last.keys())
        shift = [np.median([last[each][0] - first[each][0] for each in both])] if both else []
        moved.extend(np.abs(shift))
    assert min(moved) < 10 < max(moved)


def test_projection_is_that_of_a_level_camera():
    camera = Camera(1000, 500, 800.0, np.zeros(2), 2.0, 0.0, 0.0)
    pixels, depth = camera.project(np.array([[1.0, 10.0], [0.0, 20.0]]), np.array([0.0, 2.0]))
    assert np.allclose(pixels, [[580, 410], [500, 250]]) and np.allclose(depth, [10, 20])


@pytest.mark.parametrize("yaw", [-0.7, 0.0, 1.2])
def test_places_are_found_again(yaw):
    camera = Camera(640, 480, 500.0, np.array([3.0, -2.0]), 2.0, yaw, 0.1)
    places = np.random.default_rng(0).normal(0, 9, (20, 2))
    assert np.allclose(camera.back(*camera.turn(places)), places)


def test_what_cannot_be_made(tmp_path):
    with pytest.raises(MambatrackError, match="0 sequences"):
        walking_sequences(tmp_path, 0)
    walking_sequences(tmp_path, 1)
    with pytest.raises(MambatrackError, match="exists"):
        walking_sequences(tmp_path, 1)


def test_the_command_makes_detections_of_them(tmp_path):
    write_sequence(tmp_path / "like/seq", 3, 10, 100)
    command = ["simulate", "--walkers", "2", "--like", str(tmp_path / "like"), "--quiet"]
    assert main([*command, "--out", str(tmp_path / "out"), "--every", "2"]) == 0
    assert "made up" in (tmp_path / "out/README.txt").read_text()
    made = find_sequences(tmp_path / "out")
    assert [each.name for each in made] == ["walkers000", "walkers001"]
    assert all(each.frames == FRAMES // 2 and len(read_mot(each.det_path)) for each in made)


def test_walkers_and_a_data_set_exclude_each_other(tmp_path, capsys):
    command = ["simulate", "--like", "x", "--out", str(tmp_path / "out")]
    for source in ([], ["--walkers", "1", "--dataset", "y"], ["--walkers", "1", "--split", "val"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, *source])
        assert ended.value.code == 2
    assert "--split" in capsys.readouterr().err
