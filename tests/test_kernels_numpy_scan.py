"""The scan in numpy against the reference in float64."""

import inspect

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.kernels import reference
from mambatrack.kernels.numpy_scan import selective_scan
from scan_cases import TIMED, inputs, some_lengths

OPTIONS = ("D", "z", "dt_bias", "initial_state")


def in_numpy(case):
    return {name: each.numpy().astype(np.float32) for name, each in case.items()}


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, most) for most in (4, 9, 7, 5)]),
    rank=st.none() | st.integers(1, 3),
    absent=st.sets(st.sampled_from(OPTIONS)),
    softplus=st.booleans(),
    ragged=st.booleans(),
    reverse=st.booleans(),
    seed=st.integers(0, 99),
)
def test_equals_the_reference(sizes, rank, absent, softplus, ragged, reverse, seed):
    case = inputs(*sizes, rank=rank, seed=seed, stack=())
    case = {name: each for name, each in case.items() if name not in absent}
    if not softplus:  # of other steps the state would grow without end
        case["dt"] = case["dt"].abs()
        case |= {name: case[name].abs() for name in ("dt_bias", "dt_weight") if name in case}
    lengths = some_lengths(*sizes[:2]) if ragged else None
    options = {"dt_softplus": softplus, "reverse": reverse, "return_final_state": True}
    want = reference.selective_scan(**case, **options, lengths=lengths)
    got = selective_scan(
        **in_numpy(case), **options, lengths=None if lengths is None else lengths.numpy()
    )
    for ours, theirs in zip(got, want, strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * float(theirs.abs().max()))


def test_padding_is_exact_whatever_it_holds_and_no_argument_changes():
    case, lengths = in_numpy(inputs(stack=())), np.array([7, 3, 0])
    before = {name: each.copy() for name, each in case.items()}
    clean = selective_scan(**case, lengths=lengths, return_final_state=True)
    for name, each in case.items():
        np.testing.assert_array_equal(each, before[name])
        if name in TIMED:
            each[1, 3:], each[2] = np.nan, np.inf
    for again, was in zip(
        selective_scan(**case, lengths=lengths, return_final_state=True), clean, strict=True
    ):
        np.testing.assert_array_equal(again, was)
    assert (clean[0][1, 3:] == 0).all() and (clean[0][2] == 0).all()
    np.testing.assert_array_equal(clean[1][2], case["initial_state"][2])


def test_takes_the_arguments_of_the_reference():
    own, theirs = (
        [(each.name, each.default) for each in inspect.signature(function).parameters.values()]
        for function in (selective_scan, reference.selective_scan)
    )
    assert own == theirs
