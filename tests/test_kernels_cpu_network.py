"""The motion networks in C against torch in float64, every instruction set in its own process."""

import pickle

import numpy as np
import pytest
import torch

from c_library import needs_library, relative
from mambatrack.kernels.cpu.network import CausalNetwork, WindowNetwork
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.units import INPUT_LIMIT, TOKEN
from mambatrack.networks.window import MotionPredictor


def numpy_state(model):
    return {name: each.numpy().copy() for name, each in model.state_dict().items()}


def window_errors():
    generator = np.random.default_rng(0)
    for d_model, layers, d_state in ((16, 1, 2), (64, 3, 16), (24, 1, 4), (18, 2, 3), (80, 1, 2)):
        torch.manual_seed(d_model)
        model = MotionPredictor(d_model, layers, d_state).eval()
        network = WindowNetwork(numpy_state(model), INPUT_LIMIT)
        model.double()
        for batch, window in ((1, 1), (7, 10), (40, 10), (3, 130)):
            offsets = 4 * generator.normal(size=(batch, window, 4)).astype(np.float32)
            lengths = generator.integers(0, window + 1, batch)
            with torch.inference_mode():
                want = model(torch.from_numpy(offsets).double(), torch.from_numpy(lengths))
            yield relative(network(offsets, lengths), want)


def causal_errors():
    """Eight steps of a table in which every third row is stepped, with a stride; with look-back
    over fewer and over more tokens than there are."""
    generator = np.random.default_rng(0)
    sizes = ((32, 2, 8, 0), (64, 3, 16, 0), (24, 1, 5, 0), (18, 2, 3, 0), (2, 1, 1, 0),
             (32, 2, 8, 4), (18, 1, 3, 5), (2, 1, 1, 2), (24, 1, 6, 32))  # fmt: skip
    for d_model, layers, d_state, back in sizes:
        torch.manual_seed(d_model)
        model = CausalMotionPredictor(d_model, layers, d_state, back).eval()
        network = CausalNetwork(numpy_state(model), INPUT_LIMIT, back)
        model.double()
        table = np.zeros((210, network.carried_size + 5), np.float32)
        rows, carried = np.arange(0, 210, 3)[::-1].copy(), torch.zeros(70, model.carried_size)
        carried = carried.double()
        for _ in range(8):
            tokens = 4 * generator.normal(size=(70, TOKEN)).astype(np.float32)
            with torch.inference_mode():
                want, carried = model.step(torch.from_numpy(tokens).double(), carried)
            yield relative(network(tokens, table[:, 2:-3], rows), want)
        untouched = np.delete(table, rows, axis=0)
        yield 0.0 if (untouched == 0).all() and (table[:, [0, 1, -1]] == 0).all() else 1.0


def measurements():
    """The largest errors, for test_kernels_cpu_variants.py."""
    return {"window": max(window_errors()), "causal": max(causal_errors())}


def as_expected(found):
    """Of each instruction set, and under the sanitizer."""
    return max(found.values()) <= 1e-5


def tiny_network():
    torch.manual_seed(0)
    return WindowNetwork(numpy_state(MotionPredictor(16, 2, 4)), INPUT_LIMIT)


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
def test_no_tracks_and_no_offsets_are_fine():
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
    with pytest.raises(ValueError, match=r"blocks.1.left_to_right.D: \[32\] expected, got \[31\]"):
        WindowNetwork(wrong, INPUT_LIMIT)
    wider = state | {"embed.weight": np.zeros((16, 7), np.float32)}
    with pytest.raises(ValueError, match="4 inputs and 4 outputs expected, got 7 and 4"):
        WindowNetwork(wider, INPUT_LIMIT)
    causal = numpy_state(CausalMotionPredictor(16, 1, 4))
    with pytest.raises(ValueError, match="weight right_to_left.in_x.weight is missing"):
        CausalNetwork(causal, INPUT_LIMIT, 4)
    with pytest.raises(ValueError, match="back: 0, or from 2 to 32 expected, got 33"):
        CausalNetwork(causal, INPUT_LIMIT, 33)


@needs_library
@pytest.mark.parametrize(
    "size, value",
    [("inner", 8), ("inputs", 5000), ("inputs", 0), ("taps", 300), ("taps", 3),
     ("states", 257), ("select", 0), ("rank", -1), ("layers", 2), ("layers", 1 << 40), ("back", 61),
     ("width", 48), ("hidden", -16), ("outputs", 4096), ("first", 1), ("floats", 0), ("model", 0)],
)  # fmt: skip
def test_c_itself_refuses_sizes_that_do_not_fit(size, value):
    network = CausalNetwork(numpy_state(CausalMotionPredictor(16, 1, 4)), INPUT_LIMIT)
    carried = np.zeros((2, network.carried_size), np.float32)
    setattr(network._shape, size, value)
    tokens = np.ones((2, network._shape.inputs), np.float32)
    with pytest.raises(ValueError, match="its weights and its memory do not fit together"):
        network(tokens, carried)
    assert (carried == 0).all()


@needs_library
def test_c_itself_refuses_memory_that_is_too_small():
    network = tiny_network()
    network._need[5] = 10
    with pytest.raises(ValueError, match="its weights and its memory do not fit together"):
        network(np.zeros((2, 5, 4), np.float32), np.array([1, 2]))


@needs_library
def test_numbers_at_odd_addresses_are_read_right():
    network, want = tiny_network(), np.random.default_rng(0).normal(size=(2, 5, 4)).astype("f4")
    odd = np.frombuffer(b"x" + want.tobytes(), np.float32, offset=1).reshape(want.shape)
    assert not odd.flags.aligned
    lengths = np.array([3, 5])
    np.testing.assert_array_equal(network(odd, lengths), network(want, lengths))
