"""The reference against the equations written out, and its gradients."""

import numpy as np
import pytest
import torch

from mambatrack.kernels import selective_scan
from scan_cases import inputs


def scalar_scan(x, dt, A, B, C, D, z, dt_bias, initial_state):
    """The equations written out number by number in numpy."""
    y = np.zeros(x.shape)
    x, dt, A, B, C, D, z, dt_bias = (each.numpy() for each in (x, dt, A, B, C, D, z, dt_bias))
    for row, channel in np.ndindex(x.shape[0], x.shape[2]):
        h = initial_state[row, channel].numpy()
        for t in range(x.shape[1]):
            step = np.log1p(np.exp(dt[row, t, channel] + dt_bias[channel]))
            h = np.exp(step * A[channel]) * h + step * B[row, t] * x[row, t, channel]
            gate = z[row, t, channel] / (1 + np.exp(-z[row, t, channel]))
            y[row, t, channel] = (h @ C[row, t] + D[channel] * x[row, t, channel]) * gate
    return y


def test_reference_equals_the_equations_written_out():
    case = inputs(stack=())
    got = selective_scan(**case, dt_softplus=True, backend="reference")
    np.testing.assert_allclose(got.numpy(), scalar_scan(**case), atol=1e-12)


@pytest.mark.parametrize("backend", ["reference", "torch"])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_right(backend, reverse):
    case = inputs(batch=2, tokens=3, channels=2, states=2, rank=2, stack=())
    options = {"dt_softplus": True, "lengths": torch.tensor([3, 2]), "return_final_state": True}

    def scan(*tensors):
        named = dict(zip(case, tensors, strict=True))
        return selective_scan(**named, **options, reverse=reverse, backend=backend)

    assert torch.autograd.gradcheck(scan, [each.requires_grad_() for each in case.values()])
