"""What a launch needs: tensors as a kernel reads them, its constants, the widths of its blocks."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import triton
from torch import Tensor

from mambatrack.kernels.gpu import scan as kernels

LANE_FLOATS = 96  # of A, states and weights in a lane's 255 registers
MANY = 2048  # warps that fill a large GPU; fewer rows take narrower blocks, more share a program
OLDEST = 7  # compute capability that Triton compiles for
FARTHEST = 2**31  # numbers in a row, which the kernels count in 32 bits
MOST_BLOCKS = 65535  # of the second and third axis of a CUDA grid


@cache
def why_not(device: torch.device) -> str:
    """What keeps the kernels from tensors on this device, empty where nothing does: they run on a
    GPU, or with TRITON_INTERPRET=1 set before triton was imported on a CPU."""
    interpreted = not isinstance(kernels._forward, triton.JITFunction)
    if device.type == "cpu":
        return "" if interpreted else "TRITON_INTERPRET=1 was not set before triton was imported"
    if device.type != "cuda":
        return f"it does not run on {device.type}"
    return "unset TRITON_INTERPRET, which is for a CPU" if interpreted else _why_not_gpu(device)


def _why_not_gpu(device: torch.device) -> str:
    if not torch.cuda.is_available():  # tensors without numbers may be said to be on one
        return "torch sees no GPU"
    major, minor = torch.cuda.get_device_capability(device)
    if major < OLDEST and torch.version.hip is None:
        return f"compute capability {OLDEST}.0 or more expected, this GPU has {major}.{minor}"
    try:
        triton.runtime.driver.active.get_current_target()  # the first use compiles what launches
    except Exception as error:  # RuntimeError without a compiler, CalledProcessError and others
        first = str(error).partition("\n")[0]
        return f"it needs a C compiler and the headers of Python: {type(error).__name__}: {first}"
    return ""


def launch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **constants: Any) -> None:
    """Starts the kernel on the GPU of its first argument, whichever the current one is. ValueError
    for more blocks than a GPU takes."""
    if max(grid[1:], default=0) > MOST_BLOCKS:
        raise ValueError(
            f"the backend triton takes at most {MOST_BLOCKS} blocks of tokens or channels, got "
            f"{max(grid[1:])}; take backend='torch', or fewer at once"
        )
    with torch.cuda.device_of(arguments[0]):
        kernel[grid](*arguments, **constants)


def operation(
    name: str, schema: str, run: Callable, fake: Callable, writes: tuple[str, ...] = ()
) -> Any:
    """mambatrack::name for torch: ``run``, and ``fake`` for the sizes of what it gives; writes: the
    arguments that it changes."""
    own = torch.library.custom_op(f"mambatrack::{name}", run, mutates_args=writes, schema=schema)
    own.register_fake(fake)
    return own


def rows(tensor: Tensor | None, instead: Tensor) -> tuple[Tensor, list[int]]:
    """A stacked tensor [G, B, L, .] whose last axis is dense and whose rows are no longer than
    FARTHEST, and its other strides. ValueError where there are more numbers in a row."""
    if tensor is None:
        return instead, [0, 0, 0]
    tokens, each = tensor.shape[2:]
    check_row(tokens, each)
    reach = (tokens - 1) * tensor.stride(2) + each
    if (tensor.stride(3) != 1 and each != 1) or reach > FARTHEST:
        tensor = tensor.contiguous()
    return tensor, list(tensor.stride()[:3])


def check_row(tokens: int, each: int) -> None:
    """ValueError where a row of so many times ``each`` numbers is longer than FARTHEST."""
    if tokens * each > FARTHEST:
        raise ValueError(
            f"the backend triton takes at most {FARTHEST} numbers of a row, got {tokens} times "
            f"{each}; take backend='torch', or fewer tokens or channels"
        )


def dense(tensor: Tensor | None, instead: Tensor) -> Tensor:
    return instead if tensor is None else tensor.contiguous()


def along_channels(tensor: Tensor | None, instead: Tensor) -> Tensor:
    """[.., D, N] -> dense [.., N, D]; no copy where it is such a tensor seen transposed."""
    return instead if tensor is None else tensor.mT.contiguous()


def empty(like: Tensor, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device)


def flags(
    D: Any, z: Any, dt_bias: Any, dt_weight: Any, lengths: Any, initial: Any, softplus: bool,
    reverse: bool,
) -> dict[str, Any]:  # fmt: skip
    return {
        "HAS_D": D is not None,
        "HAS_Z": z is not None,
        "HAS_BIAS": dt_bias is not None,
        "LOW_RANK": dt_weight is not None,
        "HAS_LENGTHS": lengths is not None,
        "HAS_INITIAL": initial is not None,
        "SOFTPLUS": softplus,
        "REVERSE": int(reverse),
        "KEEP": kernels.KEEP,
    }


def sizes(x: Tensor, A: Tensor, dt: Tensor) -> tuple[int, int, int, int, int]:
    """rows, tokens, channels, states, rank (the channels, where dt has full rank)."""
    return x.shape[1], x.shape[2], x.shape[3], A.shape[2], dt.shape[3]


def widths(block_d: int, A: Tensor, dt: Tensor, low_rank: bool) -> dict[str, int]:
    states, rank = A.shape[2], dt.shape[3] if low_rank else 1
    power = triton.next_power_of_2
    return {"BLOCK_D": block_d, "BLOCK_N": power(states), "BLOCK_R": power(rank)}


def forward_block(programs: int, channels: int, states: int, rank: int) -> int:
    """Channels of one warp: 128 where rows fill the device anyway, else 32, and fewer where a
    channel's floats (A, its state, its row of dt_weight) would not fit the registers. Never 64:
    the compiler then exchanges states over lanes."""
    floats = 2 * states + rank
    if floats <= 40 and channels >= 128 and programs * triton.cdiv(channels, 128) >= MANY:
        return 128
    return at_most(narrow(floats), channels)


def backward_block(channels: int, states: int, rank: int) -> int:
    """The same of the backward, which holds A, its sum, a gradient and a segment's states."""
    return at_most(narrow((kernels.KEEP + 4) * states // 2 + rank), channels)


def narrow(floats: int) -> int:
    """As many channels, at most 32, as leave a lane at most LANE_FLOATS when each has so many."""
    block = 32
    while block > 4 and floats * block > 32 * LANE_FLOATS:
        block //= 2
    return block


def at_most(block: int, channels: int) -> int:
    """No more than there are channels, in powers of 2."""
    return min(block, max(16, triton.next_power_of_2(channels)))
