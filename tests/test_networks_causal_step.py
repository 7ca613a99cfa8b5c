"""One step of the causal network for inference."""

import json

import numpy as np
import pytest
import torch

from mambatrack import MambatrackError, load_predictor
from mambatrack.networks.causal import (
    CausalMotionPredictor,
)
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.units import TOKEN


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "d_model, layers, d_state, back", [(16, 1, 4, 0), (24, 3, 5, 0), (24, 2, 5, 4), (16, 1, 4, 15)]
)
def test_the_step_for_inference_is_the_step_of_the_network(d_model, layers, d_state, back):
    model = CausalMotionPredictor(d_model, layers, d_state, back)
    step = CausalStep(model)
    carried = torch.zeros(5, model.carried_size)
    for _ in range(12):
        token = 3 * torch.randn(5, TOKEN)
        offset, after = (each.detach() for each in model.step(token, carried))
        ours = carried.numpy().copy()
        np.testing.assert_allclose(step(token.numpy(), ours), offset, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(ours, after, atol=1e-5, rtol=1e-5)
        carried = after


@pytest.mark.parametrize("backend", ["cpu", "torch"])
@pytest.mark.parametrize("change", [{"kind": "causal"}, {"back": 0}])
def test_a_card_of_another_look_back_is_refused(looking_back, change, backend, monkeypatch):
    monkeypatch.setenv("MAMBATRACK_BACKEND", backend)
    card = json.loads(looking_back.with_suffix(".json").read_text())
    card["architecture"] |= change
    looking_back.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="back.safetensors and its model card do not fit"):
        load_predictor(looking_back)
