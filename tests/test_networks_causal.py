"""The causal network over whole tracks, and its carried state."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.networks.causal import (
    CausalMotionPredictor,
    roll_out_causal,
)
from mambatrack.networks.units import TOKEN
from test_motion_causal_predictor import walk


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    steps=st.integers(1, 6),
    layers=st.integers(1, 3),
    back=st.sampled_from([0, 2, 5, 12]),
)
def test_split_and_carry_equals_the_whole(lengths, steps, layers, back):
    model = CausalMotionPredictor(16, layers, 4, back)
    lengths = torch.tensor(lengths)
    tokens = torch.randn(len(lengths), 9 + steps, TOKEN)
    rows = torch.arange(len(lengths))
    _, carried = model(tokens, lengths)
    for k in range(steps):
        offset, carried = model.step(tokens[rows, lengths + k], carried)
        whole, after = model(tokens, lengths + k + 1)
        torch.testing.assert_close(offset, whole[rows, lengths + k], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(carried, after, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("back", [0, 3])
def test_no_token_sees_a_later_one_and_padding_does_not_leak(back):
    model = CausalMotionPredictor(16, 2, 4, back)
    tokens = torch.randn(2, 7, TOKEN)
    changed = tokens.clone()
    changed[:, 4:] = float("nan")
    lengths = torch.tensor([4, 3])
    before, after = model(tokens, torch.tensor([7, 7]))[0], model(changed, lengths)[0]
    torch.testing.assert_close(after[0, :4], before[0, :4])
    assert (after[0, 4:] == 0).all() and (after[1, 3:] == 0).all()


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 0, 2, 3], [0, 2, 1, 3]])
def test_the_look_back_is_the_branch_from_right_to_left_over_the_newest_tokens(order):
    model, tokens = CausalMotionPredictor(16, 1, 4, back=3), torch.randn(2, 4, TOKEN)
    with torch.inference_mode():
        entered = model.enter(tokens[:, -1], tokens[:, order[1:]])
        embedded = model.embed(tokens[:, order[1:]])
        read = model.right_to_left(embedded, torch.tensor([3, 3])).mean(1)
    torch.testing.assert_close(entered - model.embed(tokens[:, -1]), read)
    other = model.enter(tokens[:, -1], tokens[:, 1:])
    assert torch.allclose(entered, other, atol=1e-4) == (order == [0, 1, 2, 3])


@pytest.mark.parametrize("back", [0, 3])
def test_gradients_reach_every_parameter_through_the_carried_state(back):
    model = CausalMotionPredictor(16, 2, 4, back)
    boxes = torch.from_numpy(walk(9)).transpose(0, 1)
    ahead = roll_out_causal(model, boxes, torch.ones(3, 9, dtype=torch.bool), 3)[0]
    ahead[:, -1].square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
