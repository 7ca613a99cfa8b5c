"""The selective scan, one function with several implementations behind it.

``reference`` is a plain torch loop and runs everywhere; ``triton`` is a fused forward kernel for
inference on a GPU. ``auto`` decides by the tensors' device and whether a gradient is needed.
"""

if __name__ == "kernels":
    raise ImportError(
        "import mambatrack.kernels; the folder kernels/ is installed below mambatrack"
    )

import importlib.util

import torch
from torch import Tensor

from mambatrack.kernels import reference

BACKENDS = ("auto", "reference", "triton")


def selective_scan(
    x: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    dt_bias: Tensor | None = None,
    dt_softplus: bool = False,
    lengths: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
    reverse: bool = False,
    backend: str = "auto",
) -> Tensor | tuple[Tensor, Tensor]:
    """Selective scan of Mamba (arXiv 2312.00752, equation 2 and section 3).

    x, dt, z: [B, L, D];  A: [D, N];  B, C: [B, L, N];  D, dt_bias: [D];  initial_state: [B, D, N]
    lengths: [B] integer, tokens after the first ``lengths`` of a row are padding: they change
        neither the state nor any output, and their own output is 0
    reverse: scan from the last token to the first; the output stays in the order of the input
    Returns y [B, L, D], and with return_final_state the state after the last valid token [B, D, N].
    Raises ValueError for an unknown backend, or for triton where a gradient is needed.
    """
    inputs = (x, dt, A, B, C, D, z, dt_bias, initial_state)
    chosen = choose_backend(backend, *inputs)
    if chosen == "triton":
        from mambatrack.kernels import triton_scan

        scan = triton_scan.selective_scan
    else:
        scan = reference.selective_scan
    return scan(
        x, dt, A, B, C, D, z, dt_bias, dt_softplus, lengths, initial_state, return_final_state,
        reverse,
    )  # fmt: skip


def choose_backend(backend: str, *inputs: Tensor | None) -> str:
    """The implementation that ``backend`` means for these inputs."""
    needs_gradient = torch.is_grad_enabled() and any(
        each is not None and each.requires_grad for each in inputs
    )
    if backend == "auto":
        on_gpu = inputs[0] is not None and inputs[0].is_cuda
        fused = on_gpu and not needs_gradient and importlib.util.find_spec("triton") is not None
        return "triton" if fused else "reference"
    if backend not in BACKENDS:
        raise ValueError(f"unknown backend {backend!r}; known are {', '.join(BACKENDS)}")
    if backend == "triton" and needs_gradient:
        raise ValueError("backend 'triton' has no backward yet; use 'auto' or 'reference'")
    return backend
