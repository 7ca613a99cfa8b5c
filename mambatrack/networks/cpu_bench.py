"""Times the motion networks in C beside torch: python -m mambatrack.networks.cpu_bench

One thread, CPU time, medians in milliseconds over rounds in which all take their turn; random
weights and full windows of 10 offsets. GFLOP/s: multiplications and additions of the matrix
products as they are done (padding not counted) over the whole time of the window network.
"""

import ctypes
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch

from mambatrack.kernels.cpu import library as cpu
from mambatrack.kernels.cpu import network as cpu_network
from mambatrack.networks.causal import CausalMotionPredictor
from mambatrack.networks.causal_step import CausalStep
from mambatrack.networks.units import INPUT_LIMIT, TOKEN
from mambatrack.networks.window import MotionPredictor

SIZES = ((32, 2, 8), (64, 3, 16))  # d_model, layers, d_state: as shipped, and the default
TRACKS = (10, 20, 30, 100, 300)
WINDOW, BACK = 10, 4
SECONDS = 4.0  # for each row of the table


def main() -> None:
    torch.set_num_threads(1)
    variants = runnable()
    print(f"torch {torch.__version__}; ms per call, {' '.join(variants)}, torch")
    for size in SIZES:
        torch.manual_seed(0)
        networks = window(size, variants), causal(size, variants), causal(size, variants, BACK)
        for name, contenders, flops in networks:
            for tracks in TRACKS:
                times = medians([contender(tracks) for contender in contenders])
                rate = f"{flops * tracks / min(times) / 1e6:6.1f} GFLOP/s" if flops else ""
                row = " ".join(f"{each:8.3f}" for each in times)
                print(f"{name:11} d{size[0]} L{size[1]} N{tracks:<4}{row}  {rate}", flush=True)


def runnable() -> list[str]:
    """The instruction sets of this processor."""
    library = ctypes.CDLL(str(cpu.LIBRARY))
    found = []
    for variant in cpu.VARIANTS:
        runs = getattr(library, f"runs_{variant}", lambda: 1)
        if hasattr(library, f"lanes_{variant}") and runs():
            found.append(variant)
    return found


def built(kind: Callable[..., Any], model: torch.nn.Module, variant: str) -> Any:
    library = cpu.Library(ctypes.CDLL(str(cpu.LIBRARY)), variant)
    with mock.patch.object(cpu_network, "library", lambda: library):
        weights = {name: each.numpy() for name, each in model.state_dict().items()}
        return kind(weights, INPUT_LIMIT)


def window(size: tuple[int, int, int], variants: list[str]) -> tuple[str, list[Any], float]:
    model = MotionPredictor(*size).eval()

    def in_c(network: Any) -> Callable[[int], Callable[[], Any]]:
        def start(n: int) -> Callable[[], Any]:
            given, lengths = offsets(n).numpy(), np.full(n, WINDOW)
            return lambda: network(given, lengths)

        return start

    def in_torch(n: int) -> Callable[[], Any]:
        given, lengths = offsets(n), torch.full((n,), WINDOW)
        return lambda: model(given, lengths)

    networks = [built(cpu_network.WindowNetwork, model, each) for each in variants]
    return "window", [*map(in_c, networks), in_torch], window_flops(*size)


def window_flops(d_model: int, layers: int, d_state: int) -> float:
    """Of the matrix products of one track."""
    inner, rank = 2 * d_model, -(-d_model // 16)
    direction = 2 * d_model * inner + inner * (rank + 2 * d_state) + inner * d_model
    block = 2 * direction + 4 * d_model * d_model
    folded = 2 * (d_model - 4) * 2 * inner  # the first block reads the offsets themselves
    return 2.0 * WINDOW * (layers * block - folded)


def causal(
    size: tuple[int, int, int], variants: list[str], back: int = 0
) -> tuple[str, list[Any], float]:
    model = CausalMotionPredictor(*size, back).eval()

    def start(network: Any) -> Callable[[int], Callable[[], Any]]:
        def on(n: int) -> Callable[[], Any]:
            given = np.linspace(-2, 2, n * TOKEN, dtype=np.float32).reshape(n, TOKEN)
            carried = np.zeros((n, network.carried_size), np.float32)
            return lambda: network(given, carried)

        return on

    kind = partial(cpu_network.CausalNetwork, back=back)
    networks = [built(kind, model, each) for each in variants]
    name = "causal-back" if back else "causal"
    return name, [*map(start, networks), start(CausalStep(model))], 0.0


def offsets(n: int) -> torch.Tensor:
    return torch.linspace(-2, 2, n * WINDOW * 4).reshape(n, WINDOW, 4)


def medians(calls: list[Callable[[], Any]]) -> list[float]:
    """Milliseconds of each call."""
    times: list[list[float]] = [[] for _ in calls]
    end = time.process_time() + SECONDS
    with torch.inference_mode():
        while time.process_time() < end or len(times[0]) < 5:
            for call, taken in zip(calls, times, strict=True):
                start = time.process_time()
                call()
                taken.append(time.process_time() - start)
    return [1e3 * float(np.median(each)) for each in times]


if __name__ == "__main__":
    main()
