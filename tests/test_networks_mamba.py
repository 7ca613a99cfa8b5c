import copy

import pytest
import torch
import torch.nn.functional as F

from mambatrack import MambatrackError
from mambatrack.kernels import reference
from mambatrack.networks.mamba import MAMBA_SSM, MambaBlock


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def full(tokens, batch=2):
    return torch.full((batch,), tokens)


def test_mamba_block_is_causal_in_its_direction():
    for reverse in (False, True):
        block = MambaBlock(8, d_state=4, reverse=reverse).double()
        tokens = torch.randn(2, 6, 8, dtype=torch.float64)
        changed = tokens.clone()
        changed[:, 3] += 1
        moved = (block(changed, full(6)) - block(tokens, full(6))).abs().amax((0, 2)) > 1e-9
        expected = [True] * 4 + [False] * 2 if reverse else [False] * 3 + [True] * 3
        assert moved.tolist() == expected


def test_backward_branch_equals_flip_in_and_flip_out():
    backward = MambaBlock(8, d_state=4, reverse=True)
    forward = copy.deepcopy(backward)
    forward.reverse = False
    tokens = torch.randn(2, 6, 8)
    torch.testing.assert_close(backward(tokens, full(6)), forward(tokens.flip(1), full(6)).flip(1))


def mamba_ssm_state(d_model=24, d_state=5, d_conv=3, expand=2):
    """Random weights with the names and shapes of mamba_ssm.Mamba."""
    inner, rank = expand * d_model, -(-d_model // 16)
    shapes = {
        "in_proj.weight": (2 * inner, d_model), "conv1d.weight": (inner, 1, d_conv),
        "conv1d.bias": (inner,), "x_proj.weight": (rank + 2 * d_state, inner),
        "dt_proj.weight": (inner, rank), "dt_proj.bias": (inner,), "A_log": (inner, d_state),
        "D": (inner,), "out_proj.weight": (d_model, inner),
    }  # fmt: skip
    return {name: torch.randn(shape) / shape[-1] ** 0.5 for name, shape in shapes.items()}


def as_mamba_ssm(state, tokens):
    """What mamba_ssm.Mamba makes of tokens [B, L, M]: its forward by torch's own convolution and
    the reference scan."""
    rank, d_state = state["dt_proj.weight"].shape[1], state["A_log"].shape[1]
    inner, _, d_conv = state["conv1d.weight"].shape
    x, z = F.linear(tokens, state["in_proj.weight"]).chunk(2, dim=2)
    x = F.conv1d(
        x.mT, state["conv1d.weight"], state["conv1d.bias"], padding=d_conv - 1, groups=inner
    )
    x = F.silu(x[..., : tokens.shape[1]].mT)
    dt, B, C = F.linear(x, state["x_proj.weight"]).split([rank, d_state, d_state], dim=2)
    y = reference.selective_scan(
        x, dt @ state["dt_proj.weight"].T, -torch.exp(state["A_log"]), B, C, state["D"], z,
        state["dt_proj.bias"], True,
    )  # fmt: skip
    return F.linear(y, state["out_proj.weight"])


@pytest.mark.parametrize("sizes", [{}, {"d_model": 8, "d_conv": 4}, {"expand": 3, "d_state": 1}])
def test_weights_of_mamba_ssm_give_what_mamba_ssm_makes_of_them(sizes):
    state = mamba_ssm_state(**sizes)
    block = MambaBlock.from_mamba_ssm(state)
    tokens = torch.randn(2, 6, len(state["out_proj.weight"]))
    want = as_mamba_ssm(state, tokens)
    torch.testing.assert_close(block(tokens, full(6)), want, rtol=1e-4, atol=1e-5)
    backward = MambaBlock.from_mamba_ssm(state, reverse=True)
    torch.testing.assert_close(
        backward(tokens.flip(1), full(6)), want.flip(1), rtol=1e-4, atol=1e-5
    )


def test_the_table_names_every_weight_of_both():
    assert all(f"{name}" in MambaBlock.__doc__ for name in MAMBA_SSM)
    ours = {name.removesuffix(".weight") for name, _ in MambaBlock(8).named_parameters()}
    assert all(f"| {name}" in MambaBlock.__doc__ for name in ours)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"D": None}, "weights of a mamba_ssm.Mamba expected, in_proj.weight, .*; got in_proj"),
        ({"in_proj.bias": torch.zeros(96)}, "expected, .*; got .*in_proj.bias"),
        ({"x_proj.weight": torch.zeros(13, 48)}, r"do not fit together.*\[13, 48\]"),
        ({"dt_proj.weight": torch.zeros(48, 4)}, r"do not fit together.*\[48, 4\]"),
        ({"out_proj.weight": torch.zeros(48)}, "do not fit together"),
        ({"in_proj.weight": torch.zeros(95, 24)}, "do not fit together"),
    ],
)  # fmt: skip
def test_weights_of_mamba_ssm_that_do_not_fit_are_refused(change, message):
    state = {k: v for k, v in (mamba_ssm_state() | change).items() if v is not None}
    with pytest.raises(MambatrackError, match=message):
        MambaBlock.from_mamba_ssm(state)


def test_a_step_at_a_time_equals_the_block_and_has_its_gradients():
    block, tokens = MambaBlock(8, d_state=4), torch.randn(2, 6, 8)
    want = block(tokens, full(6))
    _, tail, state = block.encode(tokens[:, :2], full(2))
    outputs = []
    for token in tokens[:, 2:].unbind(1):
        before = tail.clone(), state.clone()
        y, *after = block.step(token, tail, state)
        assert torch.equal(tail, before[0]) and torch.equal(state, before[1])
        outputs.append(y)
        tail, state = after
    stepped = torch.stack(outputs, dim=1)
    torch.testing.assert_close(stepped, want[:, 2:])
    weights = list(block.parameters())
    found = torch.autograd.grad(stepped.square().sum(), weights)
    expected = torch.autograd.grad(want[:, 2:].square().sum(), weights)
    for got, each in zip(found, expected, strict=True):
        torch.testing.assert_close(got, each, rtol=1e-4, atol=1e-5)
