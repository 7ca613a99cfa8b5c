"""What the kernels accept: checked before any backend runs, so that none reads out of bounds.

Shapes, dtypes and devices are always checked. Values (lengths, slots, NaN) need a look at the data:
lengths and slots are looked at on the CPU, where that costs nothing; on a GPU it would make every
call wait for the device, so there the kernels clamp lengths to [0, L] and leave slots outside the
pool alone. ``check=True`` or MAMBATRACK_CHECK=1 looks at everything everywhere.
"""

import os
from collections.abc import Sequence

import torch
from torch import Tensor

MAX_STATES = 256
LIMITS = {"N": MAX_STATES, "R": MAX_STATES, "L": 2**24, "D": 2**24}  # the highest of an axis
OPTIONAL = {"D", "z", "dt_bias", "dt_weight", "initial_state", "lengths", "slots", "bias"}
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
    sizes, limits = dict(sizes or {}), LIMITS | (highest or {})
    for name, tensor in tensors.items():
        if tensor is None and name in OPTIONAL:
            continue
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{name}: a tensor expected, got {type(tensor).__name__}")
        letters, seen = axes[name], tensor.shape
        if not _fits(letters, seen, sizes):
            known = (f"{each} = {sizes[each]}" if each in sizes else each for each in letters)
            raise ValueError(f"{name}: [{', '.join(known)}] expected, got {list(seen)}")
        for letter, size in zip(letters, seen, strict=True):
            if letter not in sizes and letter in limits and not 1 <= size <= limits[letter]:
                raise ValueError(
                    f"{name}: {letter} from 1 to {limits[letter]} expected, got {size}"
                )
            sizes[letter] = size


def _fits(letters: str, seen: Sequence[int], sizes: dict[str, int]) -> bool:
    """Whether the axes are as many as the letters, and those of known letters as large."""
    if len(letters) != len(seen):
        return False
    for letter, size in zip(letters, seen, strict=True):  # noqa: SIM110 (all() takes thrice as long)
        if sizes.get(letter, size) != size:
            return False
    return True


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


def needs_gradient(*tensors: Tensor | None) -> bool:
    """Whether autograd will ask for a gradient of any of the tensors."""
    return torch.is_grad_enabled() and any(
        each is not None and each.requires_grad for each in tensors
    )
