"""Compiles the Triton kernels for GPUs that are not there and reads what the assembler says.

    python -m mambatrack.kernels.gpu.compile [--few]

The pointer alignments and types are those of the motion networks, so the machine code is what runs.
"""

import itertools
import re
import subprocess
import sys
import tempfile
from typing import Any, NamedTuple

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from mambatrack.kernels.gpu import causal, convolution, launching, window
from mambatrack.kernels.gpu import update as update_kernels
from mambatrack.kernels.gpu.scan import KEEP, _forward
from mambatrack.kernels.gpu.scan_backward import _backward

ARCHITECTURES = (80, 90, 100)
INTEGERS = {"offsets_b", "rows", "tokens", "channels", "states", "rank", "rows_each", "pool"}
ANY = (
    "rows",
    "tokens",
    "rank",
    "rows_each",
    "pool",
    "state_n",
    "offsets_b",
)  # the others are multiples of 16
SIZES = ((16, 0), (16, 4), (16, 32), (64, 4), (128, 8))  # states, and dt's rank, 0: all channels
CHANNELS = 1024  # of the paper's size
NETWORKS = ((32, 8, 2), (64, 16, 3))  # d_model, d_state and layers of a causal network


class Compiled(NamedTuple):
    """A kernel as the assembler made it; registers and spilled bytes per thread."""

    kernel: str
    options: str
    architecture: int
    registers: int
    spilled: int
    ptx: str


def ahead_of_time(
    kernel: Any, architecture: int, constants: dict[str, Any], dtype: str = "fp32"
) -> Compiled:
    """kernel for compute capability ``architecture``; timed inputs and outputs of type dtype."""
    names = [name for name in kernel.arg_names if name not in constants]
    signature, attributes = dict.fromkeys(kernel.arg_names, "constexpr"), {}
    for name in names:
        scalar = name in INTEGERS or re.fullmatch(r"(x|dt|B|C|z|out|state)_[gbtsdn]", name)
        signature[name] = "i32" if scalar else _pointer(name, dtype)
        if name not in ANY:
            attributes[(kernel.arg_names.index(name),)] = [["tt.divisibility", 16]]
    wide = kernel.__name__.startswith("_conv") or ("M" in constants and kernel is not window._enter)
    warps = 4 if wide else 1
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=attributes)
    target = GPUTarget("cuda", architecture, 32)
    ptx = triton.compile(source, target=target, options={"num_warps": warps}).asm["ptx"]
    options = " ".join(f"{key}={value}" for key, value in constants.items() if value)
    return Compiled(kernel.__name__, options, architecture, *_assembled(ptx, architecture), ptx)


def _pointer(name: str, dtype: str) -> str:
    if name in ("lengths", "slots"):
        return "*i64"
    timed = ("x", "dt", "B", "C", "z", "y", "dx", "dz", "ddt", "dout")
    return f"*{dtype}" if name in timed else "*fp32"


def _assembled(ptx: str, architecture: int) -> tuple[int, int]:
    """Registers, and bytes of spill stores and loads, from the log of ptxas."""
    tools = triton.knobs.nvidia
    ptxas = (tools.ptxas_blackwell if architecture >= 100 else tools.ptxas).path
    chip = f"sm_{architecture}{'a' if architecture >= 90 else ''}"
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(ptx)
        file.flush()
        log = subprocess.run(
            [ptxas, "-v", f"--gpu-name={chip}", file.name, "-o", "/dev/null"],
            capture_output=True, text=True, check=True,
        ).stderr  # fmt: skip
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", log)))
    return int(re.findall(r"Used (\d+) registers", log)[0]), spilled


