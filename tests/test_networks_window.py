import importlib.util
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.kernels.reference import token_mask
from mambatrack.motion.loading import weights_path
from mambatrack.networks.launches import Launches
from mambatrack.networks.model_files import load_model
from mambatrack.networks.weight_files import read_weights
from mambatrack.networks.window import (
    BiMambaBlock,
    MotionPredictor,
    next_boxes,
    offset_scale,
    window_offsets,
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
TRITON = importlib.util.find_spec("triton") and (
    torch.cuda.is_available() or os.environ.get("TRITON_INTERPRET") == "1"
)
BACKENDS = [
    "torch",
    pytest.param("triton", marks=pytest.mark.skipif(not TRITON, reason="no GPU, no interpreter")),
]


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def full(tokens, batch=2):
    return torch.full((batch,), tokens)


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


def one_by_one(block, tokens, lengths):
    return block.left_to_right(tokens, lengths) + block.right_to_left(tokens, lengths)


def difference(found, expected):
    """As a share of the largest value."""
    return ((found - expected).abs().max() / expected.abs().max()).item()


def case(batch=4, length=5, d_model=17):
    lengths = torch.arange(length, length - batch, -1, device=DEVICE).clamp(min=0)
    lengths[-1] = 0
    tokens = torch.randn(batch, length, d_model, device=DEVICE)
    tokens = tokens * token_mask(lengths, batch, length, DEVICE)[..., None]
    return BiMambaBlock(d_model, d_state=5).to(DEVICE), tokens, lengths


@pytest.mark.skipif(not TRITON, reason="no GPU, no interpreter")
@pytest.mark.parametrize("d_model", [32, 64])
def test_the_scan_is_handed_what_it_is_compiled_for(d_model, monkeypatch):
    """Pointers and strides at multiples of 16 make loads of whole vectors; rank 2 and rank 4."""
    from mambatrack.kernels.gpu import compile as ahead
    from mambatrack.kernels.gpu import operations
    from mambatrack.kernels.gpu.scan import _forward

    handed = []
    monkeypatch.setattr(operations, "launch", lambda *each, **constants: handed.append(each))
    block = BiMambaBlock(d_model).to(DEVICE).requires_grad_(False)
    monkeypatch.setenv("MAMBATRACK_BACKEND", "triton")
    block.together(torch.zeros(3, 10, d_model, device=DEVICE), full(10, 3).to(DEVICE))
    ((kernel, _, *given),) = handed
    assert kernel is _forward
    for name, each in zip(kernel.arg_names, given, strict=False):
        place = each.data_ptr() if isinstance(each, torch.Tensor) else each
        assert name in ahead.ANY or place % 16 == 0, name


def with_gradients(branches, block, tokens, lengths):
    """Of valid tokens; what is beyond the length is zero for a block and gets no gradient."""
    tokens = tokens.clone().requires_grad_()
    block.zero_grad()
    y = branches(tokens * token_mask(lengths, *tokens.shape[:2], DEVICE)[..., None], lengths)
    y.sin().sum().backward()
    own = {name: each.grad for name, each in block.named_parameters() if each.grad is not None}
    return {"y": y.detach(), "tokens": tokens.grad, **own}


@pytest.mark.parametrize("backend", BACKENDS)
def test_branches_together_equal_the_two_one_by_one(monkeypatch, backend):
    block, tokens, lengths = case()
    expected = with_gradients(lambda *each: one_by_one(block, *each), block, tokens, lengths)
    monkeypatch.setenv("MAMBATRACK_BACKEND", backend)
    found = with_gradients(block.together, block, tokens, lengths)
    assert found.keys() == expected.keys() and len(found) == 2 + 2 * 10
    wrong = {name: difference(found[name], each) for name, each in expected.items()}
    assert max(wrong.values()) < (1e-6 if DEVICE == "cpu" else 5e-6), wrong


@pytest.mark.parametrize("backend", BACKENDS)
def test_shipped_weights_give_the_same_together_and_frozen(monkeypatch, backend):
    path, most = weights_path("mamba-window"), 1e-6 if DEVICE == "cpu" else 5e-6
    model = load_model(path)[0].to(DEVICE)
    _, tokens, lengths = case(3, 4, len(model.embed.bias))
    with torch.no_grad():
        for block in model.blocks:
            expected = one_by_one(block, tokens, lengths)
            monkeypatch.setenv("MAMBATRACK_BACKEND", backend)
            assert difference(block.together(tokens, lengths), expected) < most
            block.freeze()
            assert difference(block.together(tokens, lengths), expected) < most
            monkeypatch.delenv("MAMBATRACK_BACKEND")
    assert model.state_dict().keys() == read_weights(path).keys()


def test_frozen_weights_last_until_training_starts():
    block, tokens, lengths = case()
    with torch.no_grad():
        before = block.together(tokens, lengths)
        block.freeze()
        block.left_to_right.D += 1
        assert torch.equal(block.together(tokens, lengths), before)
        block.train()
        assert not torch.equal(block.together(tokens, lengths), before)
    block.together(tokens, lengths).sum().backward()
    assert block.left_to_right.D.grad is not None


@pytest.mark.skipif(not TRITON, reason="no GPU, no interpreter")
def test_a_frozen_block_is_six_launches_without_copies(monkeypatch):
    monkeypatch.setenv("MAMBATRACK_BACKEND", "triton")
    block, tokens, lengths = case(2, 3, 16)
    block.freeze()
    with torch.no_grad(), Launches() as launches:
        block.together(tokens, lengths)
    assert len(launches.seen) == 6, launches.seen
    assert block._frozen.A.mT.is_contiguous() and block._frozen.dt.mT.is_contiguous()


@pytest.mark.skipif(not TRITON, reason="no GPU, no interpreter")
def test_a_small_frozen_network_is_five_launches_a_block_and_two_and_the_same(monkeypatch):
    torch.manual_seed(0)
    model, lengths = MotionPredictor(12, 2, 3).to(DEVICE).eval(), torch.tensor([2, 0, 1])
    offsets, lengths = 4 * torch.randn(3, 2, 4, device=DEVICE), lengths.to(DEVICE)
    offsets[2, 1:], offsets[0, 0, 0] = torch.nan, 1e9
    with torch.no_grad():
        expected = model(offsets, lengths)
        monkeypatch.setenv("MAMBATRACK_BACKEND", "triton")
        model.freeze()
        with Launches() as launches:
            found = model.fused(offsets, lengths)
    assert difference(found, expected) < (1e-6 if DEVICE == "cpu" else 5e-6)
    assert (found[1] == 0).all() and len(launches.seen) == 12, launches.seen


@pytest.mark.skipif(not TRITON, reason="no GPU, no interpreter")
def test_wide_blocks_and_those_that_are_trained_are_not_fused(monkeypatch):
    monkeypatch.setenv("MAMBATRACK_BACKEND", "triton")
    wide, small = (MotionPredictor(width, 1, 3).to(DEVICE) for width in (40, 8))
    for each in (wide, small):
        each.freeze()
    assert wide._ends is None and small._ends is not None
    small.train()
    assert small._ends is None and not small.blocks[0].small


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
