"""A committee in the C library: scores and histories of its members one by one."""

import copy
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from c_library import needs_library
from mambatrack.association.exits import Lowest, contested
from mambatrack.association.features import ALONE, NAMES
from mambatrack.association.problem import Candidates, Scores
from mambatrack.kernels.cpu.committee import CommitteeNetwork
from mambatrack.kernels.cpu.network import CausalNetwork
from mambatrack.kernels.cpu.pairs import PairsNetwork
from mambatrack.learning.association_network import PairNetwork
from mambatrack.networks.units import CODE_LIMIT, FEATURE_LIMIT, INPUT_LIMIT


def members(widths=(8, 16, 8)):
    """The networks and their encoders, untrained."""
    both = []
    for seed, d_model in enumerate(widths):
        torch.manual_seed(seed)
        model = PairNetwork(d_model, 1, 4, 2).eval()
        state = {name: each.detach().numpy().copy() for name, each in model.state_dict().items()}
        encoder = {name[8:]: each for name, each in state.items() if name[:8] == "encoder."}
        both.append((PairsNetwork(state, FEATURE_LIMIT), CausalNetwork(encoder, INPUT_LIMIT)))
    return [list(each) for each in zip(*both, strict=True)]


def frame(tracks, detections, pairs, memory_size, seed):
    rng = np.random.default_rng(seed)
    pairs = pairs if tracks and detections else 0
    of, to = rng.integers(0, max(tracks, 1), pairs), rng.integers(0, max(detections, 1), pairs)
    sizes = (len(NAMES), pairs), (len(ALONE), detections), (tracks, memory_size)
    features, alone, memory = (rng.normal(0, 2, size).astype(np.float32) for size in sizes)
    return of, to, features, alone, memory


def one_by_one(networks, encoders, memory):
    """Of each member: its network and encoder, and its columns of the codes and carried states."""
    code, carried = 0, sum(each.code_size for each in networks)
    for network, encoder in zip(networks, encoders, strict=True):
        ends = code + network.code_size, carried + encoder.carried_size
        yield network, encoder, memory[:, code : ends[0]], memory[:, carried : ends[1]]
        code, carried = ends


@needs_library
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 70), st.integers(0, 30), st.integers(0, 150), st.integers(0, 2**16),
    st.sampled_from([np.inf, 0.02, 0.1]),
)  # fmt: skip
def test_scores_are_the_mean_of_the_members_where_the_first_is_not_sure(
    tracks, detections, pairs, seed, margin
):
    """And of those alone that are in a contested block."""
    networks, encoders = members()
    lowest = Lowest(0.05, 0.3)
    committee = CommitteeNetwork(networks, encoders, CODE_LIMIT, *lowest)
    of, to, features, alone, memory = frame(tracks, detections, pairs, committee.memory_size, seed)
    scores = [
        Scores(*network(features, of, to, code, alone))
        for network, _, code, _ in one_by_one(networks, encoders, memory)
    ]
    problem = Candidates(of, to, features, alone, tracks, margin)
    unsure = contested(problem, scores[0], lowest)
    unsure = unsure, np.isin(np.arange(detections), to[unsure])
    got = committee.scores(features, of, to, memory, alone, margin)
    for ours, among, *theirs in zip(got, unsure, *scores, strict=True):
        np.testing.assert_array_equal(ours, np.where(among, np.mean(theirs, axis=0), theirs[0]))


@needs_library
@settings(max_examples=30, deadline=None)
@given(st.integers(1, 150), st.integers(0, 2**16))
def test_each_member_remembers_what_was_chosen(tracks, seed):
    networks, encoders = members()
    committee = CommitteeNetwork(networks, encoders, CODE_LIMIT)
    of, _, features, _, memory = frame(tracks, 30, 2 * tracks, committee.memory_size, seed)
    _, chosen = np.unique(of, return_index=True)
    want = memory.copy()
    for network, encoder, code, carried in one_by_one(networks, encoders, want):
        scale = {name: network._given[0][f"feature_{name}"] for name in ("mean", "scale")}
        tokens = (features.T[chosen] - scale["mean"]) * scale["scale"]
        tokens = np.clip(tokens, -FEATURE_LIMIT, FEATURE_LIMIT)
        code[of[chosen]] = np.clip(encoder(tokens, carried, of[chosen]), -CODE_LIMIT, CODE_LIMIT)
    committee.remember(features, chosen, of[chosen], memory)
    np.testing.assert_array_equal(memory, want)


@needs_library
def test_a_committee_comes_back_from_a_pickle_and_a_copy():
    committee = CommitteeNetwork(*members(), CODE_LIMIT)
    of, to, features, alone, memory = frame(5, 6, 12, committee.memory_size, 0)
    want = committee.scores(features, of, to, memory, alone)
    for again in (pickle.loads(pickle.dumps(committee)), copy.deepcopy(committee)):
        got = again.scores(features, of, to, memory, alone)
        np.testing.assert_array_equal(got[0], want[0])


@needs_library
@pytest.mark.parametrize(
    "at, value, said",
    [
        (0, np.full(4, 3), "pair 0 is of no track or detection"),
        (0, np.array([0, 1, 2, -1]), "pair 3 is of no track or detection"),
        (1, np.array([0, 1, 5, 0]), "pair 2 is of no track or detection"),
        (1, np.zeros(3, np.int64), r"detections: \[4\] int64 .* got \[3\]"),
        (2, np.zeros((46, 4), np.float32), r"features: \[47, 4\] float32 .* got \[46, 4\]"),
        (3, np.zeros((3, 7), np.float32), r"memory: \[3, 800\] float32 .* got \[3, 7\]"),
        (4, np.zeros((6, 5)), r"alone: \[6, 5\] float32 .* got \[6, 5\] float64"),
    ],
)
def test_scores_of_what_does_not_fit_are_refused(at, value, said):
    committee = CommitteeNetwork(*members(), CODE_LIMIT)
    of, to, features, alone, memory = frame(3, 5, 4, committee.memory_size, 0)
    arguments = [features, of, to, memory, alone]
    arguments[(1, 2, 0, 3, 4)[at]] = value
    with pytest.raises(ValueError, match=said.replace("800", str(committee.memory_size))):
        committee.scores(*arguments)


@needs_library
@pytest.mark.parametrize(
    "chosen, rows", [([0, 4], [0, 1]), ([0, -1], [0, 1]), ([0, 1], [0, 3]), ([0, 1], [0, -1])]
)
def test_what_is_remembered_of_no_pair_or_track_is_refused_and_changes_nothing(chosen, rows):
    committee = CommitteeNetwork(*members(), CODE_LIMIT)
    _, _, features, _, memory = frame(3, 5, 4, committee.memory_size, 0)
    before = memory.copy()
    with pytest.raises(ValueError, match="choice 1 is of no pair or track"):
        committee.remember(features, np.array(chosen), np.array(rows), memory)
    np.testing.assert_array_equal(memory, before)


@needs_library
@pytest.mark.parametrize("size, value", [("code", 4096), ("features", 46), ("floats", 1)])
def test_c_itself_refuses_members_that_do_not_fit(size, value):
    networks, encoders = members()
    committee = CommitteeNetwork(networks, encoders, CODE_LIMIT)
    of, to, features, alone, memory = frame(3, 5, 4, committee.memory_size, 0)
    setattr(networks[1]._shape, size, value)
    with pytest.raises(ValueError, match="its weights and its memory do not fit together"):
        committee.scores(features, of, to, memory, alone)
    with pytest.raises(ValueError, match="its weights and its memory do not fit together"):
        committee.remember(features, np.zeros(1, int), np.zeros(1, int), memory)
