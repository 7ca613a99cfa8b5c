import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.motion import window_predictor
from mambatrack.networks import window_step
from mambatrack.networks.graphs import capture, eager
from mambatrack.networks.model_files import WEIGHTS
from mambatrack.networks.window import MotionPredictor
from mambatrack.networks.window_step import GraphNetwork, TorchNetwork


def model():
    torch.manual_seed(0)
    return MotionPredictor(8, 2, 3)


def tracks(count, seed=0, q=4):
    rng = np.random.default_rng(seed)
    offsets = rng.normal(size=(count, q, 4)).astype(np.float32)
    return offsets, rng.integers(0, q + 1, count)


@settings(max_examples=15, deadline=None)
@given(counts=st.lists(st.integers(0, 40), min_size=1, max_size=4), seed=st.integers(0, 9))
def test_equals_the_network_whatever_was_in_the_buffers(counts, seed):
    plain, graphs = TorchNetwork(model()), GraphNetwork(model(), "cpu", eager)
    for count in counts:
        offsets, lengths = tracks(count, seed)
        found = graphs(offsets, lengths)
        assert found.shape == (count, 4) and found.dtype == np.float32
        np.testing.assert_allclose(found, plain(offsets, lengths), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, 1e30])
def test_rows_that_fill_a_bucket_have_length_0_and_change_nothing(garbage):
    fresh, used = (GraphNetwork(model(), "cpu", eager) for _ in range(2))
    used(np.full((16, 4, 4), garbage, np.float32), np.full(16, 4))
    few = tracks(5)
    np.testing.assert_array_equal(used(*few), fresh(*few))
    assert (used.graphs.recordings[16, 17].host[5:] == 0).all()


def test_graphs_of_usual_crowds_are_recorded_at_the_start():
    graphs, plain = GraphNetwork(model(), "cpu", eager, q=4), TorchNetwork(model())
    assert sorted(graphs.graphs.recordings) == [(rows, 17) for rows in (16, 32, 64, 128, 304)]
    for count in (3, 200):
        found = graphs(*tracks(count))
        np.testing.assert_allclose(found, plain(*tracks(count)), rtol=1e-5, atol=1e-6)


def test_a_gpu_gets_graphs_and_a_cpu_does_not(monkeypatch):
    made = []
    monkeypatch.setattr(window_step, "GraphNetwork", lambda *each, q: made.append((*each, q)))
    monkeypatch.setattr(window_predictor, "c_library_for", lambda device: False)
    monkeypatch.setattr("mambatrack.networks.devices.choose_device", lambda device: device)
    path = WEIGHTS / "mambatrack-window.safetensors"
    assert isinstance(window_predictor.open_network(path, "cpu"), TorchNetwork) and not made
    window_predictor.open_network(path, "cuda", 10)
    assert made[0][1:] == ("cuda", 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_graphs_on_a_gpu_equal_the_network_there_and_on_the_cpu():
    graphs, there = GraphNetwork(model()), TorchNetwork(model(), "cuda")
    here = TorchNetwork(model())
    for count in (1, 16, 5, 100, 304, 1300):
        some = tracks(count, seed=count)
        np.testing.assert_allclose(graphs(*some), there(*some), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(graphs(*some), here(*some), rtol=1e-4, atol=1e-5)
    assert graphs.graphs.record is capture and len(graphs.graphs.recordings) == 4