def variants() -> list[tuple[Any, dict[str, Any]]]:
    """Kernels and their constants, as the networks' blocks use them; the first of each kernel is
    its plainest."""
    scan = {
        "HAS_D": True, "HAS_Z": True, "HAS_BIAS": True, "HAS_LENGTHS": True, "HAS_INITIAL": False,
        "SOFTPLUS": True, "REVERSE": 0, "KEEP": KEEP,
    }  # fmt: skip
    found = [each for size in SIZES for each in _scans(scan, *size)]
    tile = {"BLOCK_L": convolution.BLOCK_L, "BLOCK_D": convolution.BLOCK_D, "TAPS": 4}
    conv = tile | {"HAS_BIAS": True, "HAS_LENGTHS": True}
    found += [
        (convolution._conv_forward, conv),
        (convolution._conv_gradients, conv | {"BLOCK_K": 4}),
        (convolution._conv_input, tile | {"HAS_LENGTHS": True, "SHARED": True}),
    ]
    update = {name: scan[name] for name in ("HAS_D", "HAS_Z", "HAS_BIAS", "SOFTPLUS")}
    update |= {"HAS_SLOTS": True, "BLOCK_D": update_kernels.BLOCK_D}
    found += [(update_kernels._update, update | _widths(*size)) for size in SIZES[:2]]
    size = {"M": window.WIDEST}
    found += [
        (window._enter, size | {"LIMIT": 8.0, "INPUTS": 4}),
        (window._leave, size | {"EPS": 1e-5, "D": 2 * window.WIDEST}),
        (window._pool, size | {"OUTPUTS": 4, "BLOCK_T": 16}),
    ]
    return found + [(causal._causal, _network(*size)) for size in NETWORKS]


def _network(d_model: int, d_state: int, layers: int) -> dict[str, Any]:
    """As causal.causal_step has it of a motion network."""
    return {
        "LIMIT": 8.0, "EPS": 1e-5, "LAYERS": layers, "INPUTS": 7, "OUTPUTS": 8, "M": d_model,
        "D": 2 * d_model, "N": d_state, "R": -(-d_model // 16), "TAPS": 4,
    }  # fmt: skip


def _scans(options: dict[str, int], states: int, rank: int) -> list[tuple[Any, dict[str, Any]]]:
    """Forward without and with saved states, for few rows and for many, and the backward."""
    low, widths = max(rank, 1), _widths(states, rank)
    blocks = {
        launching.forward_block(rows, CHANNELS, states, low): None for rows in (1, launching.MANY)
    }
    found: list[tuple[Any, dict[str, Any]]] = [
        (_forward, options | widths | {"SAVE": save, "BLOCK_D": block})
        for block, save in itertools.product(blocks, (False, True))
    ]
    block = launching.backward_block(CHANNELS, states, low)
    last = {"HAS_FINAL": False, "BLOCK_D": block}
    return [*found, (_backward, options | widths | last)]


def _widths(states: int, rank: int) -> dict[str, int]:
    power = triton.next_power_of_2
    return {"LOW_RANK": rank > 0, "BLOCK_N": power(states), "BLOCK_R": power(max(rank, 1))}


def few() -> list[tuple[Any, dict[str, Any], int]]:
    """The plainest of each kernel for every architecture, the forward of large sizes and those for
    whole small networks for one."""
    every, first = variants(), dict[Any, dict[str, Any]]()
    for kernel, constants in every:
        first.setdefault(kernel, constants)
    plain = [
        (*each, chip)
        for each in first.items()
        for chip in ((90,) if "M" in each[1] else ARCHITECTURES)
    ]
    return plain + [
        (kernel, constants, 90)
        for kernel, constants in every
        if kernel is _forward
        and not constants["SAVE"]
        and constants["BLOCK_N"] * constants["BLOCK_R"] > 128
    ]


def main() -> None:
    if not isinstance(_forward, triton.JITFunction):
        sys.exit("error: unset TRITON_INTERPRET: what is interpreted cannot be compiled")
    every = [(*each, chip) for each, chip in itertools.product(variants(), ARCHITECTURES)]
    found = few() if "--few" in sys.argv else every
    print(f"triton {triton.__version__}\n")
    print("| kernel | sm | registers | spilled bytes | shuffles | barriers | options |")
    print("|---|---|---|---|---|---|---|")
    for kernel, constants, architecture in found:
        made = ahead_of_time(kernel, architecture, constants)
        shuffles, barriers = made.ptx.count("shfl.sync"), made.ptx.count("bar.sync")
        print(
            f"| {made.kernel} | {made.architecture} | {made.registers} | {made.spilled} "
            f"| {shuffles} | {barriers} | {made.options} |"
        )


if __name__ == "__main__":
    main()
