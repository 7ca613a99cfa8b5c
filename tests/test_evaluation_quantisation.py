"""Networks in 8 bits, written and compared with those that they were made of."""

import json

import numpy as np
import pytest

from association_models import network
from full_weights import write_full
from mambatrack import MambatrackError, load_config
from mambatrack.association.loading import load_learned
from mambatrack.datasets.sequences import find_sequences
from mambatrack.detectors.own import ArrayDetector
from mambatrack.embedders.own import own_embedder
from mambatrack.evaluation.quantisation import quantise
from mambatrack.gaps.filling import Gap, GapFiller, fill_gaps
from mambatrack.motion.loading import load_predictor
from mambatrack.networks.model_files import new_model, read_card, write_model
from mambatrack.networks.weight_files import read_weights
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


@pytest.mark.parametrize("kind", ["causal", "window"])
def test_a_predictor_in_eight_bits_predicts_nearly_the_same(tmp_path, sequences, kind):
    name = write_full(tmp_path / "full.safetensors", kind)
    made = quantise(name, tmp_path / "small.safetensors", sequences, CONFIG)
    assert made.size <= 0.3 * made.size_before
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
    full = write_full(tmp_path / "full.safetensors", "association")
    made = quantise(full, tmp_path / "small.safetensors", sequences, CONFIG)
    assert made.kind == "association" and made.size <= 0.3 * made.size_before
    assert 0 < made.error["odds"]["mean"] < 0.2
    assert 0 <= made.error["matched_otherwise"] < 0.05
    assert load_learned(made.path, CONFIG).memory_size > 0


def test_what_is_far_from_the_network_is_told(tmp_path, sequences, monkeypatch):
    from mambatrack.evaluation import quantisation

    monkeypatch.setattr(quantisation, "in_eight_bits", lambda weights: {
        name: np.zeros_like(each) for name, each in weights.items()
    })  # fmt: skip
    full = write_full(tmp_path / "full.safetensors", "association")
    made = quantise(full, tmp_path / "nothing.safetensors", sequences, CONFIG)
    assert made.error["odds"]["mean"] > 1 and made.error["matched_otherwise"] > 0.5


def test_an_association_of_one_network_is_taken(tmp_path):
    path = association(tmp_path / "one.safetensors")
    made = quantise(path, tmp_path / "small.safetensors")
    assert made.error == {} and "error" not in read_card(made.path, ("association",))["quantised"]
    assert load_learned(made.path, CONFIG).memory_size == load_learned(path, CONFIG).memory_size


BYTES = {"detector": 0.27, "embedder": 0.27, "refill": 0.3}  # at most, of those in 32 bits


@pytest.mark.parametrize("kind", BYTES)
def test_detectors_embedders_and_gap_fillers_are_taken(tmp_path, kind):
    full = write_full(tmp_path / "full.safetensors", kind)
    made = quantise(full, tmp_path / "small.safetensors")
    assert made.kind == kind and made.error == {}
    assert made.size <= BYTES[kind] * made.size_before
    before, after = (ANSWERS[kind](path) for path in (full, made.path))
    assert 0 < np.abs(after - before).max() < 0.05 * np.abs(before).max()


def of_detector(path):
    picture = np.random.default_rng(0).normal(0, 0.3, (1, 64, 96, 3)).astype(np.float32)
    boxes, scores = ArrayDetector(read_weights(path))(picture, 0.0)
    return np.column_stack([boxes, scores])


def of_embedder(path):
    picture = np.random.default_rng(0).integers(0, 255, (80, 60, 3), np.uint8)
    return own_embedder(path)(picture, np.array([[5, 5, 50, 75]], np.float32)).vectors


def of_gap_filler(path):
    boxes = np.cumsum(np.random.default_rng(0).uniform(0, 3, (8, 4)), axis=0) + [50, 50, 20, 40]
    gap = Gap(range(4), boxes[:4], range(9, 13), boxes[4:])
    (filled,) = fill_gaps([gap], GapFiller(path))
    return filled.boxes


ANSWERS = {"detector": of_detector, "embedder": of_embedder, "refill": of_gap_filler}


def test_only_predictors_and_associations_are_compared(tmp_path, sequences):
    full = write_full(tmp_path / "full.safetensors", "refill")
    assert_refused(
        "kind refill: only predictors and associations", full, tmp_path / "a.safetensors", sequences
    )


def test_what_ships_in_eight_bits_is_said_to_be_so(tmp_path):
    assert_refused("in 8 bits already", "mamba", tmp_path / "again.safetensors")


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
    small = quantise(full := write_full(tmp_path / "full.safetensors", "causal"), out).path
    assert_refused("exists; use --overwrite", full, out)
    assert_refused("in 8 bits already", small, tmp_path / "again.safetensors")
    assert_refused("unknown kind of network 'other'", other(tmp_path), tmp_path / "b.safetensors")
    assert not (tmp_path / "again.safetensors").exists()


def other(folder):
    path = folder / "other.safetensors"
    write_model(
        path, new_model("causal", 8, 1, 2).state_dict(), {"architecture": {"kind": "other"}}
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
