"""Operations of the C library on numpy arrays, float32."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from mambatrack.kernels.cpu.library import library
from mambatrack.kernels.cpu.packing import Floats, address, check_array

POINTERS = ("x", "dt", "A", "B", "C", "D", "z", "dt_bias", "initial", "lengths", "y", "final")


class Scan(ctypes.Structure):
    """struct Scan of scan.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("batch", "tokens", "channels", "states")],
        *[(name, ctypes.c_void_p) for name in POINTERS],
        *[(name, ctypes.c_int64) for name in ("softplus", "reverse")],
    ]


class _Depthwise(ctypes.Structure):
    """struct Depthwise of depthwise.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("batch", "rows", "columns", "channels")],
        *[(name, ctypes.c_int64) for name in ("size", "stride", "x_pixel", "y_pixel")],
        *[(name, ctypes.c_void_p) for name in ("x", "weight", "bias", "y")],
    ]


class _Patches(ctypes.Structure):
    """struct Patches of patches.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("batch", "rows", "columns", "channels")],
        *[(name, ctypes.c_int64) for name in ("size", "stride")],
        *[(name, ctypes.c_void_p) for name in ("x", "y")],
    ]


def depthwise(x: Floats, weight: Floats, bias: Floats, stride: int = 1) -> Floats:
    """See numpy_depthwise.depthwise; x may be some channels of contiguous pictures. Raises
    ValueError for arrays that do not fit together."""
    batch, rows, columns, channels = x.shape
    size, step = len(weight), x.itemsize
    check_array("weight", weight, np.float32, (size, size, channels))
    check_array("bias", bias, np.float32, (channels,))
    pixel = x.strides[2] // step
    if x.strides != (rows * columns * pixel * step, columns * pixel * step, pixel * step, step):
        x, pixel = np.ascontiguousarray(x), channels
    y = np.empty((batch, -(-rows // stride), -(-columns // stride), channels), np.float32)
    arguments = _Depthwise(
        batch, rows, columns, channels, size, stride, pixel, channels,
        *(address(each) for each in (x, weight, bias, y)),
    )  # fmt: skip
    library().depthwise(ctypes.byref(arguments))
    return y


def patches(x: Floats, size: int, stride: int) -> Floats:
    """See numpy_patches.patches."""
    batch, rows, columns, channels = x.shape
    x = np.ascontiguousarray(x)
    check_array("x", x, np.float32, x.shape)
    high, wide = -(-rows // stride), -(-columns // stride)
    y = np.empty((batch, high, wide, size * size * channels), np.float32)
    arguments = _Patches(*x.shape, size, stride, address(x), address(y))
    library().patches(ctypes.byref(arguments))
    return y


def gated_scan(
    x: Floats, dt: Floats, A: Floats, B: Floats, C: Floats, D: Floats, z: Floats, dt_bias: Floats,
    lengths: NDArray[np.int64] | None = None, reverse: bool = False,
) -> Floats:  # fmt: skip
    """See numpy_scan.gated_scan. Raises ValueError for arrays that do not fit
    together."""
    batch, tokens, channels = x.shape
    states, y = A.shape[1], np.empty_like(x)
    timed, gates = (batch, tokens, channels), (batch, tokens, states)
    shapes = {
        "x": timed, "dt": timed, "A": (channels, states), "B": gates, "C": gates, "D": (channels,),
        "z": timed, "dt_bias": (channels,),
    }  # fmt: skip
    held = [np.ascontiguousarray(each) for each in (x, dt, A, B, C, D, z, dt_bias)]
    for (name, shape), each in zip(shapes.items(), held, strict=True):
        check_array(name, each, np.float32, shape)
    places = [address(each) for each in held]
    valid = _lengths(lengths, batch, tokens)
    scan = Scan(
        batch, tokens, channels, states, *places, None, address(valid), address(y), None, 1,
        int(reverse),
    )  # fmt: skip
    library().selective_scan(ctypes.byref(scan), 1)
    return y


def _lengths(lengths: NDArray[np.int64] | None, batch: int, tokens: int) -> NDArray[np.int64]:
    """[batch], checked; all tokens where there are none."""
    if lengths is None:
        return np.full(batch, tokens, np.int64)
    check_array("lengths", lengths, np.int64, (batch,))
    if ((lengths < 0) | (lengths > tokens)).any():
        raise ValueError(f"lengths: from 0 to {tokens} expected, got {lengths.tolist()}")
    return lengths
