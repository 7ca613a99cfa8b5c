"""Training of the embedder: its crops, its losses, and that it learns."""

import csv
import json

import numpy as np
import pytest
import torch

from mambatrack.config import EmbedderConfig
from mambatrack.embedders.loading import open_embedder
from mambatrack.embedders.own import own_embedder
from mambatrack.errors import MambatrackError
from mambatrack.learning.checkpoints import Recipe
from mambatrack.learning.embedder_batches import Batches
from mambatrack.learning.embedder_data import Crops, halves, read_crops
from mambatrack.learning.embedder_losses import distance, relations, same_person, surely_apart
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.learning.embedder_pictures import disturbed, plain
from mambatrack.learning.embedder_training import main_axes, train_embedder
from mambatrack.learning.embedder_views import ViewMaker, Views
from mambatrack.learning.loop import silent
from mambatrack.networks.backbone import Shape, folded_weights
from tiny_trainings import make_tiny, write_crops

RECIPE = EmbedderConfig(
    teacher="colour", views=2, width=9, code=4, batch_size=12, steps=40, checkpoint_every=20,
    licence="ours",
)  # fmt: skip


def test_training_writes_an_embedder_and_learns(tmp_path, monkeypatch):
    make_tiny(monkeypatch)
    crops = write_crops(tmp_path, people=30)
    path = train_embedder([crops], RECIPE, tmp_path / "run")
    with (tmp_path / "run/log.csv").open() as file:
        rows = list(csv.DictReader(file))
    far = [float(row["validation"]) for row in rows]
    assert len(rows) == 2 and far[1] < 0.7 * far[0]
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["validation"]["rank_1"] > 0.8 and card["training"]["teacher"] == "colour"
    assert card["architecture"]["kind"] == "embedder" and card["licence"] == "ours"
    assert card["training"]["step"] == 40 and card["training"]["validation_crops"] == 9
    picture = np.vstack([np.full((96, 48, 3), colour, np.uint8) for colour in (30, 34, 220)])
    boxes = np.array([[0, 96 * i, 48, 96 * i + 96] for i in range(3)], float)
    vectors, usable = own_embedder(path)(picture, boxes)
    alike = vectors @ vectors.T
    assert usable.all() and alike[0, 1] > alike[0, 2] and alike[0, 1] > alike[1, 2]


@torch.no_grad()
def test_the_file_gives_what_the_network_gave(tmp_path):
    """To the precision of half floats."""
    from mambatrack.networks.model_files import write_model

    torch.manual_seed(0)
    model = EmbedderNetwork(Shape((6,), (9, 18, 27), (1, 1, 1)), 8)
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (5, 48, 32, 3), dtype=np.uint8)
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2) / 255 - 0.5
    for _ in range(3):
        model(pictures)
    weights = {name: each.half() for name, each in folded_weights(model).items()}
    card = {"architecture": {"kind": "embedder", "rows": 48, "columns": 32}}
    write_model(tmp_path / "tiny.safetensors", weights, card)
    embedder = own_embedder(tmp_path / "tiny.safetensors")
    boxes = np.array([[32 * i, 0, 32 * i + 32, 48] for i in range(5)], float)
    vectors, _ = embedder(np.hstack(list(crops)), boxes)
    assert np.allclose(vectors[:, :8] * 2**0.5, model.eval()(pictures), atol=5e-3)


def test_what_is_learnt_from_and_what_is_held_out_are_other_tracks(tmp_path):
    crops = read_crops([write_crops(tmp_path, people=12)])
    learnt, held = halves(crops)
    assert len(learnt.track) + len(held.track) == len(crops.track)
    assert set(held.track) == {0, 10} and not set(held.track) & set(learnt.track)


def test_tracks_of_two_files_are_apart(tmp_path):
    (tmp_path / "other").mkdir()
    files = [write_crops(tmp_path), write_crops(tmp_path / "other")]
    one, both = read_crops(files[:1]), read_crops(files)
    for first, all_of_them in zip(one[1:], both[1:], strict=True):
        second = all_of_them[len(first) :]
        assert not (set(first) & set(second)) - {-1}
        assert (np.diff(second) == np.diff(first))[(first[1:] >= 0) & (first[:-1] >= 0)].all()
    assert both.track[-1] == -1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pictures", np.zeros((48, 128, 64, 1), np.uint8)), ("pictures", np.zeros((0, 4, 4, 3))),
        ("track", np.zeros(3, int)), ("moment", None),
    ],
)  # fmt: skip
def test_files_that_are_none_are_refused(name, value, tmp_path):
    path = write_crops(tmp_path)
    content = {**np.load(path), name: value}
    np.savez(path, **{key: each for key, each in content.items() if each is not None})
    with pytest.raises(MambatrackError, match=r"crops.npz: .*pictures \[N, H, W, 3\] uint8"):
        read_crops([path])
    path.write_bytes(b"PK no archive")
    with pytest.raises(MambatrackError, match=r"crops.npz: a .npz file with pictures"):
        read_crops([path])


def test_files_of_two_sizes_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    files = [write_crops(tmp_path), write_crops(tmp_path / "other", size=(64, 32))]
    with pytest.raises(MambatrackError, match=r"crops of \(128, 64, 3\) expected as in"):
        read_crops(files)


