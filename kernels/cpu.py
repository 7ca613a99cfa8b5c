"""The scan on a processor: a C library without dependencies, opened with ctypes.

Built by setup.py where there is a compiler: for x86-64 three times (avx512, avx2, baseline), else
once (baseline). The fastest that the processor runs is taken, or the one that the environment
variable MAMBATRACK_CPU names. Forward only, float32; reference.py is the truth it is tested with.
"""

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

LIBRARY = Path(__file__).with_name("libmambatrack.so")
VARIANTS = ("avx512", "avx2", "baseline")
MAX_STATES = 256


class _Scan(ctypes.Structure):
    """struct Scan of cpu_scan.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("batch", "tokens", "channels", "states")],
        *[(name, ctypes.c_void_p) for name in ("x", "dt", "A", "B", "C", "D", "z", "dt_bias")],
        *[(name, ctypes.c_void_p) for name in ("lengths", "initial", "y", "final")],
        *[(name, ctypes.c_int64) for name in ("softplus", "reverse")],
    ]


class Library:
    """The functions of one variant: lanes, selective_scan, scratch_floats, window_network, ..."""

    def __init__(self, library: ctypes.CDLL, variant: str):
        self.variant = variant
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        signatures: dict[str, tuple[Any, list[Any]]] = {
            "lanes": (word, []),
            "selective_scan": (None, [pointer]),
            "scratch_floats": (word, [pointer, word]),
            "window_network": (word, [pointer, pointer, word, word, pointer, pointer, pointer]),
            "step_network": (
                word,
                [pointer, pointer, word, pointer, pointer, word, pointer, word, pointer],
            ),
        }
        self.functions: dict[str, Any] = {}
        for name, (result, arguments) in signatures.items():
            function = getattr(library, f"{name}_{variant}")
            function.restype, function.argtypes = result, arguments
            self.functions[name] = function

    def __getattr__(self, name: str) -> Any:
        return self.functions[name]


def available() -> bool:
    """Whether the library is there and holds a variant that this processor runs."""
    return not why_not()


def why_not() -> str:
    """The reason why the library cannot be used; empty where it can."""
    return _load()[1]


def variant() -> str:
    """The instruction set in use: avx512, avx2 or baseline. RuntimeError where not available()."""
    return library().variant


def library() -> Library:
    """The loaded library; RuntimeError with the reason where there is none."""
    loaded, reason = _load()
    if loaded is None:
        raise RuntimeError(f"the C library of mambatrack.kernels cannot be used: {reason}")
    return loaded


@cache
def _load() -> tuple[Library | None, str]:
    """The library or None, and then why."""
    if not LIBRARY.is_file():
        return None, "it was not built; install the package where gcc or clang is found"
    try:
        opened = ctypes.CDLL(str(LIBRARY))
        built = [name for name in VARIANTS if hasattr(opened, f"lanes_{name}")]
        runs = {"avx512": opened.runs_avx512(), "avx2": opened.runs_avx2(), "baseline": 1}
    except (OSError, AttributeError) as error:
        return None, str(error)
    usable = [name for name in built if runs[name]]
    asked = os.environ.get("MAMBATRACK_CPU", "") or usable[0]
    if asked not in usable:
        return None, f"MAMBATRACK_CPU={asked}, but this processor runs {', '.join(usable)}"
    return Library(opened, asked), ""


def selective_scan(
    x: "Tensor",
    dt: "Tensor",
    A: "Tensor",
    B: "Tensor",
    C: "Tensor",
    D: "Tensor | None" = None,
    z: "Tensor | None" = None,
    dt_bias: "Tensor | None" = None,
    dt_softplus: bool = False,
    lengths: "Tensor | None" = None,
    initial_state: "Tensor | None" = None,
    return_final_state: bool = False,
    reverse: bool = False,
) -> "Tensor | tuple[Tensor, Tensor]":
    """See mambatrack.kernels.selective_scan. Raises ValueError for what is not float32 on the CPU
    or does not fit together, and RuntimeError where the library is not available."""
    import torch

    functions = library()
    if x.dim() != 3 or A.dim() != 2:
        raise ValueError(f"x [B, L, D] and A [D, N] expected, got {_is(x)} and {_is(A)}")
    (batch, tokens, channels), states = x.shape, A.shape[1]
    if not 1 <= states <= MAX_STATES:
        raise ValueError(f"A [D, N] with N from 1 to {MAX_STATES} expected, got N = {states}")
    timed, gates = (batch, tokens, channels), (batch, tokens, states)
    # the tensors live until the call is over; only their addresses go into the struct
    held = {
        "x": _floats("x", x, timed),
        "dt": _floats("dt", dt, timed),
        "A": _floats("A", A, (channels, states)),
        "B": _floats("B", B, gates),
        "C": _floats("C", C, gates),
        "D": _floats("D", D, (channels,)),
        "z": _floats("z", z, timed),
        "dt_bias": _floats("dt_bias", dt_bias, (channels,)),
        "initial": _floats("initial_state", initial_state, (batch, channels, states)),
        "lengths": _lengths(lengths, batch, tokens),
        "y": torch.empty(timed),
        "final": torch.empty(batch, channels, states) if return_final_state else None,
    }
    addresses = {name: each.data_ptr() for name, each in held.items() if each is not None}
    sizes = {"batch": batch, "tokens": tokens, "channels": channels, "states": states}
    scan = _Scan(**sizes, **addresses, softplus=dt_softplus, reverse=reverse)
    functions.selective_scan(ctypes.byref(scan))
    return (held["y"], held["final"]) if return_final_state else held["y"]  # type: ignore[return-value]


def _is(tensor: "Tensor") -> str:
    return f"{list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')} on {tensor.device}"


def _floats(name: str, tensor: "Tensor | None", shape: tuple[int, ...]) -> "Tensor | None":
    """The tensor, contiguous; ValueError where it is not a float32 of this shape on the CPU."""
    import torch

    if tensor is None:
        return None
    if tensor.shape != shape or tensor.dtype != torch.float32 or tensor.device.type != "cpu":
        raise ValueError(f"{name}: {list(shape)} float32 on cpu expected, got {_is(tensor)}")
    return tensor.detach().contiguous()


def _lengths(lengths: "Tensor | None", batch: int, tokens: int) -> "Tensor | None":
    import torch

    if lengths is None:
        return None
    if lengths.shape != (batch,) or lengths.is_floating_point() or lengths.device.type != "cpu":
        raise ValueError(f"lengths: [{batch}] integers on cpu expected, got {_is(lengths)}")
    low, high = (int(lengths.min()), int(lengths.max())) if batch else (0, 0)
    if low < 0 or high > tokens:
        raise ValueError(f"lengths: from 0 to {tokens} expected, got {low} to {high}")
    return lengths.to(torch.int64).contiguous()
