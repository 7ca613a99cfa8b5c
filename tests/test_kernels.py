import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.kernels import choose_backend, selective_scan


def inputs(batch=3, tokens=7, channels=5, states=4, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=g, dtype=dtype)

    return {
        "x": normal(batch, tokens, channels),
        "dt": normal(batch, tokens, channels),
        "A": -torch.rand(channels, states, generator=g, dtype=dtype) - 0.1,
        "B": normal(batch, tokens, states),
        "C": normal(batch, tokens, states),
        "D": normal(channels),
        "z": normal(batch, tokens, channels),
        "dt_bias": normal(channels),
        "dt_softplus": True,
    }


def scalar_scan(x, dt, A, B, C, D, z, dt_bias, dt_softplus):
    """The equations written out number by number in numpy."""
    x, dt, A, B, C, D, z, dt_bias = (each.numpy() for each in (x, dt, A, B, C, D, z, dt_bias))
    y = np.zeros_like(x)
    for row, channel in np.ndindex(x.shape[0], x.shape[2]):
        h = np.zeros(A.shape[1])
        for t in range(x.shape[1]):
            step = np.log1p(np.exp(dt[row, t, channel] + dt_bias[channel]))
            h = np.exp(step * A[channel]) * h + step * B[row, t] * x[row, t, channel]
            gate = z[row, t, channel] / (1 + np.exp(-z[row, t, channel]))
            y[row, t, channel] = (h @ C[row, t] + D[channel] * x[row, t, channel]) * gate
    return y


def test_equals_the_equations_written_out():
    case = inputs()
    np.testing.assert_allclose(selective_scan(**case).numpy(), scalar_scan(**case), atol=1e-12)


def test_gradients_are_right():
    case = inputs(batch=2, tokens=3, channels=2, states=2)
    names = [name for name, value in case.items() if isinstance(value, torch.Tensor)]
    values = [case[name].requires_grad_() for name in names]
    lengths = torch.tensor([3, 2])

    def scan(*tensors):
        return selective_scan(
            **dict(zip(names, tensors, strict=True)), dt_softplus=True, lengths=lengths
        )

    assert torch.autograd.gradcheck(scan, values)


@settings(max_examples=25, deadline=None)
@given(split=st.integers(1, 6), seed=st.integers(0, 1000))
def test_split_and_carry_equals_whole(split, seed):
    case = inputs(seed=seed)
    whole, last = selective_scan(**case, return_final_state=True)
    timed = ("x", "dt", "B", "C", "z")
    head = {k: v[:, :split] if k in timed else v for k, v in case.items()}
    tail = {k: v[:, split:] if k in timed else v for k, v in case.items()}
    first, state = selective_scan(**head, return_final_state=True)
    second, final = selective_scan(**tail, initial_state=state, return_final_state=True)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(final, last)


@pytest.mark.parametrize("reverse", [False, True])
def test_padding_changes_nothing(reverse):
    case = inputs()
    lengths = torch.tensor([7, 3, 0])
    y, state = selective_scan(**case, lengths=lengths, reverse=reverse, return_final_state=True)
    assert (y[1, 3:] == 0).all() and (y[2] == 0).all() and (state[2] == 0).all()
    short = {k: v[1:2, :3] if k in ("x", "dt", "B", "C", "z") else v for k, v in case.items()}
    alone, alone_state = selective_scan(**short, reverse=reverse, return_final_state=True)
    torch.testing.assert_close(y[1:2, :3], alone)
    torch.testing.assert_close(state[1:2], alone_state)
    spoiled = case | {"x": case["x"].clone()}
    spoiled["x"][1, 3:] = 1e6
    again = selective_scan(**spoiled, lengths=lengths, reverse=reverse)
    torch.testing.assert_close(again, y)


def test_reverse_is_flip_scan_flip():
    case = inputs()
    timed = ("x", "dt", "B", "C", "z")
    flipped = {k: v.flip(1) if k in timed else v for k, v in case.items()}
    torch.testing.assert_close(
        selective_scan(**case, reverse=True), selective_scan(**flipped).flip(1)
    )


def test_one_token_and_absent_options():
    case = inputs(tokens=1)
    for absent in ("D", "z", "dt_bias"):
        del case[absent]
    y = selective_scan(**case)
    step = torch.nn.functional.softplus(case["dt"][:, 0])
    state = (step * case["x"][:, 0])[..., None] * case["B"][:, 0, None]
    torch.testing.assert_close(y[:, 0], (state * case["C"][:, 0, None]).sum(-1))


def test_backend_is_named_or_refused():
    case = inputs()
    with pytest.raises(ValueError, match="unknown backend 'cuda'; known are auto"):
        selective_scan(**case, backend="cuda")
    case["x"].requires_grad_()
    with pytest.raises(ValueError, match="no backward"):
        selective_scan(**case, backend="triton")
    assert choose_backend("auto", case["x"]) == "reference"


TRITON_CHECK = """
import itertools, sys, torch
sys.path.insert(0, {tests!r})
from test_kernels import inputs
from mambatrack.kernels import selective_scan
empty_like = torch.empty_like
torch.empty_like = lambda x, **kw: empty_like(x, **kw).fill_(float("nan"))
worst = 0.0
for tokens, channels, states in ((1, 5, 4), (7, 3, 16), (4, 33, 3)):
    given = inputs(2, tokens, channels, states, dtype=torch.float32)
    for absent, lengths, reverse in itertools.product(
        (None, "D", "z", "dt_bias"), (None, torch.tensor([tokens, 0])), (False, True)
    ):
        chosen = {{k: v for k, v in given.items() if k != absent}}
        start = torch.ones(2, channels, states)
        options = dict(lengths=lengths, reverse=reverse, initial_state=start,
                       return_final_state=True)
        got = selective_scan(**chosen, **options, backend="triton")
        double = {{k: v.double() if isinstance(v, torch.Tensor) else v for k, v in chosen.items()}}
        want = selective_scan(**double, **options | {{"initial_state": start.double()}})
        for a, b in zip(got, want):
            worst = max(worst, float((a - b).abs().nan_to_num(9e9).max()))
print(worst)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="triton exists on Linux only")
def test_triton_equals_the_reference_in_the_interpreter():
    # a process of its own: TRITON_INTERPRET has to be set before the kernel is imported
    pytest.importorskip("triton")
    script = TRITON_CHECK.format(tests=os.path.dirname(__file__))
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-4
