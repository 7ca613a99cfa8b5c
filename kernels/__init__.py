"""The selective scan and what goes with it: few functions, several implementations behind each.

``reference``: plain torch loops, the truth. ``torch``: the same in fewer operations, the backward
by hand. ``triton``: fused kernels for a GPU, forward and backward. ``cpu``: the scan in C, forward
only. ``auto`` decides by device, dtype and whether a gradient is needed, or takes what
MAMBATRACK_BACKEND names; explain_backends() says what it would take and why.
"""

if __name__ == "kernels":
    raise ImportError(
        "import mambatrack.kernels; the folder kernels/ is installed below mambatrack"
    )

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mambatrack.kernels.dispatch import (
        BACKENDS,
        OPERATIONS,
        choose_backend,
        explain_backends,
    )
    from mambatrack.kernels.functions import (
        bi_conv_silu,
        bi_selective_scan,
        selective_scan,
        selective_state_update,
    )

__all__ = [
    "BACKENDS",
    "OPERATIONS",
    "bi_conv_silu",
    "bi_selective_scan",
    "choose_backend",
    "explain_backends",
    "selective_scan",
    "selective_state_update",
]


def __getattr__(name: str) -> Any:
    """The functions come with torch, which the C library alone does not need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mambatrack.kernels import dispatch, functions

    return getattr(functions if hasattr(functions, name) else dispatch, name)
