"""The scan in C against the reference in float64, every instruction set in its own process."""

import itertools

import pytest
import torch

from c_library import needs_library, relative
from mambatrack.kernels import reference
from mambatrack.kernels.cpu import functions as in_c

OPTIONAL = ("D", "z", "dt_bias", "lengths", "initial_state")


def scan_inputs(batch, tokens, channels, states, seed=0):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g)

    return {
        "x": normal(batch, tokens, channels),
        "dt": normal(batch, tokens, channels),
        "A": -4 * torch.rand(channels, states, generator=g) - 0.01,
        "B": normal(batch, tokens, states),
        "C": normal(batch, tokens, states),
        "D": normal(channels),
        "z": normal(batch, tokens, channels),
        "dt_bias": normal(channels),
        "lengths": torch.randint(0, tokens + 1, (batch,), generator=g),
        "initial_state": normal(batch, channels, states),
    }


def double(case):
    return {
        name: each.double() if isinstance(each, torch.Tensor) and each.is_floating_point() else each
        for name, each in case.items()
    }


def scan_error(case, **options):
    got = in_c.selective_scan(**case, **options, return_final_state=True)
    want = reference.selective_scan(**double(case), **options, return_final_state=True)
    return max(relative(a, b) for a, b in zip(got, want, strict=True))


def scan_errors():
    """Every length, widths off the vector's, each option left out, steps from 1e-4 to 100."""
    sizes = itertools.product((1, 2, 5, 12, 30, 128), ((1, 1), (5, 4), (16, 16), (33, 7)))
    for seed, (tokens, (channels, states)) in enumerate(sizes):
        case = scan_inputs(3, tokens, channels, states, seed)
        yield scan_error(case, dt_softplus=True, reverse=bool(seed % 2))
    case = scan_inputs(3, 12, 19, 8)
    for absent, softplus, reverse in itertools.product((*OPTIONAL, None), (True, False), (0, 1)):
        chosen = {name: each for name, each in case.items() if name != absent}
        chosen["dt"] = chosen["dt"].abs() + 3  # negative steps would let the state grow
        yield scan_error(chosen, dt_softplus=softplus, reverse=bool(reverse))
    for shift in (-9.0, 20.0, 100.0):
        shifted = case | {"dt": case["dt"] + shift}
        yield scan_error(shifted, dt_softplus=True)
    strided = case | {"x": case["x"].mT.contiguous().mT, "A": case["A"].mT.contiguous().mT}
    strided["B"], strided["C"] = torch.stack([case["B"], case["C"]], dim=-1).unbind(-1)
    yield scan_error(strided, dt_softplus=True)


def both_directions_error():
    """A call for both directions against one for each, with and without options."""
    left, right = scan_inputs(4, 9, 11, 5, 1), scan_inputs(4, 9, 11, 5, 2)
    both = {name: torch.stack([left[name], right[name]]) for name in left if name != "lengths"}
    y, final = in_c.bi_selective_scan(
        **both, lengths=left["lengths"], dt_softplus=True, return_final_state=True
    )
    right["lengths"] = left["lengths"]
    for i, case in enumerate((left, right)):
        options = {"dt_softplus": True, "return_final_state": True, "reverse": bool(i)}
        alone, state = in_c.selective_scan(**case, **options)
        yield 0.0 if torch.equal(y[i], alone) and torch.equal(final[i], state) else 1.0
    for name in ("D", "z", "dt_bias", "initial_state"):
        del both[name], left[name]
    yield relative(
        in_c.bi_selective_scan(**both)[0], in_c.selective_scan(**left | {"lengths": None})
    )


def measurements():
    """The largest errors, for test_kernels_cpu_variants.py."""
    return {"scan": max(scan_errors()), "both": max(both_directions_error())}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return found["scan"] <= 2e-6 and found["both"] == 0


@needs_library
@pytest.mark.parametrize("reverse", [False, True])
def test_padding_of_the_scan_is_exact_to_the_bit(reverse):
    case = scan_inputs(4, 9, 11, 5) | {"lengths": torch.tensor([9, 4, 1, 0])}
    options = {"dt_softplus": True, "reverse": reverse, "return_final_state": True}
    y, final = in_c.selective_scan(**case, **options)
    for row, length in enumerate(case["lengths"].tolist()):
        alone = {
            name: each[row : row + 1, :length] if name in ("x", "dt", "B", "C", "z") else each
            for name, each in case.items()
        }
        alone["initial_state"] = case["initial_state"][row : row + 1]
        del alone["lengths"]
        short, state = in_c.selective_scan(**alone, **options)
        assert torch.equal(y[row : row + 1, :length], short)
        assert torch.equal(final[row : row + 1], state)
        assert (y[row, length:] == 0).all()
    spoiled = case | {name: case[name].clone() for name in ("x", "dt", "B", "C", "z")}
    for name in ("x", "dt", "B", "C", "z"):
        for row, length in enumerate(case["lengths"].tolist()):
            spoiled[name][row, length:] = float("nan")
    again = in_c.selective_scan(**spoiled, **options)
    assert torch.equal(again[0], y) and torch.equal(again[1], final)


@needs_library
def test_nothing_in_gives_nothing_out():
    case = scan_inputs(0, 5, 3, 2)
    y, final = in_c.selective_scan(**case, return_final_state=True)
    assert y.shape == (0, 5, 3) and final.shape == (0, 3, 2)
    y, final = in_c.selective_scan(**scan_inputs(2, 0, 3, 2), return_final_state=True)
    assert y.shape == (2, 0, 3) and final.shape == (2, 3, 2)


@needs_library
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"x": torch.zeros(2, 3)}, r"x \[B, L, D\] and A \[D, N\] expected, got \[2, 3\]"),
        ({"dt": torch.zeros(2, 6, 4)}, r"dt: \[2, 6, 3\] float32 on cpu expected, got \[2, 6, 4\]"),
        ({"B": torch.zeros(2, 6, 2).double()}, r"B: \[2, 6, 2\] float32 .* got .* float64 on cpu"),
        ({"D": torch.zeros(3, device="meta")}, r"D: \[3\] float32 on cpu expected, got .* on meta"),
        ({"A": torch.zeros(3, 300)}, "N from 1 to 256 expected, got N = 300"),
        ({"A": torch.zeros(3, 0)}, "N from 1 to 256 expected, got N = 0"),
        ({"lengths": torch.tensor([7, 1])}, "lengths: from 0 to 6 expected, got 1 to 7"),
        ({"lengths": torch.tensor([-1, 1])}, "lengths: from 0 to 6 expected, got -1 to 1"),
        ({"lengths": torch.tensor([1.0, 1.0])}, r"lengths: \[2\] integers on cpu expected"),
    ],
)
def test_scan_arguments_that_do_not_fit_are_refused(changes, said):
    with pytest.raises(ValueError, match=said):
        in_c.selective_scan(**scan_inputs(2, 6, 3, 2) | changes)
