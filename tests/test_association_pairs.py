import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import boxes
from mambatrack.association import pairs as pairs_module
from mambatrack.association.pairs import Pairs, best, candidates, cascade, similarity


def pairs_of(values, gate=0.0):
    rows, columns = (values >= max(gate, 1e-9)).nonzero()
    return Pairs(rows, columns, values[rows, columns])


def crowd(seed, count=40, side=100.0):
    """[count, 4] float32 xyxy; many overlap, some are equal, some only touch."""
    random = np.random.default_rng(seed)
    corner = np.round(random.uniform(0, side, (count, 2)))
    size = np.round(random.uniform(1, side / 4, (count, 2)))
    return np.concatenate([corner, corner + size], axis=1).astype(np.float32)


def slow_candidates(tracks, detections, power):
    """One pair after the other, as the definition has it."""
    found = {}
    for i, j in itertools.product(range(len(tracks)), range(len(detections))):
        a, b = tracks[i : i + 1], detections[j : j + 1]
        value = boxes.iou(a, b)[0, 0] * boxes.height_iou(a, b)[0, 0] ** power
        if value > 0:
            found[i, j] = value
    return found


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), dense=st.booleans(), power=st.sampled_from([0.0, 1.0, 2.0]))
def test_candidates_are_all_that_overlap_and_bit_for_bit_as_defined(seed, dense, power):
    tracks, detections = crowd(seed, 12), crowd(seed + 1, 15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs_module, "DENSE", 1000 if dense else 0)
        pairs = candidates(tracks, detections, power)
    keys = zip(pairs.tracks.tolist(), pairs.detections.tolist(), strict=True)
    found = dict(zip(keys, pairs.similarities, strict=True))
    assert len(found) == len(pairs.tracks)
    assert found == slow_candidates(tracks, detections, power)


def test_cascade_gives_the_first_pass_precedence():
    values = np.array([[0.6, 0.0], [0.9, 0.5]])

    def matched(pairs, passes):
        chosen = pairs.select(cascade(pairs, passes))
        return sorted(zip(chosen.tracks.tolist(), chosen.detections.tolist(), strict=True))

    pairs = pairs_of(values)
    first, everyone = pairs.tracks == 0, np.ones(3, bool)
    assert matched(pairs, [everyone]) == [(0, 0), (1, 1)]
    assert matched(pairs, [first, everyone]) == [(0, 0), (1, 1)]
    weak = pairs.similarities >= 0.55
    assert matched(pairs, [weak]) == [(1, 0)]
    assert matched(pairs, [first & weak, weak]) == [(0, 0)]


def test_height_power_prefers_the_box_of_equal_height():
    track = np.array([[0, 0, 10, 20.0]]).T
    found = np.array([[2, 0, 12, 20.0], [0, 4, 10, 20.0]]).T
    plain = similarity(track, found)
    np.testing.assert_allclose(plain, boxes.iou(track.T, found.T)[0])
    assert plain[1] > plain[0]
    strict = similarity(track, found, height_power=2.0)
    np.testing.assert_allclose(strict, [plain[0], plain[1] * 0.8**2])


@given(st.floats(2**-13, 1, width=32), st.integers(0, 2))
def test_of_two_that_are_worth_the_same_one_is_chosen(value, rounds):
    values = np.array([value, value], np.float32)
    several, one = np.array([0, 1]), np.array([0, 0])
    assert len(best(Pairs(one, several, values), rounds)) == 1
    assert len(best(Pairs(several, one, values), rounds)) == 1
