"""Learning rates and momenta, step by step."""

import math
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mambatrack import load_config
from mambatrack.learning.schedules import noam, one_cycle


def settings_of(**changes):
    return load_config(None, {f"training.{key}": value for key, value in changes.items()}).training


def test_noam_rises_to_its_peak_and_falls():
    recipe = settings_of()
    rates = [noam(step, recipe) for step in (1, 2000, 4000, 8000, 16000)]
    assert max(rates) == rates[2] == pytest.approx((64 * 4000) ** -0.5)
    assert rates[0] == pytest.approx(rates[2] / 4000) and rates[4] == pytest.approx(rates[2] / 2)


def test_noam_cools_down_at_the_end():
    plain = settings_of(steps=100, d_model=8, warmup=4)
    cooled = settings_of(steps=100, d_model=8, warmup=4, cooldown=0.2)
    factors = [noam(step, cooled) / noam(step, plain) for step in (1, 80, 91, 100)]
    assert factors == pytest.approx([1, 1, 0.5, 0.05])


@settings(deadline=None, max_examples=30)
@given(steps=st.integers(1, 400).filter(lambda n: n != 10), highest=st.floats(1e-6, 1.0))
def test_one_cycle_is_that_of_torch_bit_for_bit(steps, highest):
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], highest)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, highest, steps, pct_start=0.1)
    for step in range(1, steps + 1):
        (group,) = optimiser.param_groups
        assert one_cycle(step, steps, highest) == {"lr": group["lr"], "betas": group["betas"]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a schedule without steps of its optimiser
            schedule.step()


@given(steps=st.integers(1, 1000))
def test_one_cycle_has_a_rate_at_each_step_of_any_number(steps):
    rates = [one_cycle(step, steps, 0.5)["lr"] for step in range(1, steps + 1)]
    assert all(math.isfinite(rate) and 0 < rate <= 0.5 for rate in rates)
    assert rates[-1] == pytest.approx(0.5 / 25 / 1e4)
