"""Compiles the Triton kernels for GPUs that are not there and reads what the assembler says.

    python -m mambatrack.kernels.gpu.compile [--few]

The pointer alignments and types are those of a bi-directional block of the motion predictor, so the
machine code is what runs. Set no TRITON_INTERPRET.
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

from mambatrack.kernels.gpu import convolution
from mambatrack.kernels.gpu import scan as scan_kernels
from mambatrack.kernels.gpu import update as update_kernels

ARCHITECTURES = (80, 90, 100)
INTEGERS = {"rows", "tokens", "channels", "states", "rank", "rows_each", "pool"}


class Compiled(NamedTuple):
    """A kernel as the assembler made it; registers and spilled bytes per thread."""

    kernel: str
    options: str
    architecture: int
    registers: int
    spilled: int
    ptx: str


def ahead_of_time(
    kernel: Any, architecture: int, constants: dict[str, int], dtype: str = "fp32"
) -> Compiled:
    """kernel for compute capability ``architecture``; timed inputs and outputs of type dtype."""
    names = [name for name in kernel.arg_names if name not in constants]
    signature, attributes = dict.fromkeys(kernel.arg_names, "constexpr"), {}
    for name in names:
        scalar = name in INTEGERS or re.fullmatch(r"(x|dt|B|C|z|out|state)_[gbtsdn]", name)
        signature[name] = "i32" if scalar else _pointer(name, dtype)
        if name not in ("rows", "tokens", "rank", "rows_each", "pool", "state_n"):
            attributes[(kernel.arg_names.index(name),)] = [["tt.divisibility", 16]]
    warps = 4 if kernel.__name__.startswith("_conv") else 1
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


def variants() -> list[tuple[Any, dict[str, int]]]:
    """Kernels and their constants, as the predictor's blocks with 16 states use them; the first
    of each kernel is its plainest."""
    scan = {
        "HAS_D": True, "HAS_Z": True, "HAS_BIAS": True, "HAS_LENGTHS": True, "HAS_INITIAL": False,
        "SOFTPLUS": True, "REVERSE": 0, "KEEP": scan_kernels.KEEP, "BLOCK_N": 16,
    }  # fmt: skip
    ranks = [{"LOW_RANK": low, "BLOCK_R": 8 if low else 1} for low in (False, True)]
    found: list[tuple[Any, dict[str, int]]] = []
    for block, save, rank in itertools.product((32, 128), (False, True), ranks):
        found.append((scan_kernels._forward, scan | rank | {"SAVE": save, "BLOCK_D": block}))
    for rank in ranks:
        found.append((scan_kernels._backward, scan | rank | {"HAS_FINAL": False, "BLOCK_D": 32}))
    tile = {"BLOCK_L": convolution.BLOCK_L, "BLOCK_D": convolution.BLOCK_D, "TAPS": 4}
    conv = tile | {"HAS_BIAS": True, "HAS_LENGTHS": True}
    found += [
        (convolution._conv_forward, conv),
        (convolution._conv_gradients, conv | {"BLOCK_K": 4}),
        (convolution._conv_input, tile | {"HAS_LENGTHS": True, "SHARED": True}),
    ]
    update = {name: scan[name] for name in ("HAS_D", "HAS_Z", "HAS_BIAS", "SOFTPLUS", "BLOCK_N")}
    update |= {"HAS_SLOTS": True, "BLOCK_D": update_kernels.BLOCK_D}
    return found + [(update_kernels._update, update | rank) for rank in ranks]


def main() -> None:
    found = variants()
    if "--few" in sys.argv:
        found = list(
            {kernel: (kernel, constants) for kernel, constants in reversed(found)}.values()
        )
    print(f"triton {triton.__version__}\n")
    print("| kernel | sm | registers | spilled bytes | shuffles | barriers | options |")
    print("|---|---|---|---|---|---|---|")
    for (kernel, constants), architecture in itertools.product(found, ARCHITECTURES):
        made = ahead_of_time(kernel, architecture, constants)
        shuffles, barriers = made.ptx.count("shfl.sync"), made.ptx.count("bar.sync")
        print(
            f"| {made.kernel} | {made.architecture} | {made.registers} | {made.spilled} "
            f"| {shuffles} | {barriers} | {made.options} |"
        )


if __name__ == "__main__":
    main()
