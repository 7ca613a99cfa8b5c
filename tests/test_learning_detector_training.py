"""Training of a detector: what it learns from, how wrong it is, and that it learns."""

import csv
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.config import DetectorTrainingConfig
from mambatrack.detectors import open_detector
from mambatrack.errors import MambatrackError
from mambatrack.learning import detector_pictures
from mambatrack.learning.checkpoints import begin_with
from mambatrack.learning.detector_data import Scene, Scenes, read_scenes
from mambatrack.learning.detector_losses import (
    Targets,
    assigned,
    disagreement,
    giou,
    loss,
)
from mambatrack.learning.detector_network import Said, places
from mambatrack.learning.detector_pictures import Shown, _pasted, _thing_pasted, shown
from mambatrack.learning.detector_stands import painted_stand
from mambatrack.learning.detector_teacher import Teacher
from mambatrack.learning.detector_training import train_detector
from mambatrack.networks.weight_files import read_stored, read_weights
from tiny_onnx import heads, write_onnx
from tiny_trainings import make_tiny, write_labelled

RECIPE = DetectorTrainingConfig(
    width=9, neck=8, side=64, coarse_side=64, batch_size=4, steps=100, checkpoint_every=50,
    rate=5e-3, warmup=10, averaged=20, licence="ours",
)  # fmt: skip
SIZE, STRIDES = (64, 96), (8, 16, 32)


