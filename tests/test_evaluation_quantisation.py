"""Networks in 8 bits, written and compared with those that they were made of."""

import json

import numpy as np
import pytest

from association_models import network
from mambatrack import MambatrackError, load_config
from mambatrack.association.loading import load_learned
from mambatrack.datasets.sequences import find_sequences
from mambatrack.evaluation.quantisation import quantise
from mambatrack.motion.loading import load_predictor
from mambatrack.networks.model_files import new_model, read_card, write_model
from worlds import write_training_data

CONFIG = load_config().tracker


@pytest.fixture(scope="module")
def sequences(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_training_data(folder, 1)
    return find_sequences(folder)


def association(path):
    card = {"architecture": {"kind": "association", "rounds": 2}}
    write_model(path, network().state_dict(), card)
    return path


# the names of its weights are a third of what the smaller one takes in eight bits
@pytest.mark.parametrize("name, share", [("mamba", 0.3), ("mamba-window", 0.4)])
def test_a_predictor_in_eight_bits_predicts_nearly_the_same(tmp_path, sequences, name, share):
    made = quantise(name, tmp_path / "small.safetensors", sequences, CONFIG)
    assert made.size <= share * made.size_before
    assert 0 < made.error["boxes"]["mean"] < made.error["boxes"]["below_99"] < 0.05
    told = read_card(made.path)["quantised"]
    assert told["bits"] == 8 and told["error"] == made.error
    assert told["measured_on"] == [each.name for each in sequences]
    before, after = load_predictor(name), load_predictor(made.path)
    boxes = np.array([[100, 100, 40, 80]], np.float32)
    states = [each.start(boxes) for each in (before, after)]
    (predicted, _), (found, _) = before.predict(states[0]), after.predict(states[1])
    np.testing.assert_allclose(found, predicted, rtol=0.01)


def test_an_association_in_eight_bits_decides_nearly_the_same(tmp_path, sequences):
    made = quantise("learned", tmp_path / "small.safetensors", sequences, CONFIG)
    assert made.kind == "association" and made.size <= 0.3 * made.size_before
    assert 0 < made.error["odds"]["mean"] < 0.2
    assert 0 <= made.error["matched_otherwise"] < 0.05
    assert load_learned(made.path, CONFIG).memory_size > 0


def test_what_is_far_from_the_network_is_told(tmp_path, sequences, monkeypatch):
    from mambatrack.evaluation import quantisation

    monkeypatch.setattr(quantisation, "in_eight_bits", lambda weights: {
        name: np.zeros_like(each) for name, each in weights.items()
    })  # fmt: skip
    made = quantise("learned", tmp_path / "nothing.safetensors", sequences, CONFIG)
    assert made.error["odds"]["mean"] > 1 and made.error["matched_otherwise"] > 0.5


def test_an_association_of_one_network_is_taken(tmp_path):
    path = association(tmp_path / "one.safetensors")
    made = quantise(path, tmp_path / "small.safetensors")
    assert made.error == {} and "error" not in read_card(made.path, ("association",))["quantised"]
    assert load_learned(made.path, CONFIG).memory_size == load_learned(path, CONFIG).memory_size


def assert_refused(said, *arguments, **rest):
    with pytest.raises(MambatrackError, match=said):
        quantise(*arguments, **rest)


def test_what_cannot_be_quantised_is_said(tmp_path):
    out = tmp_path / "out.safetensors"
    assert_refused("kalman has no network; give mamba", "kalman", out)
    assert_refused("not found; give mamba, mamba-window, learned", tmp_path / "no.safetensors", out)
    assert_refused("expected to end in .safetensors", "mamba", tmp_path / "out.bin")
    assert_refused("the folder .* does not exist", "mamba", tmp_path / "no" / "out.safetensors")
    assert_refused("is the network itself", path := association(tmp_path / "a.safetensors"), path,
            overwrite=True)  # fmt: skip
    small = quantise("mamba", out).path
    assert_refused("exists; use --overwrite", "mamba", out)
    assert_refused("in 8 bits already", small, tmp_path / "again.safetensors")
    assert_refused("unknown kind of network 'refill'", refill(tmp_path), tmp_path / "b.safetensors")
    assert not (tmp_path / "again.safetensors").exists()


def refill(folder):
    path = folder / "refill.safetensors"
    write_model(
        path, new_model("causal", 8, 1, 2).state_dict(), {"architecture": {"kind": "refill"}}
    )
    return path


def test_damaged_weights_are_refused_and_nothing_is_written(tmp_path):
    path = association(tmp_path / "a.safetensors")
    weights = network().state_dict()
    weights["out.bias"] = weights["out.bias"] * np.nan
    write_model(path, weights, json.loads(path.with_suffix(".json").read_text()))
    assert_refused("out.bias: finite numbers", path, tmp_path / "out.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    assert_refused("do not fit together", path, tmp_path / "out.safetensors")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "a.safetensors"]
