"""The C library against the references in float64, every instruction set in its own process."""

import itertools
import pickle

import numpy as np
import pytest
import torch

from c_library import measured, measured_under_sanitizer, needs_library
from mambatrack.kernels import reference
from mambatrack.kernels.cpu import functions as in_c
from mambatrack.kernels.cpu import library as cpu
from mambatrack.kernels.cpu.network import CausalNetwork, WindowNetwork
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.units import INPUT_LIMIT, TOKEN
from mambatrack.networks.window import MotionPredictor

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


def relative(got, want):
    """Maximal error over the maximal value; not finite where ``got`` is not."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.abs(got - want).max(initial=0) / max(np.abs(want).max(initial=0), 1e-30))


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


def numpy_state(model):
    return {name: each.numpy().copy() for name, each in model.state_dict().items()}


def window_errors():
    generator = np.random.default_rng(0)
    for d_model, layers, d_state in ((32, 2, 8), (64, 3, 16), (24, 1, 4), (18, 2, 3), (80, 1, 2)):
        torch.manual_seed(d_model)
        model = MotionPredictor(d_model, layers, d_state).eval()
        network = WindowNetwork(numpy_state(model), INPUT_LIMIT)
        model.double()
        for batch, window in ((1, 1), (7, 10), (90, 10), (3, 130)):
            offsets = 4 * generator.normal(size=(batch, window, 4)).astype(np.float32)
            lengths = generator.integers(0, window + 1, batch)
            with torch.inference_mode():
                want = model(torch.from_numpy(offsets).double(), torch.from_numpy(lengths))
            yield relative(network(offsets, lengths), want)


def causal_errors():
    """Twelve steps of a table in which every third row is stepped, with a stride; with look-back
    over fewer and over more tokens than there are."""
    generator = np.random.default_rng(0)
    sizes = ((32, 2, 8, 0), (64, 3, 16, 0), (24, 1, 5, 0), (18, 2, 3, 0), (2, 1, 1, 0),
             (32, 2, 8, 4), (18, 1, 3, 5), (2, 1, 1, 2), (24, 1, 5, 32))  # fmt: skip
    for d_model, layers, d_state, back in sizes:
        torch.manual_seed(d_model)
        model = CausalMotionPredictor(d_model, layers, d_state, back).eval()
        network = CausalNetwork(numpy_state(model), INPUT_LIMIT, back)
        model.double()
        table = np.zeros((210, network.carried_size + 5), np.float32)
        rows, carried = np.arange(0, 210, 3)[::-1].copy(), torch.zeros(70, model.carried_size)
        carried = carried.double()
        for _ in range(12):
            tokens = 4 * generator.normal(size=(70, TOKEN)).astype(np.float32)
            with torch.inference_mode():
                want, carried = model.step(torch.from_numpy(tokens).double(), carried)
            yield relative(network(tokens, table[:, 2:-3], rows), want)
        untouched = np.delete(table, rows, axis=0)
        yield 0.0 if (untouched == 0).all() and (table[:, [0, 1, -1]] == 0).all() else 1.0


def poison_memory():
    """Whatever is not written before it is read is NaN: outputs and scratch memory."""
    torch_empty, numpy_empty = torch.empty, np.empty

    def torch_nan(*shape, **options):
        tensor = torch_empty(*shape, **options)
        return tensor.fill_(float("nan")) if tensor.is_floating_point() else tensor

    def numpy_nan(shape, dtype=float):
        array = numpy_empty(shape, dtype)
        array.fill(np.nan if array.dtype.kind == "f" else 1)
        return array

    torch.empty, np.empty = torch_nan, numpy_nan


def measurements():
    """The largest errors, for c_library.measured."""
    return {
        "scan": max(scan_errors()),
        "both": max(both_directions_error()),
        "window": max(window_errors()),
        "causal": max(causal_errors()),
    }


@needs_library
@pytest.mark.parametrize("variant", cpu.VARIANTS)
def test_every_instruction_set_equals_the_reference(variant):
    errors = measured("test_kernels_cpu_library", cpu.LIBRARY, MAMBATRACK_CPU=variant)
    assert errors["variant"] == variant
    assert errors["scan"] <= 2e-6 and errors["both"] == 0
    assert errors["window"] <= 1e-5
    assert errors["causal"] <= 1e-5


@needs_library
def test_no_access_out_of_bounds_under_the_address_sanitizer(tmp_path):
    errors = measured_under_sanitizer("test_kernels_cpu_library", tmp_path)
    assert errors["scan"] <= 2e-6 and max(errors["window"], errors["causal"]) <= 1e-5


def tiny_network():
    torch.manual_seed(0)
    return WindowNetwork(numpy_state(MotionPredictor(16, 2, 4)), INPUT_LIMIT)


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
def test_padding_of_the_window_is_exact_and_rows_do_not_meet():
    network = tiny_network()
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(150, 10, 4)).astype(np.float32)
    lengths = generator.integers(0, 11, 150)
    whole = network(offsets, lengths)
    offsets[np.arange(10) >= lengths[:, None]] = np.nan
    np.testing.assert_array_equal(network(offsets, lengths), whole)
    assert (whole[lengths == 0] == 0).all()
    order = generator.permutation(150)
    np.testing.assert_array_equal(network(offsets[order], lengths[order]), whole[order])


@needs_library
def test_nothing_in_gives_nothing_out():
    case = scan_inputs(0, 5, 3, 2)
    y, final = in_c.selective_scan(**case, return_final_state=True)
    assert y.shape == (0, 5, 3) and final.shape == (0, 3, 2)
    y, final = in_c.selective_scan(**scan_inputs(2, 0, 3, 2), return_final_state=True)
    assert y.shape == (2, 0, 3) and final.shape == (2, 3, 2)
    network = tiny_network()
    assert network(np.empty((0, 10, 4), np.float32), np.empty(0, np.int64)).shape == (0, 4)
    assert (network(np.empty((3, 0, 4), np.float32), np.zeros(3, int)) == 0).all()


@needs_library
def test_nan_comes_out_where_it_went_in_and_nowhere_else():
    offsets = np.ones((3, 4, 4), np.float32)
    offsets[1, 2, 3] = np.nan
    out = tiny_network()(offsets, np.full(3, 4))
    assert np.isnan(out).all(1).tolist() == [False, True, False]


@needs_library
def test_more_threads_change_nothing(monkeypatch):
    network = tiny_network()
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(150, 10, 4)).astype(np.float32)
    lengths = generator.integers(0, 11, 150)
    alone = network(offsets, lengths)
    monkeypatch.setenv("MAMBATRACK_THREADS", "3")
    for _ in range(20):
        np.testing.assert_array_equal(network(offsets, lengths), alone)
    lengths[120] = 99
    with pytest.raises(ValueError, match="lengths: from 0 to 10 expected, got 99"):
        network(offsets, lengths)
    monkeypatch.setenv("MAMBATRACK_THREADS", "many")
    with pytest.raises(ValueError, match="MAMBATRACK_THREADS: a number from 1 on expected"):
        network(offsets, lengths)


@needs_library
def test_a_network_comes_back_from_a_pickle():
    network = tiny_network()
    offsets, lengths = np.ones((2, 4, 4), np.float32), np.array([4, 2])
    again = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(again(offsets, lengths), network(offsets, lengths))
    causal = CausalNetwork(numpy_state(CausalMotionPredictor(16, 1, 4, 3)), INPUT_LIMIT, 3)
    token, carried = np.ones((2, TOKEN), np.float32), np.zeros((2, causal.carried_size), np.float32)
    want = causal(token, carried.copy())
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(causal))(token, carried), want)


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


@needs_library
@pytest.mark.parametrize(
    "offsets, lengths, said",
    [
        (np.zeros((2, 5, 3), np.float32), [1, 1], r"offsets \[B, q, 4\] float32 expected"),
        (np.zeros((2, 5, 4)), [1, 1], "got .* float64"),
        (np.zeros((2, 5, 4), np.float32), [1, 6], "lengths: from 0 to 5 expected, got 6"),
        (np.zeros((2, 5, 4), np.float32), [-1, 2], "lengths: from 0 to 5 expected, got -1"),
        (np.zeros((2, 5, 4), np.float32), [1, 1, 1], r"lengths: \[2\] integers expected"),
        (np.zeros((2, 5, 4), np.float32), [1.0, 1.0], "got .* float64"),
    ],
)
def test_windows_that_do_not_fit_are_refused(offsets, lengths, said):
    with pytest.raises(ValueError, match=said):
        tiny_network()(offsets, np.array(lengths))


@needs_library
def test_a_carried_state_that_does_not_fit_is_refused():
    network = CausalNetwork(numpy_state(CausalMotionPredictor(16, 1, 4)), INPUT_LIMIT)
    tokens, size = np.zeros((2, TOKEN), np.float32), network.carried_size
    table = np.zeros((2, size), np.float32)
    fixed = table.copy()
    fixed.flags.writeable = False
    for given, carried, rows, said in (
        (tokens[:, 1:], table, None, r"tokens \[B, 7\] float32 expected, got \[2, 6\]"),
        (tokens, table[:, 1:], None, r"carried \[M, \d+\] float32 expected"),
        (tokens, table.astype(np.float64), None, "got .* float64"),
        (tokens, np.asfortranarray(table), None, "rows of contiguous floats"),
        (tokens, fixed, None, "writeable"),
        (tokens, table[:1], None, "rows: from 0 to 0 expected, got 1"),
        (tokens, table, np.array([0, 2]), "rows: from 0 to 1 expected, got 2"),
    ):
        with pytest.raises(ValueError, match=said):
            network(given, carried, rows)
    assert (table == 0).all()


@needs_library
def test_weights_that_do_not_fit_are_named():
    state = numpy_state(MotionPredictor(16, 2, 4))
    with pytest.raises(ValueError, match="weight blocks.1.norm.bias is missing"):
        WindowNetwork({k: v for k, v in state.items() if k != "blocks.1.norm.bias"}, INPUT_LIMIT)
    wrong = state | {"blocks.1.left_to_right.D": np.zeros(31, np.float32)}
    with pytest.raises(
        ValueError, match=r"blocks.1.left_to_right.in_x.weight: \[31, 16\] expected"
    ):
        WindowNetwork(wrong, INPUT_LIMIT)
    causal = numpy_state(CausalMotionPredictor(16, 1, 4))
    with pytest.raises(ValueError, match="weight right_to_left.D is missing"):
        CausalNetwork(causal, INPUT_LIMIT, 4)
    with pytest.raises(ValueError, match="back: 0, or from 2 to 32 expected, got 33"):
        CausalNetwork(causal, INPUT_LIMIT, 33)


def test_a_missing_or_unknown_library_says_why(tmp_path, monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setattr(cpu, "LIBRARY", tmp_path / "libmambatrack.so")
    assert not cpu.available() and "was not built" in cpu.why_not()
    with pytest.raises(RuntimeError, match="cannot be used: it was not built"):
        cpu.variant()
    cpu.LIBRARY.write_text("no library")
    assert not cpu.available() and cpu.why_not()


@needs_library
def test_a_library_built_from_other_sources_is_not_used(monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setattr(cpu, "INTERFACE", cpu.INTERFACE + 1)
    assert not cpu.available() and "built from other sources" in cpu.why_not()


@needs_library
def test_an_instruction_set_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(cpu, "_load", cpu._load.__wrapped__)
    monkeypatch.setenv("MAMBATRACK_CPU", "neon")
    assert "MAMBATRACK_CPU=neon, but this processor runs" in cpu.why_not()
