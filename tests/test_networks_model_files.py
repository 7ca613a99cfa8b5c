"""The writer of weights and model cards: both whole, of one another, readable by all."""

import json
import os
import shutil

import pytest
import torch

from mambatrack import MambatrackError
from mambatrack.files import sha256
from mambatrack.motion.loading import load_predictor
from mambatrack.networks import model_files
from mambatrack.networks.model_files import load_model, new_model, read_card, write_model

CARD = {
    "architecture": {"kind": "causal", "d_model": 8, "layers": 1, "d_state": 2, "window": 10},
    "normalisation": {"unit": "box"},
    "spread": [[1.0] * 4] * 30,
    "training": {"step": 1},
}


def network(seed=0):
    torch.manual_seed(seed)
    return new_model("causal", 8, 1, 2)


def write(path, seed=0, **card):
    write_model(path, network(seed).state_dict(), CARD | card)
    return path


def test_what_was_written_is_read(tmp_path):
    path = write(tmp_path / "predictor.safetensors")
    model, card = load_model(path)
    for name, value in network().state_dict().items():
        assert torch.equal(model.state_dict()[name], value)
    assert {name: card[name] for name in CARD} == CARD
    assert load_predictor(path).state_size > 0
    assert sorted(os.listdir(tmp_path)) == ["predictor.json", "predictor.safetensors"]
    modes = {each.stat().st_mode for each in tmp_path.iterdir()}
    (tmp_path / "neighbour").write_text("")
    assert modes == {(tmp_path / "neighbour").stat().st_mode}


def test_what_could_not_be_measured_is_null(tmp_path):
    measured = {"error_1": float("nan"), "error_5": float("inf"), "each": [1.5, float("-inf")]}
    path = write(tmp_path / "predictor.safetensors", validation=measured)
    assert read_card(path)["validation"] == {"error_1": None, "error_5": None, "each": [1.5, None]}
    text = path.with_suffix(".json").read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_where_one_of_both_cannot_be_written_the_old_pair_stays(tmp_path, suffix, monkeypatch):
    path = write(tmp_path / "predictor.safetensors")
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    method = "write_text" if suffix == ".json" else "write_bytes"

    def full(self, *_, **__):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(type(path), method, full)
    with pytest.raises(OSError, match="No space left"):
        write(path, seed=1)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_crash_between_card_and_weights_is_seen_when_they_are_read(tmp_path, monkeypatch):
    path = write(tmp_path / "predictor.safetensors", training={"step": 1})
    replace = type(path).replace

    def crashing(self, target):
        if target.suffix == ".safetensors":
            raise SystemExit("crashed")
        return replace(self, target)

    monkeypatch.setattr(type(path), "replace", crashing)
    with pytest.raises(SystemExit):
        write(path, seed=1, training={"step": 2})
    assert json.loads(path.with_suffix(".json").read_text())["training"]["step"] == 2
    with pytest.raises(MambatrackError, match="the card names other weights"):
        read_card(path)
    monkeypatch.undo()
    write(path, seed=1, training={"step": 2})
    assert read_card(path)["training"]["step"] == 2


@pytest.mark.parametrize("name", model_files.SHIPPED.values())
def test_cards_are_read_whether_or_not_they_name_a_checksum(tmp_path, name):
    shipped = model_files.WEIGHTS / f"{name}.safetensors"
    card = read_card(shipped)
    assert card["sha256"] == sha256(shipped)
    path = shutil.copy(shipped, tmp_path / "old.safetensors")
    del card["sha256"]
    path.with_suffix(".json").write_text(json.dumps(card))
    assert read_card(path) == card
