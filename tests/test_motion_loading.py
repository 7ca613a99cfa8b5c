"""Predictors by name or from a file."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mambatrack.config import TrackerConfig
from mambatrack.errors import MambatrackError
from mambatrack.motion.loading import configured_predictor, load_predictor
from mambatrack.motion.window_predictor import WindowPredictor
from mambatrack.networks.window import MotionPredictor
from mambatrack.networks.window_step import TorchNetwork
from test_motion_window_predictor import FIRST


@pytest.mark.parametrize("name", ["mamba", "mamba-window"])
def test_shipped_predictors_load_and_move_with_the_track(name):
    predictor = load_predictor(name, image_size=(1920, 1080))
    state = predictor.start(np.array([[100, 500, 80, 200]], np.float32))
    for step in range(1, 15):
        predictor.predict(state)
        predictor.correct(state, FIRST, np.array([[100 + 8 * step, 500, 80, 200]], np.float32))
    ahead, _ = predictor.predict(state)
    assert 212 < ahead[0, 0] < 228 + 8


def test_unusable_files_are_named(tmp_path):
    with pytest.raises(MambatrackError, match="nothing.safetensors not found; give mamba-window, "):
        load_predictor(tmp_path / "nothing.safetensors")
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"no weights")
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(MambatrackError, match="do not fit together"):
        load_predictor(path)
    save_file(MotionPredictor(8, 1, 2).state_dict(), path)
    size: dict[str, object] = {"d_model": 16, "layers": 1, "d_state": 2, "window": 10}
    card = {"architecture": size, "normalisation": {"unit": "box"}, "spread": [[0.1] * 4]}
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="do not fit together"):
        load_predictor(path)
    size |= {"d_model": 8, "kind": "diagonal"}
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(MambatrackError, match="unknown kind of network 'diagonal'"):
        load_predictor(path)
    del size["kind"]  # cards from before there were kinds
    path.with_suffix(".json").write_text(json.dumps(card))
    assert isinstance(load_predictor(path), WindowPredictor)


@pytest.mark.parametrize("given, read", [(0, 10), (3, 3), (99, 10)])
def test_the_setting_says_how_much_is_read_of_a_track_that_was_just_seen(given, read):
    predictor = configured_predictor(TrackerConfig("mamba-window", seen_window=given))
    assert predictor.seen_q == read


def test_image_unit_needs_the_image_size():
    with pytest.raises(MambatrackError, match="give image_size"):
        WindowPredictor(TorchNetwork(MotionPredictor(8, 1, 2)), 10, "image", [[0.1] * 4])


def test_cuda_without_a_gpu_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(MambatrackError, match="use --device cpu"):
        load_predictor("mamba", (100, 100), device="cuda")
