"""The causal predictor's spread, and windows of what a detector saw."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mambatrack import MambatrackError, load_config, load_predictor
from mambatrack.datasets.people import read_people
from mambatrack.datasets.sequences import find_sequences
from mambatrack.learning.motion_losses import HELD, _scale_loss
from mambatrack.learning.motion_training import train
from mambatrack.learning.motion_windows import WindowSampler
from mambatrack.motion.causal_predictor import CausalPredictor
from mambatrack.motion.forecast import forecast
from mambatrack.networks.causal import CausalMotionPredictor, Rollout
from mambatrack.networks.units import OUTPUTS
from worlds import write_training_data

pytestmark = pytest.mark.usefixtures("quick_trainings")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


def scripted(log_scales):
    """A predictor whose network says that nothing moves, with these scales [4]."""

    class Network:
        carried_size = 1

        def __call__(self, tokens, carried):
            offsets = np.zeros((len(tokens), 4), np.float32)
            return np.hstack([offsets, np.tile(np.float32(log_scales), (len(tokens), 1))])

    return CausalPredictor(Network(), [[1, 1, 2, 2], [3, 3, 4, 4]])


def test_the_spread_is_the_networks_scale_times_what_validation_measured():
    predictor = scripted(np.log([0.1, 0.2, 0.3, 0.4]))
    state = predictor.start(np.array([[50, 60, 10, 20]], np.float32))
    _, spread = forecast(predictor, state, 3)
    first = np.array([0.1, 0.2, 0.3, 0.4]) * [10, 20, 10, 20]
    longer = np.sqrt(3 / 2) * np.array([3, 3, 4, 4])  # than what was measured
    for step, factor in enumerate(([1, 1, 2, 2], [3, 3, 4, 4], longer)):
        np.testing.assert_allclose(spread[0, step], first * factor, rtol=1e-5)


@pytest.mark.parametrize("scale", [-1e4, 1e4])
def test_a_scale_out_of_range_stays_finite(scale):
    predictor = scripted([scale] * 4)
    _, spread = forecast(predictor, predictor.start(np.ones((1, 4), np.float32)), 5)
    assert np.isfinite(spread).all() and (spread > 0).all()


def test_the_likelihood_finds_the_scale_and_leaves_the_boxes_alone():
    torch.manual_seed(0)
    noise = torch.distributions.Laplace(0.0, torch.tensor([0.05, 0.1, 0.2, 0.4]))
    future = torch.full((4000, 1, 4), 100.0)
    boxes = (future + 100 * noise.sample((4000, 1))).requires_grad_()
    guess = torch.zeros(4, requires_grad=True)
    optimiser = torch.optim.Adam([guess], 0.05)
    for _ in range(200):
        rolled = Rollout(boxes, guess.expand(4000, 1, 4), *[torch.zeros(1)] * 4)
        loss = _scale_loss(rolled, future)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    np.testing.assert_allclose(guess.exp().detach(), [0.05, 0.1, 0.2, 0.4], rtol=0.06)
    assert boxes.grad is None


def test_windows_show_what_was_detected_and_foretell_the_truth(data):
    sequences = find_sequences(data)
    people = [read_people(each, detected=True) for each in sequences]
    missed = [np.isnan(each.found[..., 0]) & ~np.isnan(each.boxes[..., 0]) for each in people]
    assert sum(each.sum() for each in missed) > 20
    drawn = WindowSampler(people, 10, 4).batch(np.random.default_rng(0), 64)
    assert drawn.seen[:, -1].all() and not drawn.seen.all()
    mirror = np.array([-1, 1, 1, 1], np.float32)
    boxes, found = (
        {tuple(np.round(box, 2)) for each in people for box in getattr(each, name).reshape(-1, 4)}
        for name in ("boxes", "found")
    )
    for history, future, seen in zip(drawn.history, drawn.future, drawn.seen, strict=True):
        for known, part in ((found, history[seen]), (boxes, future)):
            ways = [{tuple(np.round(box, 2)) for box in each} for each in (part, part * mirror)]
            assert ways[0] <= known or ways[1] <= known


def test_training_on_detections_gives_a_predictor_with_a_spread(data, tmp_path):
    small = {"kind": "causal", "source": "detections", "d_model": 8, "layers": 1, "d_state": 2,
             "steps": 6, "warmup": 4, "batch_size": 8, "forecast": 3}  # fmt: skip
    settings = load_config(None, {f"training.{key}": value for key, value in small.items()})
    predictor = load_predictor(train([data], settings, tmp_path))
    boxes = np.array([[50, 60, 10, 20], [90, 60, 30, 60]], np.float32)
    _, spread = forecast(predictor, predictor.start(boxes), 3)
    assert spread.shape == (2, 3, 4) and (spread > 0).all()


@pytest.mark.parametrize("other", [{"kind": "window"}, {"kind": "causal", "noise_data": "there"}])
def test_detections_need_a_network_that_knows_holes_and_no_other_noise(data, tmp_path, other):
    asked = {"source": "detections", **other}
    settings = load_config(None, {f"training.{key}": value for key, value in asked.items()})
    with pytest.raises(MambatrackError, match="training.source detections"):
        train([data], settings, tmp_path)


def test_data_without_detections_say_so(data):
    sequence = find_sequences(data)[0]
    sequence = type(sequence)(**{**vars(sequence), "det_path": None})
    with pytest.raises(MambatrackError, match="mambatrack simulate"):
        read_people(sequence, detected=True)


@pytest.mark.parametrize("backend", ["cpu", "torch"])
def test_a_network_from_before_it_had_a_spread_is_refused(tmp_path, monkeypatch, backend):
    monkeypatch.setenv("MAMBATRACK_BACKEND", backend)
    path = tmp_path / "old.safetensors"
    save_file(CausalMotionPredictor(8, 1, 2, outputs=4).state_dict(), path)
    card = '{"architecture": {"kind": "causal", "d_model": 8, "layers": 1, "d_state": 2}, '
    path.with_suffix(".json").write_text(card + '"spread": [[1, 1, 1, 1]]}')
    with pytest.raises(MambatrackError, match="old.safetensors"):
        load_predictor(path)
    assert OUTPUTS == 8 and 0.68 < HELD < 0.69
