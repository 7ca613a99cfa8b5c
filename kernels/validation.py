"""What the kernels accept: checked before any backend runs, so that none reads out of bounds.

Shapes, dtypes and devices are always checked. Values (lengths, slots, NaN) need a look at the data:
lengths and slots are looked at on the CPU, where that costs nothing; on a GPU it would make every
call wait for the device, so there the kernels clamp lengths to [0, L] and leave slots outside the
pool alone. ``check=True`` or MAMBATRACK_CHECK=1 looks at everything everywhere.
"""

import os

import torch
from torch import Tensor

MAX_STATES = 256
HALVES = (torch.float16, torch.bfloat16, torch.float32)


def check_shapes(
    tensors: dict[str, Tensor | None],
    axes: dict[str, str],
    sizes: dict[str, int] | None = None,
    highest: dict[str, int] | None = None,
) -> None:
    """axes: of every argument its axes as letters; sizes: the letters that are known, the others
    are what their first tensor says. ValueError for what does not fit, for an axis of nothing (but
    rows), and for more states than MAX_STATES."""
    sizes, optional = dict(sizes or {}), {"D", "z", "dt_bias", "dt_weight", "initial_state"}
    limits = {"N": MAX_STATES, "R": MAX_STATES, "L": 2**24, "D": 2**24} | (highest or {})
    optional |= {"lengths", "slots", "bias"}
    for name, tensor in tensors.items():
        if tensor is None and name in optional:
            continue
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{name}: a tensor expected, got {type(tensor).__name__}")
        letters, seen = axes[name], list(tensor.shape)
        if len(seen) != len(letters) or any(
            sizes.get(letter, size) != size for letter, size in zip(letters, seen, strict=True)
        ):
            known = (f"{each} = {sizes[each]}" if each in sizes else each for each in letters)
            raise ValueError(f"{name}: [{', '.join(known)}] expected, got {seen}")
        for letter, size in zip(letters, seen, strict=True):
            most = limits.get(letter)
            if most is not None and not 1 <= size <= most:
                raise ValueError(f"{name}: {letter} from 1 to {most} expected, got {size}")
        sizes |= dict(zip(letters, seen, strict=True))


def check_kinds(tensors: dict[str, Tensor | None], integers: tuple[str, ...]) -> None:
    """ValueError unless all are on one device, and all float64 or of HALVES; integers are named."""
    first, leader = next((name, each) for name, each in tensors.items() if each is not None)
    double = leader.dtype == torch.float64
    for name, tensor in tensors.items():
        if tensor is None:
            continue
        if tensor.device != leader.device:
            raise ValueError(
                f"one device expected, got {first} on {leader.device} and {name} on {tensor.device}"
            )
        if name in integers:
            if tensor.dtype not in (torch.int32, torch.int64):
                raise ValueError(f"{name}: int32 or int64 expected, got {tensor.dtype}")
        elif tensor.dtype not in ((torch.float64,) if double else HALVES):
            expected = "float64 as x is" if double else "float16, bfloat16 or float32"
            raise ValueError(f"{name}: {expected} expected, got {tensor.dtype}")


def check_values(
    tensors: dict[str, Tensor | None], limits: dict[str, tuple[int, int]], check: bool
) -> None:
    """limits: the lowest and highest number that an integer tensor may hold; ``check`` also looks
    at tensors on a GPU, and for NaN."""
    check = check or os.environ.get("MAMBATRACK_CHECK", "") not in ("", "0")
    for name, tensor in tensors.items():
        if (
            tensor is None
            or not (check or name in limits)
            or symbolic(tensor)
            or not tensor.numel()
        ):
            continue
        if name in limits and (check or tensor.device.type == "cpu"):
            low, high = (int(each) for each in torch.aminmax(tensor))
            if low < limits[name][0] or high > limits[name][1]:
                raise ValueError(
                    f"{name}: {limits[name][0]} to {limits[name][1]} expected, got {low} to {high}"
                )
        elif check and tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise ValueError(
                f"{name}: numbers expected, got NaN in {int(tensor.isnan().sum())} cells"
            )


def symbolic(tensor: Tensor) -> bool:
    """Whether a program is being recorded, so that the tensor's values are not there to look at."""
    plain = type(tensor) in (Tensor, torch.nn.Parameter)
    return not plain or torch.compiler.is_compiling() or torch.jit.is_tracing()
