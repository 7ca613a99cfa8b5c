"""The pair network of the learned association in the C library, against numpy and torch; every
instruction set in its own process."""

import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.association.features import (
    ALONE,
    NAMES,
    Candidates,
)
from mambatrack.association.interface import Scores
from mambatrack.association.scorer import PairScorer
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.learning.association_network import PairBatch, PairNetwork
from mambatrack.networks.units import FEATURE_LIMIT

WIDTHS = (8, 32, 48)


class CompiledScorer:
    """PairsNetwork with the arguments of PairScorer."""

    def __init__(self, weights):
        self.network = PairsNetwork(weights, FEATURE_LIMIT)

    def __call__(self, given, code):
        tracks, detections, features, alone, *_ = given
        return Scores(*self.network(features, tracks, detections, code, alone))


def network(d_model=8, rounds=2, seed=0):
    torch.manual_seed(seed)
    model = PairNetwork(d_model, 1, 4, rounds)
    for name, buffer in model.named_buffers():
        buffer.uniform_(0.5, 2) if name.endswith("scale") else buffer.uniform_(-0.3, 0.3)
    return model.eval()


def weights_of(model):
    return {name: each.detach().numpy().copy() for name, each in model.state_dict().items()}


def frame(tracks, detections, pairs, d_model=8, seed=0):
    """Candidates, and codes as they lie in a table's memory: among other columns."""
    generator = np.random.default_rng(seed)

    def normal(*shape):
        return generator.normal(scale=3, size=shape).astype(np.float32)

    pairs = pairs if tracks and detections else 0
    of = np.sort(generator.integers(0, max(tracks, 1), pairs))
    to = generator.integers(0, max(detections, 1), pairs)
    features, alone = normal(len(NAMES), pairs), normal(len(ALONE) + 2, detections)
    code = normal(tracks, d_model + 5)[:, :d_model]
    return Candidates(of, to, features, alone[2:], tracks), code


def in_torch(model, given, code):
    """The odds of pairs and of people, in float64; the codes come from elsewhere."""
    model = model.double()
    model._codes = lambda features, batch: torch.from_numpy(code.astype(np.float64))
    tracks, detections = torch.from_numpy(given.tracks), torch.from_numpy(given.detections)
    batch = PairBatch(
        features=torch.from_numpy(given.features.T.astype(np.float64)),
        tracks=tracks,
        detections=detections,
        alone=torch.from_numpy(given.alone.T.astype(np.float64)),
        track_of=torch.arange(len(code)),
        **dict.fromkeys(PairBatch._fields[4:6] + PairBatch._fields[7:]),
    )
    with torch.inference_mode():
        pairs, lost, unmatched, person = model(batch)
    return 2 * pairs - lost[tracks] - unmatched[detections], person


