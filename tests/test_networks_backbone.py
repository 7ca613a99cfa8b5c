"""The visual backbone: torch against arrays, layer by layer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack.kernels import arrays
from mambatrack.kernels.cpu.library import available
from mambatrack.kernels.picture_shapes import embedder_shapes, embedder_sizes_of
from mambatrack.kernels.weight_shapes import check_shapes
from mambatrack.learning.embedder_network import EmbedderNetwork
from mambatrack.networks import backbone_arrays
from mambatrack.networks.backbone import Backbone, Shape, folded_weights, haar, unhaar
from mambatrack.networks.backbone_arrays import ArrayBackbone
from mambatrack.networks.picture_places import s_shaped

SHAPE = Shape((5,), (9, 18, 30), (1, 2, 1))


@pytest.fixture(scope="module")
def trained():
    """A backbone whose norms have seen pictures, and the same in arrays."""
    torch.manual_seed(0)
    model = Backbone(SHAPE)
    for each in model.modules():
        if isinstance(each, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(each.weight, 0.5, 1.5)
            torch.nn.init.uniform_(each.bias, -0.5, 0.5)
    for _ in range(3):
        model(torch.rand(4, 3, 48, 32) - 0.5)
    weights = {name: each.numpy().copy() for name, each in folded_weights(model).items()}
    return model.eval(), ArrayBackbone(weights)


def as_picture(x):
    return torch.from_numpy(x).permute(0, 3, 1, 2)


def as_array(x):
    return x.permute(0, 2, 3, 1).numpy()


def random_features(channels, rows=6, columns=5, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, rows, columns, channels)).astype(np.float32)


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 99))
def test_haar_there_and_back(rows, columns, seed):
    x = random_features(3, rows, columns, seed)
    low, details = haar(as_picture(x))
    assert torch.allclose(unhaar(low, details)[:, :, :rows, :columns], as_picture(x), atol=1e-5)
    in_arrays = backbone_arrays.haar(x)
    for want, got in zip((low, details), in_arrays, strict=True):
        assert np.allclose(as_array(want), got, atol=1e-5)
    back = backbone_arrays.unhaar(*in_arrays)
    assert np.allclose(as_array(unhaar(low, details)), back, atol=1e-5)


def test_the_transform_keeps_lengths():
    x = as_picture(random_features(3, 4, 6))
    low, details = haar(x)
    assert torch.isclose(low.square().sum() + details.square().sum(), x.square().sum())


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 4), (4, 3), (1, 5), (5, 1)])
def test_neighbours_in_the_order_touch(rows, columns):
    order = s_shaped(rows, columns)
    at = np.stack(np.divmod(order, columns), axis=1)
    assert (np.abs(np.diff(at, axis=0)).sum(axis=1) == 1).all()
    assert (order[order] == np.arange(rows * columns)).all()


LAYERS = {  # in torch, and the same in arrays
    "mixer.scan": (lambda block: block.mixer.scan, "_wavelets", 3),
    "mixer": (lambda block: block.mixer, "_mixer", 9),
    "": (lambda block: block, "_block", 9),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("in_c", [False, True])
@torch.no_grad()
def test_each_layer_equals_torch(layer, in_c, trained, monkeypatch):
    if in_c and not available():
        pytest.skip("the C library is not built")
    monkeypatch.setattr(arrays, "wanted", lambda: in_c)
    model, same = trained
    of_block, method, channels = LAYERS[layer]
    x = random_features(channels)
    want = of_block(model.stages[0][0])(as_picture(x))
    got = getattr(same, method)(".".join(["stages.0.0", layer]).rstrip("."), x)
    assert np.allclose(as_array(want), got, atol=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [(48, 32), (37, 51), (16, 16)])
@torch.no_grad()
def test_pictures_of_any_size(rows, columns, trained):
    model, same = trained
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (2, rows, columns, 3)).astype(np.float32)
    before = x.copy()
    found = same(x)
    for want, got in zip(model(as_picture(x)), found, strict=True):
        assert np.allclose(as_array(want), got, atol=1e-4)
    assert (x == before).all() and len(found) == 3


def test_the_weights_have_the_shapes_that_are_told():
    sizes = Shape((4,), (9, 12, 15), (1, 1, 2))
    weights = folded_weights(EmbedderNetwork(sizes, 7))
    found = embedder_sizes_of(weights)
    assert found == (((4,), (9, 12, 15), (1, 1, 2), 4), 7)
    check_shapes(weights, embedder_shapes(found))
    with pytest.raises(ValueError, match="stages of 9, 12, 15"):
        embedder_sizes_of(weights | {"backbone.stages.0.0.near.bias": torch.zeros(10)})
