"""What the optimisers are told at each step, from 1: nothing of it depends on the steps before, so
that a resumed training goes on with the same."""

import math
from typing import Any

from mambatrack.config import TrainingConfig

RISE = 0.1  # share of the steps in which the rate of one cycle rises
FIRST, LAST = 25, 1e4  # the highest rate is so many times the first, that one as many the last
MOMENTA = 0.95, 0.85  # of one cycle, at the lowest and at the highest rate


def noam(step: int, settings: TrainingConfig) -> float:
    """Noam's learning rate (Vaswani et al. 2017, equation 3), falling linearly to 0 over the last
    part of the training if ``cooldown`` is set."""
    rate = settings.rate * settings.d_model**-0.5 * min(step**-0.5, step * settings.warmup**-1.5)
    left = (settings.steps - step + 1) / settings.steps
    return rate * min(1.0, left / settings.cooldown) if settings.cooldown else rate


def one_cycle(step: int, steps: int, highest: float) -> dict[str, Any]:
    """Learning rate and betas of Adam, of a cycle of ``steps`` (Smith and Topin 2019): the rate
    rises and falls, the momentum falls and rises. The numbers are those of torch's OneCycleLR."""
    now, turn, end = step - 1, RISE * steps - 1, steps - 1
    first = highest / FIRST
    if turn > 0 and now <= turn:
        share, rates, momenta = now / turn, (first, highest), MOMENTA
    else:
        share, rates, momenta = (now - turn) / (end - turn), (highest, first / LAST), MOMENTA[::-1]
    return {"lr": _cosine(*rates, share), "betas": (_cosine(*momenta, share), 0.999)}


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