def test_training_writes_a_detector_and_learns(tmp_path, monkeypatch):
    make_tiny(monkeypatch)
    for share in ("PASTED", "LIT", "EMPTY", "TINTED", "MOVED", "COARSE"):  # plain pictures
        monkeypatch.setattr(detector_pictures, share, 0.0)
    folder = write_labelled(tmp_path, pictures=20)
    path = train_detector([folder], RECIPE, tmp_path / "run")
    with (tmp_path / "run/log.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses, found = ([float(row[name]) for row in rows] for name in ("loss", "ap50"))
    assert len(rows) == 2 and losses[1] < losses[0] and found[1] > 0.15
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["architecture"]["kind"] == "detector" and card["licence"] == "ours"
    assert card["training"]["step"] == 100 and card["training"]["pictures"] == 18
    detector = open_detector(path, conf=0.05)
    found = detector(cv2.imread(str(folder / "images/3.png")))
    assert detector.names == ("person",) and found.scores[0] > 0.1


@pytest.fixture(scope="module")
def scenes():
    """One scene with a white person in the dark, and one without anybody."""
    picture = np.full((80, 120, 3), 40, np.uint8)
    picture[20:70, 50:70] = 255
    levels = (picture, picture[::2, ::2], picture[::4, ::4])
    box, nobody = np.array([[50, 20, 70, 70]], np.float32), np.zeros((0, 4), np.float32)
    plain = np.full((80, 120, 3), 40, np.uint8)
    return Scenes(
        [[Scene(levels, box, np.ones(1, np.float32))],
         [Scene((plain, plain[::2, ::2]), nobody, np.zeros(0, np.float32))]], [], np.ones(2),
    )  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_boxes_follow_the_people(scenes, seed):
    """Where a box is large and nothing lies over it, it is brighter than what is around."""
    made = shown(scenes, SIZE, np.random.default_rng(seed))
    assert made.picture.shape == (*SIZE, 3) and made.picture.dtype == np.uint8
    assert len(made.boxes) == len(made.sure) and (made.sure == 1).all()
    assert (made.boxes >= 0).all() and (made.boxes <= np.array([96, 64] * 2)).all()
    if len(made.boxes) == 1 and made.boxes[0, 3] - made.boxes[0, 1] > 12:
        x0, y0, x1, y1 = np.round(made.boxes[0]).astype(int)
        inside = np.zeros(SIZE, bool)
        inside[y0:y1, x0:x1] = True
        grey = made.picture.mean(2)
        assert grey[inside].mean() > grey[~inside].mean()


def test_the_same_numbers_make_the_same_picture(scenes):
    first, second = (shown(scenes, SIZE, np.random.default_rng(7)) for _ in range(2))
    assert (first.picture == second.picture).all() and (first.boxes == second.boxes).all()


def test_a_piece_that_shows_nobody_adds_nobody(scenes, monkeypatch):
    """Nothing of the white person is in it, and it covers whom it lies over."""
    monkeypatch.setattr(detector_pictures, "NOISY", 0.0)
    monkeypatch.setattr(detector_pictures, "STANDS", 0.0)
    rng, scene = np.random.default_rng(0), scenes.learnt[0][0]
    for _ in range(60):
        dark = np.zeros((*SIZE, 3), np.uint8)
        made = _thing_pasted(Shown(dark, scene.boxes[:0], scene.sure[:0]), scene, rng)
        assert not len(made.sure) and made.picture.max() < 150
    boxes = np.array([[0, 0, 96, 64], [40, 20, 46, 26]], np.float32)
    given = Shown(np.zeros((*SIZE, 3), np.uint8), boxes, np.ones(2, np.float32))
    left = [len(_thing_pasted(given, scene, rng).sure) for _ in range(60)]
    assert set(left) == {1, 2}


def test_a_painted_stand_is_upright_and_adds_nobody(scenes, monkeypatch):
    """It reaches from its first rows to its last ones, and is not all of its box."""
    rng, scene = np.random.default_rng(0), scenes.learnt[0][0]
    shares = [painted_stand(60, 40, rng).shape for _ in range(40)]
    assert all(each[:20].any() and each[-25:].any() for each in shares)
    assert 0.1 < np.mean(shares) < 0.6
    monkeypatch.setattr(detector_pictures, "STANDS", 1.0)
    dark = np.zeros((*SIZE, 3), np.uint8)
    made = _thing_pasted(Shown(dark, scene.boxes[:0], scene.sure[:0]), scene, rng)
    assert made.picture.any() and not len(made.sure)


def test_edges_of_the_picture_cut_off_some_of_what_is_pasted(scenes):
    """Boxes end with the picture, most of a piece is in it, and inside the box it is bright."""
    rng, scene = np.random.default_rng(0), scenes.learnt[0][0]
    cut = 0
    for _ in range(80):
        dark = np.zeros((*SIZE, 3), np.uint8)
        made = _pasted(Shown(dark, scene.boxes[:0], scene.sure[:0]), scene, rng)
        x0, y0, x1, y1 = made.boxes[0].astype(int)
        assert 0 <= x0 < x1 <= SIZE[1] and 0 <= y0 < y1 <= SIZE[0]
        assert made.picture[y0:y1, x0:x1].mean() > 60
        made.picture[y0:y1, x0:x1] = 0
        assert not made.picture.any()
        whole = (x1 - x0) / (y1 - y0)  # of the white person: .4
        cut += bool(whole < 0.3 or whole > 0.55)
    assert 8 < cut < 50


def test_folders_are_drawn_as_their_shares_say(tmp_path):
    few, many = write_labelled(tmp_path / "few", 11), write_labelled(tmp_path / "many", 44)
    usual, given = read_scenes([few, many], 96, [0]), read_scenes([few, many], 96, [0], [1, 0])
    assert np.allclose(usual.shares, np.sqrt([10, 40]))
    rng, first = np.random.default_rng(0), {id(each) for each in usual.learnt[0]}
    drawn = sum(id(usual.any(rng)) in first for _ in range(1000))
    assert 280 < drawn < 390  # a third
    first = {id(each) for each in given.learnt[0]}
    assert all(id(given.any(rng)) in first for _ in range(20))


@pytest.mark.parametrize("shares", [("1",), ("0", "0"), ("1", "-1")])
def test_shares_that_do_not_fit_the_folders_are_refused(shares, tmp_path):
    folder, recipe = write_labelled(tmp_path), replace(RECIPE, shares=shares)
    with pytest.raises(MambatrackError, match=r"shares: one for each of the 2 folders expected"):
        train_detector([folder, folder], recipe, tmp_path / "run")


def test_shares_are_numbers(tmp_path):
    with pytest.raises(MambatrackError, match="shares: numbers expected, found 1, many"):
        train_detector([tmp_path], replace(RECIPE, shares=("1", "many")), tmp_path / "run")


@pytest.fixture
def teacher(tmp_path):
    """A YOLOX file of 64 x 64 pixels and two classes that is sure of its first place alone."""
    head = heads([[8, 8, 24, 40]], 2, [0.9], [1])[0]
    return write_onnx(tmp_path / "teacher.onnx", {"output": head[None]})


def test_a_teacher_says_what_each_place_of_a_picture_is(teacher):
    found = Teacher(teacher, STRIDES, 64, 1)(np.zeros((2, 32, 64, 3), np.uint8))
    assert found.shape == (2, 8 * 4 + 4 * 2 + 2 * 1, 3)
    assert torch.allclose(found[:, 0], torch.tensor([2.197, -8, 8]), atol=1e-3)
    assert (found[:, 1:] == -8).all()


@pytest.mark.parametrize(("side", "strides"), [(96, STRIDES), (64, (16, 32))])
def test_a_teacher_of_other_sizes_is_refused(side, strides, teacher):
    with pytest.raises(MambatrackError, match="teacher.onnx takes pictures of 64x64; a teacher"):
        Teacher(teacher, strides, side, 1)


def test_a_pupil_is_told_most_where_its_teacher_sees_something():
    told = torch.zeros(1, 2, 3)
    told[0, 0, 0], told[0, 1, 0] = 8, -8
    nowhere, seen, empty = (told.clone() for _ in range(3))
    seen[0, 0] += 2
    empty[0, 1] += 2
    losses = [float(disagreement(each, told)) for each in (nowhere, seen, empty)]
    assert losses[0] == 0 < losses[2] < losses[1] / 5


def test_a_training_hears_its_teacher_and_ships_no_hints(teacher, tmp_path, monkeypatch):
    make_tiny(monkeypatch)
    folder = write_labelled(tmp_path)
    recipe = replace(RECIPE, steps=2, teacher=teacher, checkpoint_every=2)
    taught = train_detector([folder], recipe, tmp_path / "taught")
    plain = train_detector([folder], replace(recipe, teacher=""), tmp_path / "plain")
    with (tmp_path / "taught/log.csv").open() as one, (tmp_path / "plain/log.csv").open() as two:
        losses = [float(next(csv.DictReader(each))["loss"]) for each in (one, two)]
    assert losses[0] > losses[1]
    assert read_stored(taught, half=True).keys() == read_stored(plain, half=True).keys()


def test_a_training_begins_with_the_weights_of_another(tmp_path, monkeypatch):
    make_tiny(monkeypatch)
    folder = write_labelled(tmp_path)
    first = replace(RECIPE, steps=1)
    train_detector([folder], first, tmp_path / "first")
    start = str(tmp_path / "first/checkpoint.safetensors")
    still = replace(first, rate=0.0, seed=5, start=start)
    train_detector([folder], still, tmp_path / "again")
    before, after = (
        read_weights(tmp_path / each / "detector.safetensors", half=True)
        for each in ("first", "again")
    )
    assert all(np.allclose(before[name], after[name], atol=1e-2) for name in before)
    with pytest.raises(MambatrackError, match="checkpoint.safetensors cannot be begun with .*size"):
        train_detector([folder], replace(still, neck=12), tmp_path / "other")
    with pytest.raises(MambatrackError, match="it holds no weights of such a network"):
        begin_with(tmp_path / "first/detector.safetensors", torch.nn.Linear(2, 2))


def test_giou_of_boxes_alike_apart_and_around():
    first = torch.tensor([[0.0, 0, 2, 2], [0, 0, 1, 1], [0, 0, 4, 4]])
    second = torch.tensor([[0.0, 0, 2, 2], [3, 0, 4, 1], [1, 1, 3, 3]])
    assert torch.allclose(giou(first, second), torch.tensor([1, -0.5, 0.25]), atol=1e-5)


def test_places_are_in_the_middle_of_their_cells():
    centres, strides = places(SIZE, STRIDES)
    assert len(centres) == len(strides) == 12 * 8 + 6 * 4 + 3 * 2
    assert centres[0].tolist() == [4, 4] and centres[-1].tolist() == [80, 48]


def heard(truth):
    """What a head says that knows the truth at every place, all of it at a score of one half."""
    centres, strides = map(torch.from_numpy, places(SIZE, STRIDES))
    boxes = truth[:, None].expand(-1, len(centres), -1)
    return Said(torch.zeros(len(truth), len(centres)), boxes), centres, strides


def test_each_person_gets_places_near_it_and_nobody_gets_none():
    truth = torch.tensor([[[10.0, 10, 30, 50], [60, 5, 70, 20], [0, 0, 0, 0]]])
    targets = Targets(truth, torch.tensor([[1.0, 0.5, 0.0]]))
    said, centres, strides = heard(truth[:, 0])
    person, overlap = assigned(said, targets, centres, strides)
    assert set(person.unique().tolist()) == {-1, 0, 1}
    for number in (0, 1):
        middle = (truth[0, number, :2] + truth[0, number, 2:]) / 2
        own = person[0] == number
        away = (centres[own] - middle).abs().max(1).values
        assert (away < 2.5 * strides[own] + 20).all()
    assert (person == 0).sum() > (person == 1).sum() == 1
    assert (overlap[person < 0] == 0).all() and torch.allclose(overlap[person == 0], torch.ones(1))


def test_pictures_without_people_teach_low_scores():
    said, centres, strides = heard(torch.zeros(2, 4))
    nobody = Targets(torch.zeros(2, 1, 4), torch.zeros(2, 1))
    sure = said._replace(scores=said.scores + 3)
    assert 0 < loss(said, nobody, centres, strides) < loss(sure, nobody, centres, strides)


def test_the_loss_is_least_where_scores_and_boxes_are_right():
    truth = torch.tensor([[[10.0, 10, 30, 50]]])
    targets = Targets(truth, torch.ones(1, 1))
    said, centres, strides = heard(truth[:, 0])
    found = assigned(said, targets, centres, strides).person >= 0
    right = said._replace(scores=torch.where(found, 8.0, -8.0))
    wrong = right._replace(boxes=right.boxes + 6)
    losses = [float(loss(each, targets, centres, strides)) for each in (right, said, wrong)]
    assert losses[0] < 1e-3 < losses[1] and losses[2] > 0.5


@pytest.mark.parametrize("width", [10, 50])
def test_widths_that_are_no_multiple_of_three_are_refused(width, tmp_path):
    recipe = DetectorTrainingConfig(width=width)
    with pytest.raises(MambatrackError, match=f"a multiple of 3 expected, found {width}"):
        train_detector([tmp_path], recipe, tmp_path / "run")


def test_classes_are_numbers(tmp_path):
    recipe = DetectorTrainingConfig(classes=("person",))
    with pytest.raises(MambatrackError, match="numbers of classes expected.*found person"):
        train_detector([tmp_path], recipe, tmp_path / "run")


def test_pictures_without_people_of_these_classes_are_refused(tmp_path):
    folder = write_labelled(tmp_path)
    with pytest.raises(MambatrackError, match="9 pictures to learn from show 0 people of class 1,"):
        read_scenes([folder], 96, [1])


def test_a_damaged_picture_is_named(tmp_path):
    folder = write_labelled(tmp_path)
    (folder / "images/4.png").write_bytes(b"no picture")
    with pytest.raises(MambatrackError, match="4.png is no picture, or cut off"):
        read_scenes([folder], 96, [0])
