"""Operations on numpy arrays for networks that run without torch: in C where the library is there,
else in numpy."""

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels import numpy_depthwise, numpy_patches, numpy_scan
from mambatrack.kernels.cpu import arrays as in_c
from mambatrack.kernels.cpu.library import wanted
from mambatrack.kernels.numpy_scan import Floats


def depthwise(x: Floats, weight: Floats, bias: Floats, stride: int = 1) -> Floats:
    """See numpy_depthwise.depthwise."""
    run = in_c.depthwise if wanted() else numpy_depthwise.depthwise
    return run(x, weight, bias, stride)


def patches(x: Floats, size: int, stride: int) -> Floats:
    """See numpy_patches.patches."""
    run = in_c.patches if wanted() else numpy_patches.patches
    return run(x, size, stride)


def gated_scan(
    x: Floats, dt: Floats, A: Floats, B: Floats, C: Floats, D: Floats, z: Floats, dt_bias: Floats,
    lengths: NDArray[np.int64] | None = None, reverse: bool = False,
) -> Floats:  # fmt: skip
    """See numpy_scan.gated_scan."""
    run = in_c.gated_scan if wanted() else numpy_scan.gated_scan
    return run(x, dt, A, B, C, D, z, dt_bias, lengths, reverse)
