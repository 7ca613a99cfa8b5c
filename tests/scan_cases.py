"""Inputs for tests of the scans, and how far a backend is from the reference in float64."""

import torch
from torch import Tensor

from mambatrack import kernels

TIMED = ("x", "dt", "B", "C", "z")


def inputs(
    batch=3, tokens=7, channels=5, states=4, rank=None, seed=0, dtype=torch.float64, stack=(2,)
) -> dict[str, Tensor]:
    """Every tensor of bi_selective_scan, with stack=() of selective_scan; dt_weight with rank."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*stack, *shape, generator=g, dtype=dtype)

    case = {
        "x": normal(batch, tokens, channels),
        "dt": normal(batch, tokens, rank or channels),
        "A": -normal(channels, states).abs() - 0.1,
        "B": normal(batch, tokens, states),
        "C": normal(batch, tokens, states),
        "D": normal(channels),
        "z": normal(batch, tokens, channels),
        "dt_bias": normal(channels),
        "initial_state": normal(batch, channels, states),
    }
    return case | ({"dt_weight": normal(channels, rank)} if rank else {})


def some_lengths(batch: int, tokens: int) -> Tensor:
    """All from 0 to ``tokens`` that fit into the batch, the longest first."""
    return torch.arange(tokens, tokens - batch, -1).clamp(min=0)


def outputs(case: dict[str, Tensor], backend: str, gradients: bool, **options) -> dict[str, Tensor]:
    """y, the final state, and the gradient of every tensor for cotangents that are not constant."""
    stacked = case["x"].dim() == 4
    scan = kernels.bi_selective_scan if stacked else kernels.selective_scan
    case = {name: each.detach().requires_grad_(gradients) for name, each in case.items()}
    options = {"dt_softplus": True} | options
    y, final = scan(**case, **options, return_final_state=True, backend=backend)
    found = {"y": y, "final": final}
    if gradients:
        ramp = torch.linspace(-1, 1, y.numel(), device=y.device).view(y.shape)
        weights = torch.linspace(1, -1, final.numel(), device=y.device).view(final.shape)
        loss = (y.to(final.dtype) * ramp).sum() + (final * weights).sum()
        grads = torch.autograd.grad(loss, list(case.values()))
        found |= {f"d{name}": each for name, each in zip(case, grads, strict=True)}
    return {name: each.detach().cpu() for name, each in found.items()}


def errors(case: dict[str, Tensor], backend: str, gradients=True, **options) -> dict[str, float]:
    """Greatest error against the reference in float64, over the greatest value."""
    got = outputs(case, backend, gradients, **options)
    double = {name: each.double().cpu() for name, each in case.items()}
    options = {k: v.cpu() if isinstance(v, Tensor) else v for k, v in options.items()}
    want = outputs(double, "reference", gradients, **options)
    return {
        name: float((got[name] - want[name]).abs().nan_to_num(9e9).max() / want[name].abs().max())
        if want[name].abs().max() > 0
        else float(got[name].abs().max())
        for name in want
    }


def rms_ratios(case: dict[str, Tensor], backend: str, **options) -> dict[str, float]:
    """Root mean square of the error over that of the value, reference in float64."""
    got = outputs(case, backend, True, **options)
    double = {name: each.double().cpu() for name, each in case.items()}
    options = {k: v.cpu() if isinstance(v, Tensor) else v for k, v in options.items()}
    want = outputs(double, "reference", True, **options)
    return {
        name: float((got[name].double() - want[name]).norm() / want[name].norm()) for name in want
    }


def assert_close(found: dict[str, float], forward=2e-6, backward=5e-6) -> None:
    for name, error in found.items():
        limit = forward if name in ("y", "final") else backward
        assert error <= limit, f"{name}: {error:.1e} of its greatest value, {limit:.0e} allowed"