def relative(got, want):
    """Maximal error over the maximal value, at least 1; not finite where ``got`` is not."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1))


def errors():
    """Of all widths, few and many of everything, against torch in float64."""
    sizes = ((0, 0, 0), (3, 0, 0), (0, 5, 0), (1, 1, 1), (7, 5, 13), (5, 90, 59), (130, 61, 301))
    for d_model in (*WIDTHS, 18):
        for rounds in (0, 1, 2):
            model = network(d_model, rounds)
            state = weights_of(model)
            scorer = CompiledScorer(state)
            for seed, size in enumerate(sizes):
                given, code = frame(*size, d_model, seed)
                want = in_torch(model, given, code)
                yield from map(relative, scorer(given, code), want)


def measurements():
    """For test_kernels_cpu_variants.py."""
    return {"error": max(errors())}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found["error"] <= 2e-6


@needs_library
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 200),
    st.sampled_from(WIDTHS),
    st.integers(0, 3),
    st.integers(0, 2**16),
)
def test_equals_numpy(tracks, detections, pairs, d_model, rounds, seed):
    state = weights_of(network(d_model, rounds))
    given, code = frame(tracks, detections, pairs, d_model, seed)
    before = [each.copy() for each in (*given[:4], code)]
    got, want = CompiledScorer(state)(given, code), PairScorer(state)(given, code)
    for name in ("pairs", "people"):
        assert getattr(got, name).dtype == np.float32
        assert relative(getattr(got, name), getattr(want, name)) <= 2e-6
    for each, old in zip((*given[:4], code), before, strict=True):
        np.testing.assert_array_equal(each, old)


@needs_library
def test_one_scorer_takes_frames_of_every_size_in_turn():
    state = weights_of(network())
    scorer, reference = CompiledScorer(state), PairScorer(state)
    for seed, size in enumerate(((3, 3, 5), (300, 4, 900), (2, 500, 9), (0, 0, 0), (3, 3, 5))):
        given, code = frame(*size, seed=seed)
        assert relative(scorer(given, code).pairs, reference(given, code).pairs) <= 2e-6


@needs_library
def test_a_pair_with_a_nan_has_no_say_in_the_others():
    scorer = CompiledScorer(weights_of(network()))
    given, code = frame(12, 9, 40)
    without = np.delete(np.arange(40), 17)
    kept = Candidates(
        given.tracks[without],
        given.detections[without],
        given.features[:, without],
        given.alone,
        12,
    )
    spoiled = given.features.copy()
    spoiled[5, 17] = np.nan
    scores = scorer(given._replace(features=spoiled), code)
    assert np.isnan(scores.pairs).nonzero()[0].tolist() == [17]
    np.testing.assert_array_equal(scores.pairs[without], scorer(kept, code).pairs)
    np.testing.assert_array_equal(scores.people, scorer(kept, code).people)


@needs_library
def test_the_order_of_pairs_and_the_layout_of_arrays_change_nothing():
    scorer = CompiledScorer(weights_of(network()))
    given, code = frame(30, 25, 130)
    scores, order = scorer(given, code), np.random.default_rng(1).permutation(130)
    mixed = Candidates(
        given.tracks[order].astype(np.int32),
        given.detections[order],
        np.asfortranarray(given.features[:, order]),
        np.repeat(given.alone, 2, axis=1)[:, ::2],
        30,
    )
    again = scorer(mixed, np.asfortranarray(code))
    np.testing.assert_array_equal(again.pairs, scores.pairs[order])
    np.testing.assert_array_equal(again.people, scores.people)


@needs_library
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"tracks": np.array([0, 1, 3])}, "tracks: from 0 to 2 expected, got 3"),
        ({"tracks": np.array([0, -1, 2])}, "tracks: from 0 to 2 expected, got -1"),
        ({"detections": np.array([0, 1, 4])}, "detections: from 0 to 3 expected, got 4"),
        ({"tracks": np.array([0, 1])}, r"tracks: \[3\] integers expected, got \[2\]"),
        ({"detections": np.zeros(3)}, r"detections: \[3\] integers expected, got .* float64"),
        ({"features": np.zeros((3, 3), np.float32)}, r"features: \[47, .\] float32 expected"),
        ({"features": np.zeros((47, 3))}, "got .* float64"),
        ({"alone": np.zeros(6, np.float32)}, r"alone: \[6, .\] float32 expected, got \[6\]"),
        ({"code": np.zeros((3, 7), np.float32)}, r"code: \[., 8\] float32 expected, got \[3, 7\]"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changes, said):
    given, code = frame(3, 4, 3)
    scorer = CompiledScorer(weights_of(network()))
    changes = dict(changes)
    code = changes.pop("code", code)
    with pytest.raises(ValueError, match=said):
        scorer(given._replace(**changes), code)


@needs_library
def test_weights_that_do_not_fit_are_named():
    state = weights_of(network())
    with pytest.raises(ValueError, match="weight rounds.1.track.weight is missing"):
        CompiledScorer({k: v for k, v in state.items() if k != "rounds.1.track.weight"})
    with pytest.raises(ValueError, match=r"detection.weight: \[8, 14\] expected, got \[8, 3\]"):
        CompiledScorer(state | {"detection.weight": np.zeros((8, 3), np.float32)})


@needs_library
def test_a_scorer_comes_back_from_a_pickle():
    scorer = CompiledScorer(weights_of(network()))
    given, code = frame(3, 4, 5)
    again = pickle.loads(pickle.dumps(scorer))
    np.testing.assert_array_equal(again(given, code).pairs, scorer(given, code).pairs)


@needs_library
@pytest.mark.parametrize(
    "size, value",
    [("code", 4096), ("code", 0), ("wide", 1 << 40), ("width", 24), ("rounds", 3), ("rounds", -1),
     ("features", 46), ("alone", 1 << 13), ("floats", 1)],
)  # fmt: skip
def test_c_itself_refuses_sizes_that_do_not_fit(size, value):
    given, code = frame(3, 4, 3)
    scorer = CompiledScorer(weights_of(network()))
    shape = scorer.network._shape
    setattr(shape, size, value)
    code = np.zeros((len(code), max(shape.code, 0)), np.float32)
    features, alone = given.features, given.alone
    features = np.zeros((shape.features, features.shape[1]), np.float32)
    alone = np.zeros((shape.alone, alone.shape[1]), np.float32)
    scorer.network._scratch.append(((9, 9, 9), np.zeros(10**6, np.float32)))
    with pytest.raises(ValueError, match="its weights and its memory do not fit together"):
        scorer(given._replace(features=features, alone=alone), code)
