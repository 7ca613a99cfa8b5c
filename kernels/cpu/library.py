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
INTERFACE = 5  # interface_version() of detect.c: a library built earlier may be in place
MAX_STATES = 256


_POINTERS = ("x", "dt", "A", "B", "C", "D", "z", "dt_bias", "initial", "lengths", "y", "final")


class _Scan(ctypes.Structure):
    """struct Scan of scan.h."""

    _fields_ = [
        *[(name, ctypes.c_int64) for name in ("batch", "tokens", "channels", "states")],
        *[(name, ctypes.c_void_p) for name in _POINTERS],
        *[(name, ctypes.c_int64) for name in ("softplus", "reverse")],
    ]


class Library:
    """The functions of one variant: lanes, selective_scan, scratch_floats, window_network, ..."""

    def __init__(self, library: ctypes.CDLL, variant: str):
        self.variant = variant
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        signatures: dict[str, tuple[Any, list[Any]]] = {
            "lanes": (word, []),
            "selective_scan": (None, [pointer, word]),
            "scratch_floats": (word, [pointer, word]),
            "window_network": (word, [pointer, pointer, word, word, pointer, pointer, pointer]),
            "step_network": (
                word,
                [pointer, pointer, word, pointer, pointer, word, pointer, word, pointer],
            ),
            "pair_scratch": (word, [pointer, word, word, word]),
            "pair_network": (
                word,
                [pointer, pointer, word, word, word, *[pointer] * 4, word, *[pointer] * 3],
            ),
            "pair_tokens": (None, [pointer, word, pointer, pointer]),
            "neighbours": (None, [pointer, word, pointer, pointer, pointer]),
            "best_other": (word, [word, pointer, pointer, word, pointer, pointer, pointer]),
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
        if opened.interface_version() != INTERFACE:
            return None, "it was built from other sources; install the package again"
        built = [name for name in VARIANTS if hasattr(opened, f"lanes_{name}")]
        runs = {"avx512": opened.runs_avx512(), "avx2": opened.runs_avx2(), "baseline": 1}
    except (OSError, AttributeError) as error:
        return None, f"it was built from other sources, or for another system: {error}"
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
    y = torch.empty(x.shape, dtype=torch.float32)
    final = torch.empty(len(x), *A.shape, dtype=torch.float32) if return_final_state else None
    scan = _Scan(softplus=dt_softplus, reverse=reverse)
    held = _fill(scan, (x, dt, A, B, C, D, z, dt_bias, initial_state), lengths, y, final)
    functions.selective_scan(ctypes.byref(scan), 1)
    del held
    return y if final is None else (y, final)


def bi_selective_scan(
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
) -> "Tensor | tuple[Tensor, Tensor]":
    """Both directions in one call, see mambatrack.kernels.bi_selective_scan; raises as above."""
    import torch

    functions = library()
    stacked = {"x": x, "dt": dt, "A": A, "B": B, "C": C, "D": D, "z": z, "dt_bias": dt_bias,
               "initial_state": initial_state}  # fmt: skip
    for name, each in stacked.items():
        if each is not None and each.shape[:1] != (2,):
            raise ValueError(f"{name}: a leading axis of 2 expected, got {_is(each)}")
    y = torch.empty(x.shape, dtype=torch.float32)
    last_shape = (2, x.shape[1], *A.shape[1:])
    final = torch.empty(last_shape, dtype=torch.float32) if return_final_state else None
    scans, held = (_Scan * 2)(), []
    for i, scan in enumerate(scans):
        scan.softplus, scan.reverse = dt_softplus, i
        tensors = tuple(None if each is None else each[i] for each in stacked.values())
        last = None if final is None else final[i]
        held.append(_fill(scan, tensors, lengths, y[i], last))
    functions.selective_scan(scans, 2)
    del held
    return y if final is None else (y, final)


def _fill(
    scan: _Scan,
    tensors: "tuple[Tensor | None, ...]",
    lengths: "Tensor | None",
    y: "Tensor",
    final: "Tensor | None",
) -> "list[Tensor | None]":
    """Checks (x, dt, A, B, C, D, z, dt_bias, initial_state) and writes sizes and addresses.

    Returns the tensors that have to live until the call is over."""
    x, _, A, *_ = tensors
    if x is None or A is None or x.dim() != 3 or A.dim() != 2:
        raise ValueError(f"x [B, L, D] and A [D, N] expected, got {_is(x)} and {_is(A)}")
    (batch, tokens, channels), states = x.shape, A.shape[1]
    if not 1 <= states <= MAX_STATES:
        raise ValueError(f"A [D, N] with N from 1 to {MAX_STATES} expected, got N = {states}")
    timed, gates, state = (batch, tokens, channels), (batch, tokens, states), (channels, states)
    shapes = {
        "x": timed, "dt": timed, "A": state, "B": gates, "C": gates, "D": (channels,), "z": timed,
        "dt_bias": (channels,), "initial_state": (batch, *state),
    }  # fmt: skip
    held = [
        _floats(name, each, shape)
        for (name, shape), each in zip(shapes.items(), tensors, strict=True)
    ]
    held += [_lengths(lengths, batch, tokens), y, final]
    scan.batch, scan.tokens, scan.channels, scan.states = batch, tokens, channels, states
    for name, each in zip(_POINTERS, held, strict=True):
        setattr(scan, name, None if each is None else each.data_ptr())
    return held


def _is(tensor: "Tensor | None") -> str:
    if tensor is None:
        return "None"
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
