"""Where a network runs."""

import os

import pytest
import torch

from mambatrack import load_predictor
from mambatrack.errors import MambatrackError
from mambatrack.kernels import choose_backend
from mambatrack.kernels.cpu import library
from mambatrack.networks.devices import (
    c_library_for,
    check_backend,
    choose_device,
    one_thread,
    reference_backend,
)


@pytest.mark.parametrize(
    ("device", "asked", "there", "expected"),
    [
        ("auto", None, True, True),
        ("cpu", "", True, True),
        ("cpu", "cpu", True, True),
        ("cpu", "auto", True, True),
        ("cuda", None, True, False),
        ("cpu", "torch", True, False),
        ("cpu", "triton", True, False),
        ("auto", "cpu", False, False),
    ],
)
def test_the_c_library_is_taken_where_nothing_else_is_asked_for(
    monkeypatch, device, asked, there, expected
):
    monkeypatch.setattr(library, "available", lambda: there)
    monkeypatch.delenv("MAMBATRACK_BACKEND", raising=False)
    if asked is not None:
        monkeypatch.setenv("MAMBATRACK_BACKEND", asked)
    assert c_library_for(device) is expected


@pytest.mark.parametrize("gpu", [True, False])
def test_auto_takes_a_gpu_where_there_is_one(monkeypatch, gpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert choose_device("auto") == ("cuda" if gpu else "cpu")
    assert choose_device("cpu") == "cpu"
    if gpu:
        assert choose_device("cuda") == "cuda"
    else:
        with pytest.raises(MambatrackError, match="torch sees no GPU; use --device cpu"):
            choose_device("cuda")


@pytest.mark.parametrize(
    ("asked", "training", "message"),
    [
        ("fast", False, "unknown backend 'fast' in MAMBATRACK_BACKEND; known are .*name another"),
        ("fast", True, "unknown backend 'fast'"),
        ("cpu", True, "'cpu' cannot do this .*no backward; unset MAMBATRACK_BACKEND"),
    ],
)
def test_a_backend_that_cannot_run_the_networks_is_refused_before_they_run(
    monkeypatch, asked, training, message
):
    monkeypatch.setenv("MAMBATRACK_BACKEND", asked)
    with pytest.raises(MambatrackError, match=message):
        check_backend("cpu", training)


@pytest.mark.parametrize("asked", ["", "auto", "torch", "reference"])
def test_a_backend_that_runs_the_networks_is_accepted(monkeypatch, asked):
    monkeypatch.setenv("MAMBATRACK_BACKEND", asked)
    for training in (False, True):
        check_backend("cpu", training)
        with torch.set_grad_enabled(training):
            taken = choose_backend("auto", torch.empty(1, requires_grad=training))
        assert taken in ((asked,) if asked in ("torch", "reference") else ("cpu", "torch"))


@pytest.mark.parametrize("asked", [None, "triton"])
def test_the_reference_is_taken_whatever_is_asked_for(monkeypatch, asked):
    monkeypatch.delenv("MAMBATRACK_BACKEND", raising=False)
    if asked is not None:
        monkeypatch.setenv("MAMBATRACK_BACKEND", asked)
    with pytest.raises(RuntimeError), reference_backend():
        assert choose_backend("auto", torch.zeros(1).double()) == "reference"
        raise RuntimeError
    assert os.environ.get("MAMBATRACK_BACKEND") == asked


@pytest.mark.parametrize("device", ["cuda:1", "gpu", ""])
def test_a_device_that_is_none_is_refused(device):
    with pytest.raises(MambatrackError, match="expected auto, cpu, cuda; which GPU"):
        load_predictor("mamba", device=device)


@pytest.mark.parametrize("predictor", ["mamba", "mamba-window"])
def test_opening_a_predictor_says_that_the_backend_is_wrong_and_not_the_weights(
    monkeypatch, predictor
):
    monkeypatch.setenv("MAMBATRACK_BACKEND", "fast")
    with pytest.raises(MambatrackError, match="^unknown backend 'fast' in MAMBATRACK_BACKEND"):
        load_predictor(predictor)


def test_threads_are_given_back_also_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError), one_thread():
            assert torch.get_num_threads() == 1
            raise RuntimeError
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
