import csv
import json
import os
import signal
import time

import numpy as np
import pytest
import torch

from mambatrack import MambatrackError, load_config, load_predictor
from mambatrack.learning.motion_training import train
from mambatrack.motion.causal_predictor import CausalPredictor
from split_processes import end_split, start_split
from worlds import write_training_data

pytestmark = pytest.mark.usefixtures("quick_trainings")
SMALL = {"d_model": 8, "layers": 1, "d_state": 2, "steps": 6, "warmup": 4, "checkpoint_every": 3,
         "batch_size": 8}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_training_data(tmp_path_factory.mktemp("data"), 3)


def settings_of(**changes):
    values = SMALL | changes
    return load_config(None, {f"training.{key}": value for key, value in values.items()}).training


def test_training_learns_and_its_predictor_loads(data, tmp_path):
    settings = settings_of(
        d_model=16, steps=90, warmup=24, checkpoint_every=30, forecast=2,
        noise_data=str(data), identity_weight=0.1,
    )  # fmt: skip
    out = train([data], settings, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["30", "60", "90"]
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["training"]["step"] == 90 and len(card["spread"]) == 30
    assert card["architecture"]["d_model"] == 16
    state = load_predictor(out).start(np.array([[10, 10, 5, 9]], np.float32))
    assert state.shape == (1, 46)


@pytest.mark.parametrize("kind, kept", [("causal", 0), ("causal-back", 2 * 7)])
def test_a_causal_network_learns_from_histories_with_gaps_and_loads(kind, kept, data, tmp_path):
    recipe = settings_of(
        kind=kind, back=3, d_model=16, steps=75, warmup=25, checkpoint_every=25, forecast=3,
        gap_share=0.5, noise_data=str(data), identity_weight=0.1, window=12,
    )  # fmt: skip
    out = train([data], recipe, tmp_path)
    with (tmp_path / "log.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["architecture"]["kind"] == kind and f"--training.kind {kind}" in card["command"]
    assert card["architecture"].get("back") == (3 if kept else None)
    predictor = load_predictor(out)
    assert isinstance(predictor, CausalPredictor)
    assert predictor.start(np.array([[10, 10, 5, 9]], np.float32)).shape == (
        1,
        17 + 2 * (32 * 5 + kept),
    )


def test_a_training_in_the_time_of_its_sources_says_so_and_goes_on_only_as_that(data, tmp_path):
    def config(rate):
        small = {f"training.{key}": value for key, value in (SMALL | {"kind": "causal"}).items()}
        return load_config(None, small | {"tracker.frame_rate": rate})

    train([data], config(50.0), tmp_path)
    card = json.loads((tmp_path / "predictor.json").read_text())
    assert card["training"]["frame_rate"] == 50
    assert card["command"].endswith("--tracker.frame_rate 50")
    with pytest.raises(MambatrackError, match="tracker.frame_rate 50.0 and not None"):
        train([data], config(0.0), tmp_path)


def test_a_causal_network_has_one_unit(data, tmp_path):
    with pytest.raises(MambatrackError, match="training.unit box only"):
        train([data], settings_of(kind="causal", unit="image"), tmp_path)


def test_a_causal_network_does_not_see_the_future(data, tmp_path):
    with pytest.raises(MambatrackError, match="foresight needs kind window"):
        train([data], settings_of(kind="causal", foresight=2), tmp_path)


def test_training_that_diverges_says_so_and_writes_nothing_of_it(data, tmp_path):
    recipe = settings_of(rate=1000.0, warmup=1, steps=200, checkpoint_every=200)
    with pytest.raises(MambatrackError, match="loss is (nan|inf) at step .* lower training.rate"):
        train([data], recipe, tmp_path)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def weights_of(folder):
    from safetensors.torch import load_file

    return load_file(folder / "predictor.safetensors")


def test_a_resumed_run_equals_one_in_one_piece(data, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train([data], settings_of(), whole)
    train([data], settings_of(steps=3), parts)
    train([data], settings_of(), parts)
    for name, value in weights_of(whole).items():
        torch.testing.assert_close(weights_of(parts)[name], value)
    assert (whole / "log.csv").read_text() == (parts / "log.csv").read_text()


def train_without_end(data, out):
    train([data], settings_of(steps=100_000), out)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_run_goes_on_from_its_checkpoint(data, tmp_path, tmp_path_factory):
    said = tmp_path_factory.mktemp("said")
    process = start_split(said, train_without_end, data, tmp_path)
    deadline = time.monotonic() + 120
    while not (tmp_path / "checkpoint.safetensors").is_file():
        assert process.is_alive() and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    assert end_split(said, process).returncode == -signal.SIGKILL
    seen = []
    with (tmp_path / "log.csv").open() as file:
        done = max(int(row["step"]) for row in csv.DictReader(file))
    train([data], settings_of(steps=done + 6), tmp_path, lambda report: seen.append(report.done))
    assert seen and seen[0] > 1 and seen[-1] == done + 6


def test_unusable_checkpoints_and_data_are_explained(data, tmp_path):
    train([data], settings_of(steps=3), tmp_path)
    with pytest.raises(MambatrackError, match="other settings"):
        train([data], settings_of(seed=1), tmp_path)
    with pytest.raises(MambatrackError, match="other settings"):
        train([data], settings_of(kind="causal"), tmp_path)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(MambatrackError, match="is damaged"):
        train([data], settings_of(), tmp_path)
    with pytest.raises(MambatrackError, match="at least 2 sequences"):
        train([data / "world0"], settings_of(), tmp_path / "other")


def test_a_checkpoint_from_before_a_setting_was_there_is_continued(data, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    train([data], settings_of(steps=3), tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    older = json.loads(metadata["settings"])
    older["gaps"] = older.pop("gap_share")  # as the setting was called
    del older["kind"], older["data"]
    save_file(load_file(path), path, metadata | {"settings": json.dumps(older)})
    steps = []
    train([data], settings_of(steps=5), tmp_path, lambda report: steps.append(report.done))
    assert steps == [4, 5]
