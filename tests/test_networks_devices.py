"""Where a network runs."""

import pytest
import torch

from mambatrack.errors import MambatrackError
from mambatrack.kernels.cpu import library
from mambatrack.networks.devices import c_library_for, choose_device, one_thread


@pytest.mark.parametrize(
    ("device", "asked", "there", "expected"),
    [
        ("auto", None, True, True),
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
    if asked:
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
