"""What is counted as a launch."""

import pytest
import torch

from mambatrack.networks.launches import launches

X = torch.ones(2, 3)


@pytest.mark.parametrize(
    "count, work",
    [
        (0, lambda: X.T.unflatten(0, (3, 1)).split(1)),
        (0, lambda: torch.empty_like(X.view(3, 2))),
        (0, lambda: X.to(torch.float32).contiguous()),
        (1, lambda: X.T.contiguous()),
        (1, lambda: X.T.reshape(6)),
        (1, lambda: X.double()),
        (1, lambda: X.mul_(1)),
        (2, lambda: (X + 1).sum(0)),
    ],
)
@pytest.mark.parametrize("inference", [True, False])
def test_views_start_nothing_and_copies_do(count, work, inference):
    with torch.inference_mode(inference):
        assert launches(work) == count
