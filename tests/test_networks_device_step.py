"""Steps of the causal network whose states stay on a device, fused and not; on a GPU where there is
one, else on the CPU and in Triton's interpreter (conftest.py)."""

import os

import numpy as np
import pytest
import torch

from mambatrack.networks import graphs
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.device_step import FIRST, DeviceStep
from mambatrack.networks.units import TOKEN

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture
def build(monkeypatch):
    """-> the function of a step with untrained weights, and its network."""
    monkeypatch.setattr(graphs, "AT_START", 0)
    monkeypatch.setattr(graphs, "BUCKETS", (1, 2, 3))

    def built(fused, *sizes, **more):
        if fused and DEVICE == "cpu":
            pytest.importorskip("triton")
            if os.environ.get("TRITON_INTERPRET") != "1":
                pytest.skip("neither a GPU nor TRITON_INTERPRET=1")
        monkeypatch.setenv("MAMBATRACK_BACKEND", "triton" if fused else "torch")
        torch.manual_seed(0)
        model = CausalMotionPredictor(*sizes, **more)
        step = DeviceStep(CausalStep(model, DEVICE), slots=16)
        assert step.fused == fused
        return step, model.cpu()

    return built


@pytest.mark.parametrize("fused, sizes", [(True, (12, 2, 3)), (False, (8, 2, 3))])
def test_the_step_is_that_of_the_network_and_slots_that_are_read_stay(build, fused, sizes):
    step, model = build(fused, *sizes)
    rng = np.random.default_rng(0)
    carried, before = torch.zeros(2, model.carried_size), np.zeros(2, np.int64)
    for after in (np.array([5, 9]), np.array([15, 3])):
        tokens = rng.normal(0, 3, (2, TOKEN)).astype(np.float32)
        tokens[1, 0] = 1e9  # clamped
        kept = step.read(before)
        wanted, new = (each.detach() for each in model.step(torch.from_numpy(tokens), carried))
        np.testing.assert_allclose(step(tokens, before, after), wanted, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(step.read(after), new, atol=1e-5, rtol=1e-5)
        if before.any():
            np.testing.assert_array_equal(step.read(before[:1]), kept[:1])
        carried, before = new, after
    assert not step.read(np.array([FIRST])).any()


@pytest.mark.parametrize("fused", [True, False])
def test_a_row_that_keeps_nothing_and_one_that_is_not_a_number(build, fused):
    step, _ = build(fused, 8, 1, 3)
    tokens = np.ones((3, TOKEN), np.float32)
    alone = step(tokens[:1], np.zeros(1, np.int64), np.array([4]))
    tokens[2] = np.nan
    found = step(tokens, np.zeros(3, np.int64), np.array([5, 0, 6]))
    np.testing.assert_allclose(found[:2], np.repeat(alone, 2, axis=0), atol=1e-6)
    assert np.isnan(found[2]).all() and np.isnan(step.read(np.array([6]))).any()
    assert not step.read(np.array([FIRST, 7])).any()
    np.testing.assert_allclose(*step.read(np.array([4, 5])), atol=1e-6)


def test_states_stay_when_the_pool_grows_and_come_and_go(build):
    step, model = build(False, 8, 1, 3, back=2)
    states = np.random.default_rng(0).normal(size=(3, model.carried_size)).astype(np.float32)
    step.write(np.array([3, 2, 9]), states)
    tokens, before = np.ones((3, TOKEN), np.float32), np.array([3, 2, 9])
    first = step(tokens, before, np.array([10, 11, 12]))
    step.grow(40)
    np.testing.assert_array_equal(step.read(before), states)
    np.testing.assert_array_equal(step(tokens, before, np.array([37, 38, 39])), first)
    np.testing.assert_array_equal(step.read(np.array([39])), step.read(np.array([12])))
