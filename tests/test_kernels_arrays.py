"""Operations on arrays, in numpy and in C, against torch."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.kernels import arrays, numpy_depthwise, numpy_patches, reference
from mambatrack.kernels.cpu import arrays as in_c
from mambatrack.kernels.cpu.library import available
from scan_cases import inputs, some_lengths

NEEDS_C = pytest.mark.skipif(not available(), reason="the C library is not built")
IMPLEMENTATIONS = [numpy_depthwise.depthwise, pytest.param(in_c.depthwise, marks=NEEDS_C)]
PATCHES = [numpy_patches.patches, pytest.param(in_c.patches, marks=NEEDS_C)]


@pytest.mark.parametrize("depthwise", IMPLEMENTATIONS)
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, most) for most in (3, 9, 8, 37)]),
    size=st.sampled_from([1, 3, 5, 7]),
    stride=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_depthwise_equals_torch(depthwise, sizes, size, stride, seed):
    rng, channels = np.random.default_rng(seed), sizes[3]
    x, weight, bias = (
        rng.normal(size=shape).astype(np.float32)
        for shape in (sizes, (size, size, channels), (channels,))
    )
    before = x.copy()
    want = torch.nn.functional.conv2d(
        torch.from_numpy(x).permute(0, 3, 1, 2), torch.from_numpy(weight).permute(2, 0, 1)[:, None],
        torch.from_numpy(bias), stride, size // 2, groups=channels,
    )  # fmt: skip
    got = depthwise(x, weight, bias, stride)
    assert np.allclose(got, want.permute(0, 2, 3, 1), atol=1e-5)
    assert (x == before).all()


@pytest.mark.parametrize("patches", PATCHES)
@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, most) for most in (3, 9, 8, 5)]),
    size=st.sampled_from([1, 3, 5]),
    stride=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_patches_equal_torch(patches, sizes, size, stride, seed):
    x = np.random.default_rng(seed).normal(size=sizes).astype(np.float32)
    pictures = torch.from_numpy(x).permute(0, 3, 1, 2)
    want = torch.nn.functional.unfold(pictures, size, padding=size // 2, stride=stride)
    got = patches(x, size, stride)
    of_taps = got.reshape(len(x), -1, size * size, sizes[3]).transpose(0, 3, 2, 1)
    assert (of_taps.reshape(want.shape) == want.numpy()).all()


@NEEDS_C
@pytest.mark.parametrize("part", [np.s_[..., 3:9], np.s_[:, :, ::2], np.s_[:, 1:]])
def test_some_channels_or_places_of_a_picture(part):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 6, 12)).astype(np.float32)[part]
    weight = rng.normal(size=(3, 3, x.shape[3])).astype(np.float32)
    bias = np.zeros(x.shape[3], np.float32)
    want = numpy_depthwise.depthwise(x, weight, bias)
    assert np.allclose(in_c.depthwise(x, weight, bias), want, atol=1e-5)


@NEEDS_C
def test_arrays_that_do_not_fit_are_refused():
    x, weight, bias = np.zeros((1, 4, 4, 6), "f4"), np.zeros((3, 3, 6), "f4"), np.zeros(6, "f4")
    with pytest.raises(ValueError, match=r"weight: \[3, 3, 6\] float32 without gaps expected"):
        in_c.depthwise(x, weight[:, :2], bias)
    with pytest.raises(ValueError, match=r"bias: \[6\] float32 without gaps expected"):
        in_c.depthwise(x, weight, bias.astype(float))


@pytest.mark.parametrize("built", [False, pytest.param(True, marks=NEEDS_C)])
@settings(max_examples=30, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, most) for most in (4, 40, 19, 5)]),
    ragged=st.booleans(),
    reverse=st.booleans(),
    seed=st.integers(0, 99),
)
def test_the_scan_equals_the_reference(built, sizes, ragged, reverse, seed):
    case = inputs(*sizes, rank=None, seed=seed, stack=())
    case = {name: each for name, each in case.items() if name != "initial_state"}
    lengths = some_lengths(*sizes[:2]) if ragged else None
    want = reference.selective_scan(**case, dt_softplus=True, lengths=lengths, reverse=reverse)
    plain = {name: each.numpy().astype(np.float32) for name, each in case.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "wanted", lambda: built)
        got = arrays.gated_scan(
            **plain, lengths=None if lengths is None else lengths.numpy(), reverse=reverse
        )
    assert np.allclose(got, want, rtol=1e-4, atol=1e-4)


@NEEDS_C
@pytest.mark.parametrize("wrong", [[0, 6], [-1, 2], [1]])
def test_lengths_that_are_none_are_refused(wrong):
    case = inputs(2, 5, 3, 4, rank=None, seed=0, stack=())
    plain = {name: each.numpy().astype(np.float32) for name, each in case.items()}
    del plain["initial_state"]
    with pytest.raises(ValueError, match="lengths: "):
        in_c.gated_scan(**plain, lengths=np.array(wrong))
