"""The scan in few torch operations against the reference."""

import pytest
import torch

from scan_cases import assert_close, errors, inputs, some_lengths


@pytest.mark.parametrize("tokens", [1, 2, 5, 12, 30, 128])
@pytest.mark.parametrize("ragged", [False, True])
def test_torch_equals_the_reference(tokens, ragged):
    case = inputs(3, tokens, 33, 16, dtype=torch.float32)
    lengths = some_lengths(3, tokens) if ragged else None
    assert_close(errors(case, "torch", lengths=lengths))
    assert_close(errors(case, "torch", gradients=False, lengths=lengths))