def test_too_few_crops_are_refused(tmp_path):
    with pytest.raises(MambatrackError, match="1 crops to learn from and 3 of every tenth"):
        train_embedder([write_crops(tmp_path, people=1)], RECIPE, tmp_path / "run")


def test_a_plain_crop_is_the_box_and_a_disturbed_one_is_near_it():
    """The stored crop is black around its box, of which the upper half is white."""
    picture = np.zeros((1, 120, 60, 3), np.uint8)
    picture[0, 12:60, 6:54] = 255
    rng = np.random.default_rng(0)
    (crop,) = plain(picture, (96, 48))
    assert (crop[:46] == 255).mean() > 0.95 and (crop[50:] == 0).all()
    seen = disturbed(np.repeat(picture, 40, axis=0), (96, 48), rng)
    assert seen.shape == (40, 96, 48, 3) and len(np.unique(seen.reshape(40, -1), axis=0)) == 40
    halves_of = seen.reshape(40, 2, 48, 48, 3).mean((0, 2, 3, 4))
    assert halves_of[0] > halves_of[1] + 60
    again = disturbed(np.repeat(picture, 40, axis=0), (96, 48), np.random.default_rng(0))
    assert (seen == again).all()


def test_losses_are_least_where_the_codes_are_right():
    teacher = torch.nn.functional.normalize(torch.eye(4) + 0.1)
    person = torch.tensor([0, 0, 1, 1])
    right = torch.eye(2)[person]
    wrong = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    apart = person[:, None] != person
    assert float(distance(teacher, teacher)) == pytest.approx(0, abs=1e-6)
    assert float(relations(teacher, teacher)) == pytest.approx(0, abs=1e-6)
    assert float(relations(teacher.flip(1), teacher)) == pytest.approx(0, abs=1e-6)
    assert float(relations(teacher[[0, 2, 1, 3]] * 1.0, right)) > 0.1
    assert (
        float(same_person(right, person, apart)) < 1e-3 < float(same_person(wrong, person, apart))
    )


def test_only_who_is_surely_another_person_is_pushed_away():
    person, moment = torch.tensor([0, 1, 2, 0, 3]), torch.tensor([5, 5, 6, 7, 9])
    scene, teacher = torch.tensor([0, 0, 0, 0, 1]), torch.eye(5)
    apart = surely_apart(person, moment, scene, teacher)
    assert apart[0].tolist() == [False, True, False, False, True]  # 2: at another moment
    alike = teacher.clone()
    alike[1] = teacher[0]
    assert not surely_apart(person, moment, scene, alike)[0, 1]


def test_each_view_has_the_code_that_the_teacher_gives_to_it(tmp_path):
    crops, teacher = read_crops([write_crops(tmp_path, people=4)]), open_embedder("colour")
    make = ViewMaker(teacher, (48, 32), 3, Recipe("embedder", {}, {}), tmp_path, silent)
    views = make("views", crops, 3)
    count = len(crops.track)
    assert views.pictures.shape == (3 * count, 48, 32, 3)
    assert (views.crop == np.tile(np.arange(count), 3)).all()
    for picture, code in zip(views.pictures[::5], views.codes[::5], strict=True):
        assert np.allclose(teacher(picture, np.array([[0, 0, 32, 48]])).vectors, code, atol=1e-6)
    assert len(np.unique(views.pictures.reshape(len(views.crop), -1), axis=0)) == 3 * count
    again = make("views", crops, 3)  # from the files
    assert all((first == second).all() for first, second in zip(views, again, strict=True))


def test_a_batch_has_views_of_the_same_people_and_of_people_like_them():
    """Of twelve people each looks like one other."""
    track = np.repeat(np.arange(12), 3)
    count = len(track)
    codes = np.eye(6, dtype=np.float32)[track // 2] + 0.1 * np.eye(12, 6, dtype=np.float32)[track]
    rng = np.random.default_rng(0)
    crops = Crops(np.zeros((count, 1, 1, 3), np.uint8), track, np.arange(count), track * 0)
    views = Views(
        np.zeros((2 * count, 1, 1, 3), np.uint8),
        np.tile(np.arange(count), 2),
        np.tile(codes, (2, 1)),
    )
    rows = Batches(views, crops, rng)(300, rng)
    first, same, alike = track[views.crop[rows]].reshape(3, 100)
    assert (first == same).all() and (first != alike).all()
    assert (first // 2 == alike // 2).mean() > 0.3  # by chance 1 in 11
    assert len(np.unique(first)) == 12


def test_the_main_axes_are_those_along_which_codes_vary_most():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    codes = rng.normal(size=(500, 6)) * (5, 4, 3, 0.1, 0.1, 0.1) @ turn
    axes = main_axes(codes, 3)
    assert np.linalg.norm(codes @ axes) > 0.99 * np.linalg.norm(codes)
    assert main_axes(codes, 8).shape == (6, 8) and (main_axes(codes, 8)[:, 6:] == 0).all()


def test_a_teacher_is_needed(tmp_path):
    with pytest.raises(MambatrackError, match=r"embedder.teacher is not set; .* FILE.onnx"):
        train_embedder([write_crops(tmp_path)], EmbedderConfig(), tmp_path / "run")
