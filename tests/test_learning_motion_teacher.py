"""A network with foresight teaches one without."""

import json

import numpy as np
import pytest
import torch

from mambatrack import MambatrackError, load_predictor
from mambatrack.files import sha256
from mambatrack.learning.motion_losses import rollout_loss
from mambatrack.learning.motion_teacher import Teacher
from mambatrack.learning.motion_training import train
from mambatrack.motion.export_onnx import export
from mambatrack.networks.model_files import new_model
from test_learning_motion_training import settings_of
from test_learning_motion_windows import sampler
from worlds import write_training_data

pytestmark = pytest.mark.usefixtures("quick_trainings")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


@pytest.fixture(scope="module")
def seer(data, tmp_path_factory):
    """A teacher that sees two frames of the future."""
    recipe = settings_of(foresight=2, window=5, forecast=2, d_model=16, steps=100, warmup=30,
                         checkpoint_every=100)  # fmt: skip
    return train([data], recipe, tmp_path_factory.mktemp("seer"))


def test_a_network_with_foresight_knows_more_and_cannot_track(data, seer, tmp_path):
    blind = train([data], settings_of(window=5, forecast=2, d_model=16, steps=100, warmup=30,
                                      checkpoint_every=100), tmp_path)  # fmt: skip
    cards = [json.loads(each.with_suffix(".json").read_text()) for each in (seer, blind)]
    assert cards[0]["validation"]["error_5"] < 0.8 * cards[1]["validation"]["error_5"]
    with pytest.raises(MambatrackError, match="needs 2 boxes from after .* can teach"):
        load_predictor(seer)
    with pytest.raises(MambatrackError, match="needs 2 boxes from after"):
        export(seer, tmp_path / "seer.onnx")


@pytest.mark.parametrize("foresight", [0, 2])
def test_a_teacher_answers_as_its_network_does_for_every_prefix(data, seer, foresight):
    teacher = Teacher(str(seer)) if foresight else Teacher("mamba-window")
    batch = sampler(data, q=14, rollout=3 + foresight).batch(np.random.default_rng(5), 6)
    moves = teacher.goal(batch, torch.device("cpu")).moves
    assert teacher.foresight == foresight
    for age in range(5):  # as if the history had ended ``age`` frames before
        track = np.concatenate([batch.history, batch.future], axis=1)[:, : 15 + 3 + foresight - age]
        old = batch._replace(
            history=track[:, : 15 - age],
            future=track[:, 15 - age : 16 - age + foresight],
            counts=np.maximum(batch.counts - age, 1),
        )
        ahead = teacher.goal(old, torch.device("cpu")).ahead
        known = torch.from_numpy(batch.counts > age)
        want = (ahead[:, 0] - torch.from_numpy(old.history[:, -1]))[known]
        torch.testing.assert_close(moves[known, 14 - age], want, atol=1e-3, rtol=1e-4)


def test_what_is_learnt_is_shared_between_the_truth_and_the_teacher(data):
    batch = sampler(data, rollout=3).batch(np.random.default_rng(6), 8)
    model = new_model("causal", 8, 1, 2)
    taught = Teacher("mamba-window").goal(batch, torch.device("cpu"))

    def loss(weight, taught):
        return rollout_loss(model, batch, settings_of(teacher_weight=weight), taught=taught).item()

    truth, lesson = loss(0.0, None), loss(1.0, taught)
    assert loss(0.0, taught) == pytest.approx(truth) and lesson != pytest.approx(truth)
    assert loss(0.25, taught) == pytest.approx(0.75 * truth + 0.25 * lesson)


def test_a_causal_network_learns_from_a_teacher(data, seer, tmp_path):
    recipe = settings_of(kind="causal", teacher=str(seer), forecast=2, window=12)
    card = json.loads(train([data], recipe, tmp_path).with_suffix(".json").read_text())
    assert card["training"]["teacher"] == "/".join(seer.parts[-2:])
    assert card["training"]["teacher_sha256"] == sha256(seer)
    for name in ("mamba", "kalman"):
        with pytest.raises(MambatrackError, match="is not allowed .one of mamba-window"):
            settings_of(teacher=name)
        with pytest.raises(MambatrackError, match="no network of kind window; give mamba-window"):
            Teacher(name)
