"""Training of the association."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from association_models import WIDTH, small_config, world
from mambatrack import MambatrackError, Tracker, load_config
from mambatrack.association.features import NAMES
from mambatrack.association.loading import split_members
from mambatrack.learning.association_network import PairLogits, pair_loss
from mambatrack.learning.association_pieces import join
from mambatrack.learning.association_teacher import AssociationTeacher
from mambatrack.learning.association_training import read_recordings, train_association
from mambatrack.simulation.world import write_sequence

pytestmark = pytest.mark.usefixtures("quick_trainings")


@pytest.fixture(scope="module")
def trained(sequences, tmp_path_factory):
    """-> (the weights of 120 steps, what the training reported)."""
    lines, folder = [], tmp_path_factory.mktemp("run")
    return train_association([sequences[0]], small_config(steps=120), folder, lines.append), lines


def test_training_learns_and_its_network_tracks(sequences, trained):
    path, lines = trained
    log = np.loadtxt(path.parent / "log.csv", delimiter=",", skiprows=1, ndmin=2)
    assert log[-1, 0] == 120 and np.isfinite(log).all()
    stages = list(dict.fromkeys((each.stage, each.unit, each.total) for each in lines))
    assert stages == [
        ("tracking 1 of 2", "sequences", 2), ("iteration 1 of 2", "steps", 40),
        ("tracking 2 of 2", "sequences", 2), ("iteration 2 of 2", "steps", 120),
    ]  # fmt: skip
    assert [each.done for each in lines if each.total == 120] == list(range(1, 121))
    assert [each.done for each in lines if each.logged] == [40, 120]
    before = (path.parent / "log.csv").read_bytes()
    assert train_association([sequences[0]], small_config(steps=120), path.parent) == path
    assert (path.parent / "log.csv").read_bytes() == before  # nothing was left to do
    tracker = Tracker(load_config(None, {"tracker.association": str(path)}), (WIDTH, 540))
    ids = {i for each in world(60) for i in tracker.update(each).ids.tolist()}
    assert 1 <= len(ids) < 100


def test_members_are_networks_of_their_own_and_a_stopped_training_keeps_those_it_has(
    sequences, tmp_path
):
    config = small_config(members=2)
    path = train_association([sequences[0]], config, tmp_path / "run")
    alone = train_association([sequences[0]], small_config(), tmp_path / "alone")
    members = split_members(load_file(path))
    first, second = (load_file(tmp_path / f"run/member-{i}" / path.name) for i in range(2))
    assert len(members) == 2 and first.keys() == second.keys()
    for name, array in load_file(alone).items():
        assert np.array_equal(members[0][name], array) and np.array_equal(first[name], array)
        assert np.array_equal(members[1][name], second[name])
    assert not np.array_equal(first["out.weight"], second["out.weight"])
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["architecture"]["members"] == card["training"]["members"] == 2
    assert card["training"]["seed"] == 0
    whole, log = path.read_bytes(), (tmp_path / "run/member-0/log.csv").read_bytes()
    path.unlink()
    (tmp_path / "run/member-1" / path.name).unlink()
    assert train_association([sequences[0]], config, tmp_path / "run").read_bytes() == whole
    assert (tmp_path / "run/member-0/log.csv").read_bytes() == log


def test_a_pupil_comes_nearer_to_its_teacher_than_a_network_without_one(
    sequences, trained, tmp_path
):
    (root, found), (taught_by, _) = sequences, trained
    made = {}
    for teacher in ("", str(taught_by)):
        config = small_config(steps=60, seed=7, teacher=teacher, teacher_weight=1.0)
        made[teacher] = train_association([root], config, tmp_path / f"pupil{len(teacher)}")
    taught = AssociationTeacher(str(taught_by))
    recordings = read_recordings([tmp_path / "pupil0/iteration-1"], found)
    given = taught.teach(recordings.learnt[0])
    goal = PairLogits(*map(torch.from_numpy, given.taught))
    batch = join([given.cut(0, len(given.recording.pairs), False)])
    with torch.no_grad():
        far, near = (
            float(pair_loss(AssociationTeacher(str(each)).networks[0](batch), batch, goal, 1.0))
            for each in made.values()
        )
    assert near < far


def test_a_teacher_has_to_read_the_same_features(sequences, tmp_path):
    path = train_association([sequences[0]], small_config(), tmp_path / "run")
    card = json.loads(path.with_suffix(".json").read_text())
    card["features"] = card["features"][:-1]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="association.teacher: .*other features"):
        AssociationTeacher(str(path))
    card["features"] = list(NAMES)
    del card["architecture"]["rounds"]
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="rounds"):
        AssociationTeacher(str(path))
    with pytest.raises(MambatrackError, match="nowhere"):
        AssociationTeacher(str(tmp_path / "nowhere.safetensors"))


def test_training_is_the_same_twice(sequences, tmp_path):
    a, b = (
        train_association([sequences[0]], small_config(iterations=1), tmp_path / name)
        for name in "ab"
    )
    assert a.read_bytes() == b.read_bytes()


def test_training_refuses_other_settings_and_data_without_detections(sequences, tmp_path):
    train_association([sequences[0]], small_config(iterations=1), tmp_path / "run")
    with pytest.raises(MambatrackError, match="other settings"):
        train_association([sequences[0]], small_config(rate=0.1), tmp_path / "run")
    with pytest.raises(MambatrackError, match="different names"):
        train_association([sequences[0], sequences[0]], small_config(), tmp_path / "twice")
    (tmp_path / "data").mkdir()
    write_sequence(tmp_path / "data/A", frames=5)
    (tmp_path / "data/A/det/det.txt").unlink()
    with pytest.raises(MambatrackError, match="simulate"):
        train_association([tmp_path / "data"], small_config(), tmp_path / "other")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("det/det.txt", "\n", "with boxes in gt/gt.txt and det/det.txt, found 1"),
        ("gt/gt.txt", "", "with boxes in gt/gt.txt and det/det.txt, found 1"),
        ("det/det.txt", "1,-1,5,5,20,40,0.9\n", "no detection is near a track .* to validate on"),
    ],
)
def test_files_in_which_there_is_nothing_to_learn_are_told_of(tmp_path, file, content, said):
    for seed, name in enumerate("ab"):
        write_sequence(tmp_path / "data" / name, seed=seed, people=2, frames=8, size=(320, 240))
    (tmp_path / "data/a" / file).write_text(content)
    with pytest.raises(MambatrackError, match=said):
        train_association([tmp_path / "data"], small_config(), tmp_path / "run")
