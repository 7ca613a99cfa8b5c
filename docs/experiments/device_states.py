"""Operations and bytes of a frame on a GPU, counted without one; and what the assembler says of the
kernels that are new.

    TRITON_INTERPRET=1 MAMBATRACK_BACKEND=triton python docs/experiments/device_states.py
    python docs/experiments/device_states.py --compile

An operation counts once, also where torch starts two kernels for it.
"""

import argparse
from functools import partial

import torch
from torch import Tensor

from mambatrack.motion.loading import weights_path
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.device_step import DeviceStep
from mambatrack.networks.launches import launches
from mambatrack.networks.model_files import load_model
from mambatrack.networks.window import BiMambaBlock
from mambatrack.networks.window_step import GraphNetwork

ROWS, WINDOW = 16, 10


def start_nothing() -> None:
    """A launch is counted, and leaves its outputs as they are."""
    from mambatrack.kernels.gpu import causal, convolution, operations, update, window

    for each in (causal, convolution, operations, update, window):
        each.launch = lambda *_, **__: None


def causal() -> None:
    model = load_model(weights_path("mamba"))[0]
    copied, tokens = CausalStep(model), torch.zeros(ROWS, model.inputs)
    carried = torch.zeros(ROWS, model.carried_size)
    with torch.inference_mode():
        print("causal, states copied:", launches(partial(copied.step_in_place, tokens, carried)))
        for fused in (True, False):
            step = DeviceStep(copied, fused=fused)
            count = launches(partial(step.graphs.run, torch.zeros(ROWS, model.inputs + 2)))
            print(f"causal, states stay, fused {fused}: {count}")
    for rows, width in sorted(step.graphs.recordings):
        buffers = step.graphs.recordings[rows, width]
        each = 4 * (model.inputs + model.carried_size)
        back = 4 * (step.graphs.outputs + model.carried_size)
        print(
            f"{rows} tracks, bytes there and back: copied {rows * each} {rows * back}, "
            f"stay {buffers.host.nbytes} {buffers.answer.nbytes}"
        )


def window() -> None:
    model = load_model(weights_path("mamba-window"))[0]
    network = GraphNetwork(model, "cpu")
    given = torch.zeros(ROWS, 4 * WINDOW + 1)
    for block in model.blocks:
        block.forward = partial(apart, block)
    with torch.inference_mode():
        print("window, apart:", launches(partial(network.graphs.run, given)))
        model.forward = model.fused
        print("window, fused:", launches(partial(network.graphs.run, given)))


def apart(block: BiMambaBlock, tokens: Tensor, lengths: Tensor, valid: Tensor) -> Tensor:
    """BiMambaBlock.forward on a GPU before."""
    y = block.together(tokens, lengths)
    return (y + block.norm(block.mlp(y))) * valid


def compiled() -> None:
    from mambatrack.kernels.gpu.compile import ARCHITECTURES, ahead_of_time, variants

    for kernel, constants in variants():
        if "M" in constants:
            for chip in ARCHITECTURES:
                made = ahead_of_time(kernel, chip, constants)
                print(
                    f"| {made.kernel} | d{constants['M']} | {chip} | {made.registers} "
                    f"| {made.spilled} | {made.ptx.count('bar.sync')} |",
                    flush=True,
                )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true", help="registers and spills instead")
    if parser.parse_args().compile:
        compiled()
    else:
        start_nothing()
        causal()
        window()
