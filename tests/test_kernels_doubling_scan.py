"""The scan in rounds that double, against the reference."""

import pytest
import torch

from mambatrack.kernels import doubling_scan, reference
from scan_cases import inputs


@pytest.mark.parametrize("tokens", [1, 2, 7, 64])
@pytest.mark.parametrize("reverse", [False, True])
def test_it_computes_what_the_reference_does(tokens, reverse):
    case = inputs(tokens=tokens, rank=2, stack=())
    del case["initial_state"]
    options = {"dt_softplus": True, "reverse": reverse}
    wanted = reference.selective_scan(**case, **options)
    found = doubling_scan.selective_scan(**case, **options)
    assert torch.allclose(found, wanted, rtol=1e-9, atol=1e-12)
