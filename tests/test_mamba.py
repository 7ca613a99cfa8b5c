import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.mamba import (
    BiMambaBlock,
    MambaBlock,
    MotionPredictor,
    next_boxes,
    offset_scale,
    window_offsets,
)


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


def test_bi_block_with_tied_weights_commutes_with_time_flip():
    block = BiMambaBlock(8, d_state=4).double()
    block.right_to_left.load_state_dict(block.left_to_right.state_dict())
    tokens = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(block(tokens.flip(1), full(5, 3)), block(tokens, full(5, 3)).flip(1))


def test_bi_block_is_the_papers_sum_and_norm():
    block = BiMambaBlock(8, d_state=4)
    tokens = torch.randn(2, 5, 8)
    y = block.left_to_right(tokens, full(5)) + block.right_to_left(tokens, full(5))
    torch.testing.assert_close(block(tokens, full(5)), y + block.norm(block.mlp(y)))


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 10), min_size=1, max_size=5),
    layers=st.integers(1, 3),
    garbage=st.sampled_from([0.0, 1e3, float("inf"), float("nan")]),
)
def test_padding_does_not_leak_and_rows_do_not_mix(lengths, layers, garbage):
    model = MotionPredictor(16, layers, 4).double()
    offsets = torch.randn(len(lengths), 10, 4, dtype=torch.float64)
    for row, length in enumerate(lengths):
        offsets[row, length:] = garbage
    together = model(offsets, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = model(offsets[row : row + 1, : max(length, 1)].nan_to_num(0, 0, 0),
                      torch.tensor([length]))  # fmt: skip
        torch.testing.assert_close(together[row : row + 1], alone)
        if length == 0:
            assert (together[row] == 0).all()


@pytest.mark.parametrize(
    "d_model, layers, q, d_state", [(4, 1, 1, 1), (33, 2, 7, 5), (64, 3, 10, 16)]
)
def test_any_size_and_outliers_stay_finite(d_model, layers, q, d_state):
    model = MotionPredictor(d_model, layers, d_state)
    y = model(torch.randn(3, q, 4) * 1e6, torch.tensor([q, 1, 0]))
    assert y.shape == (3, 4) and y.isfinite().all()


def test_gradients_reach_every_parameter():
    model = MotionPredictor(16, 2, 4)
    model(torch.randn(4, 10, 4), full(10, 4)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_window_offsets_are_left_aligned_and_ordered():
    windows = torch.arange(4.0).pow(2)[None, :, None].repeat(2, 1, 4)  # 0 1 4 9
    offsets, lengths = window_offsets(windows, torch.tensor([4, 3]), torch.ones(2, 4))
    assert lengths.tolist() == [3, 2]
    assert offsets[0, :, 0].tolist() == [1, 3, 5]
    assert offsets[1, :2, 0].tolist() == [3, 5]


def test_box_unit_does_not_depend_on_scale_or_place():
    model = MotionPredictor(16, 2, 4)
    windows = torch.rand(5, 11, 4) * 10 + torch.tensor([0.0, 0, 50, 100])
    counts = torch.tensor([11, 11, 5, 2, 1])
    boxes = next_boxes(model, windows, counts, "box")
    shift = torch.tensor([700.0, -80, 0, 0])
    moved = next_boxes(model, windows * 3 + shift, counts, "box")
    torch.testing.assert_close(moved, boxes * 3 + shift, atol=1e-2, rtol=1e-4)


def test_image_unit_is_a_250th_of_the_image():
    windows = torch.rand(2, 11, 4)
    scale = offset_scale(windows, full(11), "image", torch.tensor([1000.0, 500.0]))
    assert scale.tolist() == [[4, 2, 4, 2]] * 2
    each = torch.tensor([[1000.0, 500.0], [500.0, 250.0]])
    assert offset_scale(windows, full(11), "image", each).tolist() == [[4, 2, 4, 2], [2, 1, 2, 1]]
