"""Which implementation an operation takes, and why."""

import importlib.util
import os
import warnings
from functools import cache

import torch
from torch import Tensor

from mambatrack.kernels.validation import HALVES, needs_gradient, symbolic

BACKENDS = ("auto", "reference", "torch", "triton", "cpu")
OPERATIONS = ("selective_scan", "bi_selective_scan", "bi_conv_silu", "selective_state_update")
NOT_BUILT = "the C library cannot be used"
NOT_LAUNCHED = "Triton cannot be used"
VARIABLE = "MAMBATRACK_BACKEND"


def choose_backend(backend: str, *inputs: Tensor | None, operation: str = "selective_scan") -> str:
    """The implementation that ``backend`` means for these inputs, of which the first is x.

    auto: what MAMBATRACK_BACKEND names, else the fastest that can do it. ValueError for an unknown
    name, and for a backend that cannot do what is asked.
    """
    x = inputs[0]
    if x is None:
        raise ValueError("x: a tensor expected, got None")
    tensors = [each for each in inputs if each is not None]
    gradient = needs_gradient(*tensors)
    dtypes = {each.dtype for each in tensors if each.is_floating_point()}
    asked = os.environ.get(VARIABLE, "") or "auto" if backend == "auto" else backend
    if asked not in BACKENDS:
        source = f" in {VARIABLE}" if backend == "auto" else ""
        raise ValueError(f"unknown backend {asked!r}{source}; known are {', '.join(BACKENDS)}")
    if asked != "auto":
        obstacle = why_not(asked, operation, x.device, dtypes, gradient)
        if obstacle:
            raise ValueError(f"backend {asked!r} cannot do this {operation}: {obstacle}")
        return asked
    if x.device.type == "cpu" and symbolic(x):
        return "reference"  # plain operations, which every exporter and compiler knows
    chosen, reason = _fastest(operation, x.device, dtypes, gradient)
    if NOT_BUILT in reason or NOT_LAUNCHED in reason:
        _notice(reason)
    return chosen


def explain_backends() -> list[tuple[str, str, str, str]]:
    """(operation, device, backend, reason) for float32 on every kind of device that is there."""
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    rows = []
    for operation in OPERATIONS:
        for kind in kinds:
            for gradient in (False, True):
                named = f"{operation}, {'training' if gradient else 'inference'}"
                rows.append((named, kind, *_explained(operation, torch.device(kind), gradient)))
    return rows


def _explained(operation: str, device: torch.device, gradient: bool) -> tuple[str, str]:
    asked = os.environ.get(VARIABLE, "") or "auto"
    if asked == "auto":
        return _fastest(operation, device, {torch.float32}, gradient)
    if asked not in BACKENDS:
        return "none", f"{VARIABLE}={asked} is not one of {', '.join(BACKENDS)}"
    obstacle = why_not(asked, operation, device, {torch.float32}, gradient)
    return ("none", f"{VARIABLE}={asked}, but {obstacle}") if obstacle else (asked, VARIABLE)


def _fastest(
    operation: str, device: torch.device, dtypes: set[torch.dtype], gradient: bool
) -> tuple[str, str]:
    """The backend, and the reason for it."""
    fast = "triton" if device.type == "cuda" else "cpu"
    obstacle = why_not(fast, operation, device, dtypes, gradient)
    if not obstacle:
        return fast, "fused kernel" if fast == "triton" else "C library"
    return "torch", f"{fast}: {obstacle}"


def why_not(
    backend: str, operation: str, device: torch.device, dtypes: set[torch.dtype], gradient: bool
) -> str:
    """The obstacle, empty where there is none."""
    if backend == "triton":
        return _why_not_triton(device, dtypes)
    return _why_not_cpu(operation, device, dtypes, gradient) if backend == "cpu" else ""


def _why_not_triton(device: torch.device, dtypes: set[torch.dtype]) -> str:
    if not dtypes <= set(HALVES):
        return "float64 is left to the reference"
    if torch.compiler.is_compiling():
        return ""  # a compiler does not follow what comes now
    if importlib.util.find_spec("triton") is None:
        return "the package triton is not installed"
    if device.type == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
        return "it needs a GPU, or TRITON_INTERPRET=1 before triton is imported"
    from mambatrack.kernels.gpu.launching import why_not

    reason = why_not(device)
    return f"{NOT_LAUNCHED}, {reason}" if reason else ""


def _why_not_cpu(
    operation: str, device: torch.device, dtypes: set[torch.dtype], gradient: bool
) -> str:
    if operation == "bi_conv_silu":
        return f"it has no {operation}"
    if device.type != "cpu":
        return f"tensors are on {device.type}"
    if gradient:
        return "it has no backward"
    if dtypes != {torch.float32}:
        return "it computes float32 only"
    if torch.compiler.is_compiling():
        return ""  # a compiler does not follow what comes now; library() says it at the call
    try:
        from mambatrack.kernels.cpu import library
    except ImportError:
        return f"{NOT_BUILT}, it is not part of this installation"
    reason = library.why_not()
    return f"{NOT_BUILT}, {reason}" if reason else ""


@cache
def _notice(reason: str) -> None:
    """Once: that the slower path is taken."""
    warnings.warn(f"the scan runs in torch, which is slower: {reason}", stacklevel=4)
