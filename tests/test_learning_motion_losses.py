"""Losses of the motion model."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mambatrack.boxes import cxcywh_to_xyxy, iou
from mambatrack.learning.motion_losses import generalised_iou, identity_loss, rollout_loss
from mambatrack.networks.window import MotionPredictor, offset_scale, window_offsets
from test_learning_motion_training import settings_of
from test_learning_motion_windows import sampler
from worlds import write_training_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


def test_rollout_of_one_is_the_papers_loss(data):
    torch.manual_seed(0)
    settings = settings_of()
    model = MotionPredictor(8, 1, 2)
    batch = sampler(data, rollout=1).batch(np.random.default_rng(3), 8)
    history, counts, future = map(torch.from_numpy, batch[:3])
    scale = offset_scale(history, counts, "box")
    target = (future[:, 0] - history[:, -1]) / scale
    offset = model(*window_offsets(history, counts, scale))
    want = torch.nn.functional.smooth_l1_loss(offset, target)
    torch.testing.assert_close(rollout_loss(model, batch, settings), want)


boxes = st.tuples(st.floats(-50, 50), st.floats(-50, 50), st.floats(1, 50), st.floats(1, 50))


@given(a=boxes, b=boxes)
def test_generalised_iou_is_iou_less_the_empty_share_of_the_hull(a, b):
    a, b = np.array([a]), np.array([b])
    value = float(generalised_iou(torch.tensor(a), torch.tensor(b))[0])
    plain = iou(cxcywh_to_xyxy(a), cxcywh_to_xyxy(b))[0, 0]
    assert -1 < value <= plain + 1e-9
    assert float(generalised_iou(torch.tensor(a), torch.tensor(a))[0]) == pytest.approx(1)


def test_identity_loss_prefers_the_own_box_and_ignores_lonely_people():
    own = torch.tensor([[[0.0, 0, 10, 20]]])
    rival = torch.tensor([[[[6.0, 0, 10, 20], [float("nan")] * 4]]])
    right, hit = identity_loss(own, own, rival)
    wrong, miss = identity_loss(rival[:, :, 0], own, rival)
    assert right < 0.1 < wrong and hit == 1 and miss == 0
    nobody, _ = identity_loss(own, own, torch.full((1, 1, 2, 4), float("nan")))
    assert nobody == 0
