"""The gap filler's network in torch."""

import numpy as np
import pytest
import torch

from mambatrack.learning.gap_network import laplace_loss
from test_gaps_filling import random_network


@pytest.mark.parametrize("dtype_seed", [0, 1])
def test_numpy_is_torch(dtype_seed):
    rng = np.random.default_rng(dtype_seed)
    network = random_network(dtype_seed)
    from mambatrack.gaps.scanner import RefillScanner

    scanner = RefillScanner({k: v.numpy() for k, v in network.state_dict().items()})
    lengths = np.array([1, 7, 12, 4])
    tokens = rng.normal(size=(4, 12, 17)).astype(np.float32)
    tokens[np.arange(12) >= lengths[:, None]] = 0
    with torch.no_grad():
        expected = network(torch.from_numpy(tokens), torch.from_numpy(lengths)).numpy()
    said = scanner(tokens, lengths)
    assert said.dtype == np.float32
    np.testing.assert_allclose(said, expected, atol=2e-5)
    np.testing.assert_allclose(said[:1, :1], scanner(tokens[:1, :1], lengths[:1]), atol=1e-6)


def test_laplace_loss_by_hand():
    said = torch.tensor([[1.0, 0, 0, 0, 0, 0, np.log(2), 0], [0.0] * 8])
    target = torch.tensor([[3.0, 0, 4, 0], [1.0, 1, 1, 1]])
    expected = (3 * (2 + 2 + np.log(2)) / 4 + 1 * 1) / 4
    loss = laplace_loss(said, target, torch.tensor([3.0, 1.0]))
    assert float(loss) == pytest.approx(expected, rel=1e-5)
