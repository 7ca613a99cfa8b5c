"""The last part of a causal network's training: its spread over a whole gap.

Rollouts in training are short, as gradients go back through all their steps. The spread needs none
of that: the boxes stay as they are, and only the last layer's rows that give the log scales are
fitted, to rollouts over the whole horizon, in windows drawn as they come and not before crossings.
"""

import numpy as np
import torch
from torch import Tensor

from mambatrack.learning.motion_losses import HORIZON, device_of, laplace_loss, tensors
from mambatrack.learning.motion_windows import WindowSampler
from mambatrack.networks.causal import CausalMotionPredictor, roll_out_causal

MOST_STEPS, RATE = 600, 0.01


def fit_spread(
    model: CausalMotionPredictor, sampler: WindowSampler, seed: int, size: int, trained: int
) -> None:
    """Changes the last layer of ``model`` in place.

    sampler: of windows with at least HORIZON frames ahead; size: windows a step; trained: steps of
    the training before, which this does not exceed
    """
    steps = min(MOST_STEPS, trained)
    last = model.head[2]
    assert isinstance(last, torch.nn.Linear)
    weight, bias = (each[4:].detach().clone().requires_grad_() for each in (last.weight, last.bias))
    optimiser = torch.optim.Adam([weight, bias], RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    for step in range(steps):
        rng = np.random.default_rng([seed, step, HORIZON])
        hidden, errors = _rollout(model, sampler, rng, size)
        loss = laplace_loss(errors, hidden @ weight.T + bias)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        last.weight[4:], last.bias[4:] = weight, bias


@torch.no_grad()
def _rollout(
    model: CausalMotionPredictor, sampler: WindowSampler, rng: np.random.Generator, size: int
) -> tuple[Tensor, Tensor]:
    """What the last layer reads before each box of a rollout [B, HORIZON, D], and the errors of
    these boxes as a share of the true size [B, HORIZON, 4]."""
    history, _, future, _, _, seen = tensors(sampler.batch(rng, size), device_of(model))
    read: list[Tensor] = []
    hook = model.head[2].register_forward_pre_hook(lambda _, given: read.append(given[0]))
    rolled = roll_out_causal(model, history, seen, HORIZON)
    hook.remove()
    newest = read[0][torch.arange(size), rolled.lengths - 1]
    future = future[:, :HORIZON]
    errors = (rolled.boxes - future) / future[..., [2, 3, 2, 3]]
    return torch.stack([newest, *read[1:]], dim=1), errors
